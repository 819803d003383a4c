"""Who a binding names, and as whom the API server would see each of them.

A binding names users, groups and service accounts; a question to the API server needs a user name with groups. This is
the one place that knows how the one becomes the other. Nothing in here decides whether anybody may do anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ckslab_labs.cluster.port import Identity

_ACCOUNT = "system:serviceaccount:"
_ACCOUNTS = "system:serviceaccounts"


@dataclass(frozen=True, order=True)
class Subject:
    """A user, a group or a service account, as a binding names it."""

    kind: str
    name: str
    namespace: str = ""

    @classmethod
    def of(cls, kind: str, name: str, namespace: str = "") -> "Subject":
        """The subject, with ``User system:serviceaccount:ns:name`` read as the service account that it means."""
        if kind != "Group" and name.startswith(_ACCOUNT):
            owner, _, account = name.removeprefix(_ACCOUNT).partition(":")
            if owner and account:
                return cls("ServiceAccount", account, owner)
        return cls(kind, name, namespace if kind == "ServiceAccount" else "")

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def names(self, identity: Identity) -> bool:
        """Whether a binding of this subject applies to the identity."""
        if self.kind == "Group":
            return self.name in identity.groups
        if self.kind == "ServiceAccount":
            return identity.user == f"{_ACCOUNT}{self.namespace}:{self.name}"
        return identity.user == self.name


def subjects_of(binding: Mapping[str, Any]) -> list[Subject]:
    """The subjects of a RoleBinding or ClusterRoleBinding."""
    return [
        Subject.of(str(entry["kind"]), str(entry["name"]), str(entry.get("namespace", "")))
        for entry in binding.get("subjects") or ()
    ]


def alone(subject: Subject, fresh: str) -> Identity:
    """The subject with nothing but itself, so that only bindings which name it can let it do anything.

    No real request comes with so few groups; it is a question, not an identity.
    """
    if subject.kind == "Group":
        return Identity(fresh, (subject.name,))
    if subject.kind == "ServiceAccount":
        return Identity(f"{_ACCOUNT}{subject.namespace}:{subject.name}")
    return Identity(subject.name)


def as_seen(subject: Subject, known: Iterable[Identity], fresh: str) -> list[Identity]:
    """The identities that the API server would see for a subject.

    A service account comes with the groups of its token. A user comes with the groups that the scenario's identities
    of that name have, and ``system:authenticated``. A group is seen through a member who has nothing else: a fresh
    user or, for a group of service accounts, a fresh one of those.

    Args:
        subject: as a binding names it.
        known: the scenario's identities.
        fresh: a name that nothing in the cluster has, for the member of a group.

    """
    if subject.kind == "Group":
        return [_member(subject.name, fresh)]
    if subject.kind == "ServiceAccount":
        return [Identity.of_service_account(subject.namespace, subject.name)]
    if subject.name == "system:anonymous":
        return [Identity.anonymous()]
    return [i for i in known if i.user == subject.name] or [Identity.of_user(subject.name)]


def bound_accounts(rbac: Mapping[str, Sequence[Mapping[str, Any]]], fresh: str) -> list[Identity]:
    """Every service account that a binding names, and a fresh one of each group of service accounts that one names.

    The control plane's own, which are the accounts of kube-system that Kubernetes itself binds, are left out.
    """
    bindings = [*rbac.get("RoleBinding", ()), *rbac.get("ClusterRoleBinding", ())]
    asked = {subject for binding in bindings for subject in subjects_of(binding)} - own_accounts(rbac)
    return [identity for subject in sorted(asked) if _is_account(subject) for identity in as_seen(subject, (), fresh)]


def own_accounts(rbac: Mapping[str, Sequence[Mapping[str, Any]]]) -> set[Subject]:
    """The control plane's own controllers: accounts of kube-system that only Kubernetes itself binds."""
    bindings = [*rbac.get("RoleBinding", ()), *rbac.get("ClusterRoleBinding", ())]
    built_in, others = (
        {subject for binding in bindings if _is_built_in(binding) is kind for subject in subjects_of(binding)}
        for kind in (True, False)
    )
    return {subject for subject in built_in - others if subject.namespace == "kube-system"}


def _is_built_in(binding: Mapping[str, Any]) -> bool:
    return (binding["metadata"].get("labels") or {}).get("kubernetes.io/bootstrapping") == "rbac-defaults"


def _is_account(subject: Subject) -> bool:
    if subject.kind == "Group":
        return subject.name == _ACCOUNTS or subject.name.startswith(f"{_ACCOUNTS}:")
    return subject.kind == "ServiceAccount"


def _member(group: str, fresh: str) -> Identity:
    if group == "system:unauthenticated":
        return Identity.anonymous()
    if group == _ACCOUNTS or group.startswith(f"{_ACCOUNTS}:"):
        return Identity.of_service_account(group.removeprefix(_ACCOUNTS).lstrip(":") or fresh, fresh)
    return Identity.of_user(fresh, (group,))
