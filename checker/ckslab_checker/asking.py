"""What probes share that make requests as an identity: how a question is sent, judged and told.

Whether an answer meets an expectation is decided here, in ``judge``, and nowhere else, so that no probe is easier to
please than another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ckslab_checker import access
from ckslab_checker.context import MEMBER, Context
from ckslab_checker.layers import ADMISSION, DENIALS, Expectation, Layer, classify, describe, installed_name
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.powers import Rbac
from ckslab_checker.principals import Subject, subjects_of
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Identity, Response
from ckslab_labs.errors import InvalidInput

_ACCOUNT = "system:serviceaccount:"
DRY_RUN: Mapping[str, str] = {"dryRun": "All"}


class OutOfDate(CannotTell):
    """A policy or webhook refused that is not there any more: ask again once the cluster has settled."""


@dataclass(frozen=True)
class Question:
    """One HTTP request, and what an authorizer is asked about it."""

    told: str
    """The request as a learner reads it, e.g. ``POST pods in production``."""
    method: str
    path: str
    attributes: access.Attributes | access.PathAttributes
    body: object | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def put(self, ctx: Context, identity: Identity | None, *, dry_run: bool) -> Response:
        """Send it as the identity; ``None`` is the cluster's administrator."""
        query = {**self.query, **(DRY_RUN if dry_run else {})}
        return ctx.cluster.request(
            self.method, self.path, self.body, as_=identity, query=query, content_type=self.content_type
        )

    def asked(self, identity: Identity) -> str:
        """The whole question as a learner reads it."""
        return clean_line(f"{self.told} as {called(identity)}")


def identities(ctx: Context, who: str | Sequence[str]) -> list[Identity]:
    """The scenario's identities of these short names.

    Raises:
        InvalidInput: there is none of a name, or it is in ``system:masters``.

    """
    found = []
    for name in [who] if isinstance(who, str) else who:
        if name not in ctx.identities:
            known = ", ".join(sorted(ctx.identities)) or "none"
            raise InvalidInput(f"ask as {name}", f"the scenario's identities are: {known}", "Correct the check's `as`.")
        access.refuse_masters(ctx.identities[name])
        found.append(ctx.identities[name])
    return found


def with_members(ctx: Context, who: Sequence[Identity]) -> list[Identity]:
    """The identities, and for each that is known by its groups another member of them, whom nobody can name.

    What a group may do must not depend on who is in it today. Where the start named somebody by name there is no more
    to ask, and where nobody saw the start nothing is known. Policies and webhooks may tell anybody from anybody; where
    none is installed, authorizers alone do (``for_authorizers``).
    """
    if not ctx.admission:
        return for_authorizers(ctx, who)
    known = _known_by_groups(ctx, who)
    return list(dict.fromkeys([*who, *(member(ctx, identity) for identity in known)]))


def for_authorizers(ctx: Context, who: Sequence[Identity]) -> list[Identity]:
    """The fewest identities whose answers decide all others', as authorizers only ever add.

    What somebody may who has nothing but some groups, everybody in these groups may, and in more than these. So those
    who are known by their groups are asked about as any member of the fewest of them.
    """
    known = _known_by_groups(ctx, who)
    members = list(dict.fromkeys(member(ctx, identity) for identity in known))
    fewest = [each for each in members if not any(set(other.groups) < set(each.groups) for other in members)]
    return [*(identity for identity in who if identity not in known), *fewest]


def _known_by_groups(ctx: Context, who: Sequence[Identity]) -> list[Identity]:
    bound = ctx.once("whom the start names", lambda: _bound(ctx.start.rbac if ctx.start else {}))
    return [
        identity
        for identity in who
        if not any(subject.kind == "User" and subject.names(identity) for subject in bound)
        and any(subject.kind == "Group" and subject.name in _own_groups(identity) for subject in bound)
    ]


def _bound(rbac: Rbac) -> set[Subject]:
    bindings = [*rbac.get("RoleBinding", ()), *rbac.get("ClusterRoleBinding", ())]
    return {subject for binding in bindings for subject in subjects_of(binding)}


def member(ctx: Context, identity: Identity) -> Identity:
    """Another member of the same groups, whom nobody can name."""
    return Identity(ctx.member, identity.groups)


def _own_groups(identity: Identity) -> list[str]:
    return [group for group in identity.groups if not group.startswith("system:")]


def called(identity: Identity) -> str:
    """``dana (groups developers)``, ``any member of developers`` or ``service account build/runner``."""
    if identity.user.startswith(_ACCOUNT):
        return "service account " + identity.user.removeprefix(_ACCOUNT).replace(":", "/")
    groups = [group for group in identity.groups if group != "system:authenticated"]
    if identity.user.startswith(MEMBER):
        return f"any member of {', '.join(groups) or 'system:authenticated'}"
    return f"{identity.user} (groups {', '.join(groups)})" if groups else identity.user


def expected(expect: Expectation) -> str:
    """The expectation as a learner reads it: ``denied by Pod Security``."""
    if expect in ("allowed", "denied"):
        return expect
    (layer,) = DENIALS[expect] - {Layer.ESCALATION}
    return f"denied by {layer.value}"


def missing_namespace(ctx: Context, namespace: str | None) -> list[Evidence]:
    """Evidence that a namespace is gone which the task names; none where it is there.

    Without this a check that something is denied there would be met by nothing being there.
    """
    if namespace is None or namespace in ctx.namespaces:
        return []
    return [Evidence(f"Is there a namespace {namespace}?", "yes", "no", met=False)]


def missing_accounts(ctx: Context, who: Sequence[Identity]) -> list[Evidence]:
    """Evidence that a service account is gone which must go on working; impersonation would not notice."""
    found = []
    for identity in who:
        if identity.user.startswith(_ACCOUNT):
            namespace, _, name = identity.user.removeprefix(_ACCOUNT).partition(":")
            there = ctx.once(identity.user, lambda: ctx.objects.get("ServiceAccount", name, namespace).ok)  # noqa: B023, asked at once
            if not there:
                found.append(Evidence(f"Is there a {called(identity)}?", "yes", "no", met=False))
    return found


def judge(ctx: Context, identity: Identity, question: Question, answer: Response, expect: Expectation) -> Evidence:
    """What an answer means for an expectation.

    Raises:
        CannotTell: it is neither a yes nor a no; or RBAC refused, and a review says that it would not.
        OutOfDate: it is a refusal by something that is not there any more.

    """
    layer = classify(answer)
    if layer is Layer.NOT_A_DENIAL:
        raise CannotTell(f"{question.asked(identity)}: {describe(answer, layer)}")
    if layer is Layer.RBAC and access.allowed(ctx.cluster, identity, question.attributes, objects=ctx.objects).allowed:
        raise CannotTell(f"{question.asked(identity)}: refused by RBAC, but a review of access says it is allowed")
    name = installed_name(answer)
    if name is not None and name not in ctx.admission:
        raise OutOfDate(f"{question.asked(identity)}: refused by {name}, which is not there any more")
    met = layer is Layer.NONE if expect == "allowed" else layer in DENIALS[expect]
    return Evidence(question.asked(identity), expected(expect), describe(answer, layer), met)


def require_well_formed(ctx: Context, control: Question) -> None:
    """Ask as the administrator, where the fix has no say, so that a mistake of ours cannot pass for a denial.

    Raises:
        CannotTell: the question itself is at fault.

    """
    answer = control.put(ctx, None, dry_run=True)
    layer = classify(answer)
    if layer is not Layer.NONE and layer not in ADMISSION:
        raise CannotTell(f"the control of this question went wrong: {control.told}: {describe(answer, layer)}")
