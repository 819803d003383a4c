"""May this identity do that? Asked of the API server by SubjectAccessReview, never worked out from roles.

A review answers ``no`` to a resource, group or spelling that does not exist just as it does to a power that was not
granted, so existence comes first; and a webhook of the learner's can rewrite a review on its way, so the question must
come back as it was sent. In both cases the answer is ``CannotTell``, not ``no``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ckslab_checker.layers import Layer, classify
from ckslab_checker.outcome import CannotTell
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Cluster, Identity, Response
from ckslab_labs.errors import InvalidInput

_REVIEWS = "/apis/authorization.k8s.io/v1"
_RESOURCE = re.compile(r"([a-z0-9*-]+)(?:\.([a-z0-9.*-]+))?(?:/([a-z0-9*-]+(?:/[a-z0-9*-]+)*))?")
_KNOWN_STATUS = {"allowed", "denied", "reason", "evaluationError"}
_AUTHORIZED_ONLY = frozenset(
    {
        ("", "users"),
        ("", "groups"),
        ("authentication.k8s.io", "users"),
        ("authentication.k8s.io", "groups"),
        ("authentication.k8s.io", "serviceaccounts"),
        ("authentication.k8s.io", "nodes"),
        ("authentication.k8s.io", "uids"),
        ("certificates.k8s.io", "signers"),
    }
)
"""What rules may name though no server serves it: it stands for an act (impersonate, sign), not for an object."""
MAX_EXISTING = 200
"""Names of existing objects that are asked for; every name in a role is asked for, however many there are."""


Rbac = Mapping[str, Sequence[dict[str, Any]]]
"""Roles and bindings, by kind."""
_INSTALLED = frozenset({Layer.POLICY, Layer.WEBHOOK, Layer.FAILED_WEBHOOK})


class Obstructed(CannotTell):
    """Admission control that somebody installed refuses reviews of access: the cluster is broken for everybody."""


@dataclass(frozen=True)
class Attributes:
    """What is asked for. ``""`` as namespace means the cluster scope, or all namespaces; ``""`` as name means any."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def path(self) -> str:
        """``pods/log``: the resource with its subresource, as roles write it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        named = "/".join(part for part in (resource, self.name, self.subresource) if part)
        return f"{self.verb} {named}" + (f" in {self.namespace}" if self.namespace else "")

    def spec(self) -> dict[str, Any]:
        """The part of a review that holds it."""
        fields = {k: v for k, v in vars(self).items() if v}
        return {"resourceAttributes": fields}


@dataclass(frozen=True)
class PathAttributes:
    """A request outside of all resources, such as ``GET /metrics``; verbs are HTTP's in lower case."""

    verb: str
    path: str

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"

    def spec(self) -> dict[str, Any]:
        """The part of a review that holds it."""
        return {"nonResourceAttributes": {"path": self.path, "verb": self.verb}}


@dataclass(frozen=True)
class Decision:
    """The authorizers' answer.

    ``evaluation_error`` beside a ``no`` is legal: a binding names a role that does not exist.
    """

    allowed: bool
    reason: str = ""
    evaluation_error: str = ""


def parse_resource(text: str) -> tuple[str, str, str]:
    """Split ``pods/log`` or ``deployments.apps/scale`` into group, resource and subresource.

    Raises:
        ValueError: it is of another form; pydantic's validators want this one.

    """
    match = _RESOURCE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no resource: write pods, pods/log or deployments.apps")
    name, group, subresource = match.groups(default="")
    return group, name, subresource


def allowed(
    cluster: Cluster, identity: Identity, attributes: Attributes | PathAttributes, *, objects: Objects | None = None
) -> Decision:
    """Ask the API server by SubjectAccessReview, once it is certain that the resource exists.

    Give ``objects`` where the cluster's discovery is at hand, so that it is not fetched again.

    Raises:
        CannotTell: the resource does not exist, the review came back changed, or its answer is of an unknown form.
        InvalidInput: the identity is in ``system:masters``.

    """
    if isinstance(attributes, Attributes):
        require_existence(objects or Objects(cluster), attributes.group, attributes.path)
    return review(cluster, identity, attributes)


def review(cluster: Cluster, identity: Identity, attributes: Attributes | PathAttributes) -> Decision:
    """The SubjectAccessReview alone; right only where the caller knows that what it asks about exists.

    Raises:
        CannotTell: the review came back changed, or its answer is of an unknown form.
        InvalidInput: the identity is in ``system:masters``.

    """
    refuse_masters(identity)
    spec = {**attributes.spec(), "user": identity.user, "groups": list(identity.groups)}
    spec = {key: value for key, value in spec.items() if value}
    return _decision(_review(cluster, "SubjectAccessReview", spec), spec, attributes)


