"""Who gained a power between two states of the RBAC objects: candidates only, for the API server to confirm.

RBAC only ever adds: an identity may do now what it could not do before only by a grant (subject, scope, rule) that
was not there before and that names the identity. So it is enough to look at grants that are new, and to see each of
their subjects as somebody who has nothing else (``principals.as_seen``): whoever else gains, gains by one of those.
A role or binding under another name, or split in two, makes no new grant.

The evaluation is the one of https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/rbac/v1/evaluation_helpers.go;
a property test holds it against a real API server. It decides one thing alone, which nobody can be asked any more: what
was allowed at the start. What is allowed now is never decided in here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ckslab_checker.access import Attributes
from ckslab_checker.principals import Subject, subjects_of
from ckslab_checker.sensitive import EVERYTHING, SENSITIVE, Sensitive
from ckslab_labs.cluster.port import Identity

Rbac = Mapping[str, Sequence[Mapping[str, Any]]]
"""Objects by kind: Role, ClusterRole, RoleBinding, ClusterRoleBinding."""


@dataclass(frozen=True)
class Rule:
    """A rule of a role, on resources."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> "Rule":
        """Read a rule as it stands in a role; a rule on paths outside all resources covers no resource."""
        verbs, groups, resources, names = (
            frozenset(rule.get(key) or ()) for key in ("verbs", "apiGroups", "resources", "resourceNames")
        )
        return cls(verbs, groups, resources, names)

    def covers(self, asked: Attributes) -> bool:
        """Whether the rule, in its scope, allows what is asked."""
        return (
            bool({"*", asked.verb} & self.verbs)
            and bool({"*", asked.group} & self.groups)
            and bool({"*", asked.path, f"*/{asked.subresource}" if asked.subresource else "*"} & self.resources)
            and (not self.names or asked.name in self.names)
        )


@dataclass(frozen=True)
class Grant:
    """What one binding gives one subject by one rule. ``""`` as namespace is the whole cluster."""

    subject: Subject
    namespace: str
    rule: Rule

    def allows(self, identity: Identity, asked: Attributes) -> bool:
        """Whether this grant alone lets the identity do what is asked."""
        in_scope = self.namespace in ("", asked.namespace)
        return in_scope and self.subject.names(identity) and self.rule.covers(asked)


@dataclass(frozen=True)
class Power:
    """Something that a grant allows, and where it leads; ``what`` is empty where it leads nowhere special."""

    grant: Grant
    asked: Attributes
    what: str


_RoleKey = tuple[str, str]
"""A role's namespace, empty for a ClusterRole, and its name."""
_Place = tuple[str, _RoleKey]
"""Where a binding acts, and the role that it gives there."""


class Grants:
    """All grants of one state of the RBAC objects, each role resolved when it is first asked for."""

    def __init__(self, rbac: Rbac, *, aggregated: bool) -> None:
        """Find what the bindings give to whom.

        Args:
            rbac: the state.
            aggregated: whether a controller fills aggregated ClusterRoles, so that the roles they select count even
                where it has not done so yet.

        """
        self._cluster_roles = {str(role["metadata"]["name"]): role for role in rbac.get("ClusterRole", ())}
        self._roles: dict[_RoleKey, Mapping[str, Any]] = {("", name): r for name, r in self._cluster_roles.items()}
        for role in rbac.get("Role", ()):
            self._roles[str(role["metadata"]["namespace"]), str(role["metadata"]["name"])] = role
        self._aggregated = aggregated
        self._places: dict[Subject, set[_Place]] = {}
        for kind in ("RoleBinding", "ClusterRoleBinding"):
            for binding in rbac.get(kind, ()):
                for subject in subjects_of(binding):
                    self._places.setdefault(subject, set()).add(_place(binding, kind))
        self._of: dict[Subject, frozenset[Grant]] = {}

    @property
    def all(self) -> frozenset[Grant]:
        """Every grant."""
        return frozenset(grant for subject in self._places for grant in self.of(subject))

    def of(self, subject: Subject) -> frozenset[Grant]:
        """The grants of one subject."""
        if subject not in self._of:
            places = self._places.get(subject, ())
            self._of[subject] = frozenset(grant for place in places for grant in self._at(subject, place))
        return self._of[subject]

    def since(self, before: "Grants") -> frozenset[Grant]:
        """Those that another state does not hold; what both hold by the same role is not even looked at."""
        return frozenset(
            grant
            for subject, places in self._places.items()
            for place in places
            if not (place in before._places.get(subject, ()) and self._same_role(before, place[1]))
            for grant in self._at(subject, place)
            if grant not in before.of(subject)
        )

    def allow(self, identity: Identity, asked: Attributes) -> bool:
        """Whether RBAC lets the identity do what is asked; ``system:masters`` may do anything."""
        named = (subject for subject in self._places if subject.names(identity))
        return "system:masters" in identity.groups or any(
            grant.allows(identity, asked) for subject in named for grant in self.of(subject)
        )

    def _at(self, subject: Subject, place: _Place) -> Iterator[Grant]:
        namespace, key = place
        if key in self._roles:
            selected = _aggregated(key[1], self._cluster_roles) if self._aggregated and not key[0] else []
            for rule in [*_rules(self._roles[key]), *selected]:
                yield Grant(subject, namespace, rule)

    def _same_role(self, before: "Grants", key: _RoleKey) -> bool:
        """Whether a role says the same in both states; of one that is made of others nothing is said."""
        now, then = self._roles.get(key, {}), before._roles.get(key, {})
        made = any(role.get("aggregationRule") for role in (now, then))
        return not made and now.get("rules") == then.get("rules")


