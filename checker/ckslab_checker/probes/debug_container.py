"""Can they add a debug container to a pod? By every way that there is, to every pod, whatever its name.

A grant may be narrowed to names, so each pod that is there is asked about, every name in a role's ``resourceNames``,
and a name that nobody can foresee. Authorization answers before anything is looked up, so a pod need not exist to be
denied; where authorization says yes to a pod that does not, one is made to ask admission control, but never in a
learner's own cluster. A policy can only spare what it names, so where one denies,
everything that its texts could mean is tried as well: pods, containers, members of the groups and namespaces
(``variants``).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, JsonValue, model_validator

from ckslab_checker import ephemeral, installed, policy_texts, variants
from ckslab_checker.asking import (
    identities,
    missing_accounts,
    missing_namespace,
    with_members,
)
from ckslab_checker.context import Context
from ckslab_checker.debugging import Run, Seen, Tried, ask_all
from ckslab_checker.layers import Expectation
from ckslab_checker.outcome import Evidence
from ckslab_checker.principals import alone, bound_accounts, own_accounts
from ckslab_labs.cluster.port import Identity
from ckslab_labs.scenario.model import Id, ProbeSpec, Text

SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces whose accounts are the cluster's own."""


def _without_a_name(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if "name" in fields:
        raise ValueError("leave out the name: each request takes one that was never used")
    return fields


_Fields = Annotated[dict[str, JsonValue], AfterValidator(_without_a_name)]


def _several(given: _Fields | tuple[_Fields, ...]) -> tuple[_Fields, ...]:
    return given if isinstance(given, tuple) else (given,)


class DebugContainer(ProbeSpec):
    """``debug-container: {as, and-every-account?, but?, namespace?, pods, container?, expect}``."""

    kind: ClassVar[str] = "debug-container"
    as_: Id | tuple[Id, ...] = Field(alias="as")
    """An identity of the scenario, or several."""
    and_every_account: bool = Field(default=False, alias="and-every-account")
    """Besides them, every service account that a binding names, alone or by a group; under policies, every one."""
    but: Id | tuple[Id, ...] = ()
    """Identities of the scenario that are none of these accounts."""
    namespace: Text | None = None
    """Where the pods are. Without one: in every namespace, and in one that is yet to come."""
    pods: Literal["all"] | tuple[Text, ...]
    """Which pods: all that there are or could be, or those of these names."""
    container: _Fields | tuple[_Fields, ...] = Field(default_factory=dict)
    """Fields of the container, or of several, each of which is tried. What none of them names is as a policy against
    dangerous containers would have it: what is asked about is debugging itself."""
    harmless: _Fields | tuple[_Fields, ...] = ()
    """Fields of the container, or several sets of them, with any of which it is no danger (``null``: without which): a
    policy that accepts it, and gives it these, has denied what was asked for."""
    expect: Expectation
    """``allowed``: to each pod, as kubectl does it. Denied: to none, by no way."""

    @model_validator(mode="after")
    def _harmless_where_denied(self) -> "DebugContainer":
        if self.harmless and self.expect != "denied":
            raise ValueError("harmless: only where it is denied, by whatever layer")
        return self

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if gone := missing_namespace(ctx, self.namespace):
            return gone
        who = self._who(ctx)
        if self.expect == "allowed" and (gone := missing_accounts(ctx, who)):
            return gone
        where = self._where(ctx)
        harmless = _several(self.harmless)
        kinds = [Tried(fields, harmless) for fields in _several(self.container)]
        return [evidence for tried in kinds for evidence in self._of_one_kind(ctx, who, where, tried)]

    def _of_one_kind(
        self, ctx: Context, who: Sequence[Identity], where: Sequence[str], tried: Tried
    ) -> Iterator[Evidence]:
        seen = Seen(who)
        runs = [Run(self.pods, self.expect, ctx, namespace, seen, tried) for namespace in where]
        runs.sort(key=Run.is_empty)
        if self.expect == "allowed":
            everybody = with_members(ctx, who)
            yield from (evidence for run in runs for evidence in run.allowed(everybody))
            return
        yield from ask_all(ctx, [partial(run.denied, identity) for run in runs for identity in who])
        yield from self._beyond(ctx, runs[0], seen, tried)

    def _beyond(self, ctx: Context, run: Run, seen: Seen, tried: Tried) -> Iterator[Evidence]:
        """Where a policy denied: what it may spare by its own words, tried in the first namespace and in new ones."""
        if self.expect in ("allowed", "denied-by-rbac", "denied-by-pod-security"):
            return  # what is tried goes by the words of policies
        texts = ctx.once("policy texts", lambda: policy_texts.texts(ctx.installed, ctx.objects))
        fresh = ephemeral.stranger_name(ctx.seed)
        for number, identity in enumerate(seen.stopped_by_admission()):
            yield from run.varied(identity, texts, fresh, number)
            if number == 0 and self.namespace is None and not ctx.live:
                for metadata in variants.namespaces(texts, fresh):
                    yield from self._in_a_new_namespace(ctx, identity, metadata, fresh, tried)

        if self.and_every_account and ctx.admission:
            spared = self._spared(ctx)
            spelled = [account for account in variants.accounts(texts, fresh) if account.user not in spared]
            yield from run.guessed(dict.fromkeys(spelled))

    def _in_a_new_namespace(
        self, ctx: Context, identity: Identity, metadata: Mapping[str, Any], fresh: str, tried: Tried
    ) -> Iterator[Evidence]:
        name = metadata["name"]
        if ctx.objects.create({"apiVersion": "v1", "kind": "Namespace", "metadata": dict(metadata)}).ok:
            account = {"name": "default", "namespace": name}
            ctx.objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
            yield from Run(self.pods, self.expect, ctx, name, Seen(), tried).spared(identity, fresh)

    def _who(self, ctx: Context) -> list[Identity]:
        accounts: list[Identity] = []
        if self.and_every_account:
            spared = self._spared(ctx)
            known = [*bound_accounts(ctx.rbac, ctx.member), *self._existing_accounts(ctx)]
            accounts = [identity for identity in known if identity.user not in spared]
        return list(dict.fromkeys([*identities(ctx, self.as_), *accounts]))

    def _spared(self, ctx: Context) -> set[str]:
        """The users of the cluster's own accounts, and of those that the check spares."""
        own = {alone(subject, "").user for subject in own_accounts(ctx.rbac)}
        return own | {identity.user for identity in identities(ctx, self.but)}

    def _existing_accounts(self, ctx: Context) -> list[Identity]:
        """Admission control may spare accounts that no binding names; authorizers know an account by its bindings."""
        if not ctx.admission:
            return []
        places = [(a["metadata"]["namespace"], a["metadata"]["name"]) for a in ctx.objects.list("ServiceAccount")]
        return [Identity.of_service_account(*place) for place in places if place[0] not in SYSTEM]

    def _where(self, ctx: Context) -> list[str]:
        if self.namespace is not None:
            return [self.namespace]
        found = sorted(ctx.namespaces - {ctx.control_namespace})
        if ctx.live:
            return found
        fresh = f"team-{ctx.seed}"
        labels = installed.overlooked(ctx.installed, "namespaceSelector")
        metadata = {"name": fresh, "labels": labels}
        ctx.objects.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        account = {"name": "default", "namespace": fresh}
        made = ctx.objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        return [*found, fresh] if made.ok or made.status == 409 else found  # a controller may have been faster
