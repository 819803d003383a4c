"""Who may? The learner writes the answer into a file; the API server is asked for the truth.

The rule, in words that a task can use: *name every user, group and service account to which a RoleBinding or
ClusterRoleBinding gives the right; naming somebody who has it through a group as well is neither needed nor wrong.*

* An answer is **complete** when it names every subject of a binding that, asked about alone (a user or service account
  without any group, a group through a member of nothing else), may use one of the verbs on the resource or on an
  object of it that exists.
* An answer is **right** when everyone it names may do so, with all groups that the API server would see, bound or not;
  a right to an object that does not exist yet (``resourceNames``) is enough here, and not asked for above.
* Subjects that only the cluster's own bindings name (at the start labelled ``kubernetes.io/bootstrapping``, or
  kubeadm's, or of kube-system) are never missed, nor are service accounts of kube-system.

Only bindings are read from objects; what they let somebody do is never worked out from roles.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field, field_validator

from ckslab_checker.access import Attributes, allowed, names_in_roles, parse_resource
from ckslab_checker.answers import SUBJECTS_FORM, AnswerFile, WrongForm, read_subjects
from ckslab_checker.context import Context
from ckslab_checker.outcome import Evidence
from ckslab_checker.principals import Subject, alone, as_seen, subjects_of
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Identity
from ckslab_labs.scenario.model import ProbeSpec, Text

_SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})


class Subjects(ProbeSpec):
    """``subjects: {file, verbs, resource, namespace}``; no namespace asks cluster-wide."""

    kind: ClassVar[str] = "subjects"
    asks_admission: ClassVar[bool] = False
    file: AnswerFile
    verbs: tuple[Text, ...] = Field(min_length=1, strict=False)
    resource: Text
    namespace: str = ""

    @field_validator("resource")
    @classmethod
    def _is_a_resource(cls, value: str) -> str:
        parse_resource(value)
        return value

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        try:
            named = read_subjects(ctx.files / self.file)
        except WrongForm as problem:
            return [Evidence(f"What does {self.file} say?", SUBJECTS_FORM, f"your file: {problem}", met=False)]
        needed = _Inquiry(ctx, self._questions(["", *self._existing(ctx)]))
        required = [subject for subject in _bound(ctx) if needed.may(alone(subject, ctx.member))]
        yet_to_come = names_in_roles(ctx.rbac, self.resource, self.namespace or None)
        enough = _Inquiry(ctx, [*needed.questions, *self._questions(yet_to_come)])
        return [self._complete(required, named), self._right(named, required, enough)]

    def _existing(self, ctx: Context) -> list[str]:
        group, resource, _ = parse_resource(self.resource)
        return sorted(o["metadata"]["name"] for o in ctx.objects.list(f"{resource}.{group}", self.namespace or None))

    def _questions(self, names: Iterable[str]) -> list[Attributes]:
        group, resource, sub = parse_resource(self.resource)
        return [Attributes(verb, group, resource, sub, self.namespace, name) for name in names for verb in self.verbs]

    def _complete(self, required: list[Subject], named: list[Subject]) -> Evidence:
        missing = len(set(required) - set(named))
        seen = f"{missing} of {len(required)} missing" if missing else "nobody is missing"
        asked = f"Is everyone named to whom a binding gives the right to {self._right_in_words()}?"
        return Evidence(asked, "nobody is missing", seen, met=not missing)

    def _right(self, named: list[Subject], required: list[Subject], inquiry: "_Inquiry") -> Evidence:
        wrong = [subject for subject in named if subject not in required and not inquiry.any_may(subject)]
        seen = f"{clean_line('; '.join(map(str, wrong)), 500)}: may not" if wrong else "everyone named may"
        return Evidence(f"May everyone who is named {self._right_in_words()}?", "everyone named may", seen, not wrong)

    def _right_in_words(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{' or '.join(self.verbs)} {self.resource}{where}"


@dataclass(frozen=True)
class _Inquiry:
    """Asks whether an identity may do any of some things."""

    ctx: Context
    questions: list[Attributes]

    def may(self, identity: Identity) -> bool:
        """Whether one of the questions is answered with yes; ``system:masters`` may do anything."""
        return "system:masters" in identity.groups or any(
            allowed(self.ctx.cluster, identity, asked, objects=self.ctx.objects).allowed for asked in self.questions
        )

    def any_may(self, subject: Subject) -> bool:
        return any(map(self.may, as_seen(subject, self.ctx.identities.values(), self.ctx.member)))


def _bound(ctx: Context) -> list[Subject]:
    """Everyone whom a binding names that is not the cluster's own; what was not one at the start is none now."""
    own = _SYSTEM_NAMESPACES | {ctx.control_namespace}
    now = ctx.rbac
    system = {_key(b) for b in _bindings(ctx.start.rbac if ctx.start else now) if _is_system(b, own)}
    named = {s for binding in _bindings(now) if _key(binding) not in system for s in subjects_of(binding)}
    return sorted(subject for subject in named if subject.namespace not in own)


def _bindings(rbac: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    return [*rbac.get("RoleBinding", ()), *rbac.get("ClusterRoleBinding", ())]


def _key(binding: Mapping[str, Any]) -> tuple[str, str]:
    return str(binding["metadata"].get("namespace", "")), str(binding["metadata"]["name"])


def _is_system(binding: Mapping[str, Any], own: frozenset[str]) -> bool:
    metadata = binding["metadata"]
    bootstrap = (metadata.get("labels") or {}).get("kubernetes.io/bootstrapping") == "rbac-defaults"
    return bootstrap or metadata["name"].startswith("kubeadm:") or metadata.get("namespace") in own