def _place(binding: Mapping[str, Any], kind: str) -> _Place:
    namespace = str(binding["metadata"].get("namespace", "")) if kind == "RoleBinding" else ""
    role = binding["roleRef"]
    return namespace, (namespace if role["kind"] == "Role" else "", str(role["name"]))


def _rules(role: Mapping[str, Any]) -> list[Rule]:
    return [Rule.of(rule) for rule in role.get("rules") or ()]


def _aggregated(name: str, roles: Mapping[str, Mapping[str, Any]]) -> list[Rule]:
    """The rules of every role that the role selects, and of those that they select in turn (edit is part of admin)."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        role = roles[waiting.pop()]
        for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
            found = {n for n, other in roles.items() if selects(selector, other["metadata"].get("labels") or {})}
            waiting.extend(found - seen)
            seen |= found
    return [rule for other in sorted(seen) for rule in _rules(roles[other])]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects an object with these labels."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _matches(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "NotIn":
            return labels.get(key) not in values
        case _:
            return labels.get(key) in values


# --- candidates -------------------------------------------------------------------------------------------------------


def sensitive_powers(grant: Grant) -> list[Power]:
    """The sensitive powers that a grant holds, wildcards first."""
    found = [Power(grant, asked, EVERYTHING) for asked in _literal(grant) if asked.path == "*"]
    for entry in SENSITIVE:
        if entry.namespaced or not grant.namespace:
            found += [Power(grant, asked, entry.what) for asked in _questions(grant, entry)]
    return found


def other_powers(grant: Grant) -> list[Power]:
    """What else a grant holds, as its rule spells it."""
    known = {power.asked for power in sensitive_powers(grant)}
    return [Power(grant, asked, "") for asked in _literal(grant) if asked not in known]


def _questions(grant: Grant, entry: Sensitive) -> Iterator[Attributes]:
    for resource in entry.resources:
        for verb in entry.verbs:
            for asked in _named(grant, _attributes(verb, entry.group, resource, grant.namespace)):
                if grant.rule.covers(asked):
                    yield asked


def _literal(grant: Grant) -> Iterator[Attributes]:
    for group in sorted(grant.rule.groups):
        for resource in sorted(grant.rule.resources):
            for verb in sorted(grant.rule.verbs):
                yield from _named(grant, _attributes(verb, group, resource, grant.namespace))


def _named(grant: Grant, asked: Attributes) -> Iterable[Attributes]:
    """The question once for each name that the rule is narrowed to. A request that creates an object has no name."""
    if not grant.rule.names:
        return [asked]
    if asked.verb == "create" and not asked.subresource:
        return []
    return [replace(asked, name=name) for name in sorted(grant.rule.names)]


def _attributes(verb: str, group: str, resource: str, namespace: str) -> Attributes:
    name, _, subresource = resource.partition("/")
    return Attributes(verb, group, name, subresource, namespace)