def self_allowed(cluster: Cluster, identity: Identity, attributes: Attributes | PathAttributes) -> Decision | None:
    """A second opinion: the identity itself, impersonated, asks a SelfSubjectAccessReview.

    Returns:
        the decision, or ``None`` where the identity may not ask (anonymous requests may not).

    """
    refuse_masters(identity)
    spec = attributes.spec()
    response = _review(cluster, "SelfSubjectAccessReview", spec, as_=identity)
    if response.status == 403 and response.reason == "Forbidden":
        return None
    return _decision(response, spec, attributes)


def refuse_masters(identity: Identity) -> None:
    """Refuse an identity that no authorizer is ever asked about."""
    if "system:masters" in identity.groups:
        seen = f"{identity.user} is in system:masters, which bypasses RBAC and every check of it"
        raise InvalidInput("ask as an identity of the scenario", seen, "Take another group.")


def names_of_interest(objects: Objects, rbac: Rbac, resource: str, namespace: str | None) -> list[str]:
    """Names that an answer may depend on: existing objects', and those in any role's ``resourceNames``.

    ``resource`` may have a subresource (``pods/log``: the names of pods); ``namespace`` is ``None`` for everything.
    """
    group, parent, _ = parse_resource(resource)
    existing = {item["metadata"]["name"] for item in objects.list(f"{parent}.{group}", namespace)}
    return list(dict.fromkeys([*sorted(existing)[:MAX_EXISTING], *names_in_roles(rbac, resource, namespace)]))


def names_in_roles(rbac: Rbac, resource: str, namespace: str | None) -> list[str]:
    """The ``resourceNames`` of every rule that covers the resource, whether such objects exist or not."""
    group, parent, subresource = parse_resource(resource)
    path = f"{parent}/{subresource}" if subresource else parent
    roles = [role for role in rbac["Role"] if namespace in (None, role["metadata"]["namespace"])]
    rules = (rule for role in [*rbac["ClusterRole"], *roles] for rule in role.get("rules") or ())
    naming = [rule for rule in rules if rule.get("resourceNames")]  # few do, and there are thousands
    return sorted({name for rule in naming for name in _names_in(rule, group, path)})


def _names_in(rule: dict[str, Any], group: str, path: str) -> list[str]:
    subresource = path.partition("/")[2]
    resources = {"*", path, f"*/{subresource}"} if subresource else {"*", path}
    groups = rule.get("apiGroups") or []
    if not resources.intersection(rule.get("resources") or []) or not {"*", group}.intersection(groups):
        return []
    return list(rule["resourceNames"])


def require_existence(objects: Objects, group: str, path: str) -> None:
    """Refuse a question about a resource (``pods``, ``pods/log``) that the cluster does not have.

    Raises:
        CannotTell: naming it.

    """
    if "*" not in (group, path) and not objects.exists(group, path):
        parent, _, subresource = path.partition("/")
        called = "/".join(filter(None, (f"{parent}.{group}" if group else parent, subresource)))
        raise CannotTell(f"this cluster has no resource {called}: every question about it would be answered with no")


def _review(cluster: Cluster, kind: str, spec: dict[str, Any], as_: Identity | None = None) -> Response:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    return cluster.request("POST", f"{_REVIEWS}/{kind.lower()}s", body, as_=as_)


def _decision(response: Response, spec: dict[str, Any], attributes: Attributes | PathAttributes) -> Decision:
    if classify(response) in _INSTALLED:
        raise Obstructed(f"the review of '{attributes}' was refused: HTTP {response.status} {response.message}")
    if response.status != 201 or not isinstance(response.body, dict):
        raise CannotTell(f"the review of '{attributes}' was refused: HTTP {response.status} {response.message}")
    if response.body.get("spec") != spec:
        raise CannotTell(f"the review of '{attributes}' came back changed: something rewrites reviews on their way")
    status = response.body.get("status")
    if not isinstance(status, dict) or status.keys() - _KNOWN_STATUS or not isinstance(status.get("allowed"), bool):
        raise CannotTell(f"the review of '{attributes}' has an answer of an unknown form: {status}")
    if status["allowed"] and status.get("denied"):
        raise CannotTell(f"the review of '{attributes}' says both allowed and denied")
    return Decision(status["allowed"], str(status.get("reason", "")), str(status.get("evaluationError", "")))
