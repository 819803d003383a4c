"""The objects of ours by which the barrier sees that a cluster has settled, one kind for each kind of change.

A sentinel acts on nobody but itself: a role names a user and a resource that nobody has, a policy or webhook selects
objects by a label that is random, a Pod Security label only warns. So nothing goes wrong if one is seen a moment longer
than it exists. How long to wait, and for which of them, is the barrier's business.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ckslab_checker import access
from ckslab_checker.context import Context, Manifest
from ckslab_checker.layers import Layer, classify, installed_name
from ckslab_labs.cluster.port import Identity, Response
from ckslab_labs.errors import Unreachable

PREFIX = "ckslab-barrier-"
LABEL = "ckslab.dev/barrier"
_RBAC = "rbac.authorization.k8s.io"
_WARN = "pod-security.kubernetes.io/warn"
UNHEEDED = 3.0
"""Seconds after which a Pod Security label that has not acted never will: milliseconds are usual."""


class Refused(Exception):
    """The cluster does not let us write a sentinel."""


class Sentinel(Protocol):
    """Something of ours that acts once everything of its kind that was written before acts."""

    @property
    def what(self) -> str:
        """What it is, for messages."""

    def write(self) -> None:
        """Put it into the cluster, or raise ``Refused``."""

    def seen(self) -> str | None:
        """``None`` once it acts, else what was observed instead."""

    def erase(self) -> None:
        """Take it out again, as far as the cluster lets us."""


@dataclass(frozen=True)
class Written:
    """A sentinel that consists of objects, seen by a question."""

    ctx: Context
    what: str
    manifests: Sequence[Manifest]
    ask: Callable[[], str | None]

    def write(self) -> None:
        """See ``Sentinel``."""
        for manifest in self.manifests:
            _accept(self.ctx.objects.create(manifest))

    def seen(self) -> str | None:
        """See ``Sentinel``."""
        return self.ask()

    def erase(self) -> None:
        """See ``Sentinel``."""
        for manifest in self.manifests:
            with suppress(Unreachable):
                self.ctx.cluster.request("DELETE", self.ctx.objects.path(manifest))


def grant(ctx: Context, token: str, kind: str) -> Sentinel:
    """A Role (in our namespace) or ClusterRole, bound to a user of its own, seen by SubjectAccessReview."""
    namespace = ctx.control_namespace if kind == "Role" else ""
    identity = Identity(f"{PREFIX}{token}-{kind.lower()}")
    attributes = access.Attributes("get", "barrier.ckslab.dev", "sentinels", namespace=namespace)
    rule = {"apiGroups": [attributes.group], "resources": [attributes.resource], "verbs": [attributes.verb]}
    role = {**_object(f"{_RBAC}/v1", kind, token, namespace), "rules": [rule]}
    binding = {
        **_object(f"{_RBAC}/v1", f"{kind}Binding", token, namespace),
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role["metadata"]["name"]},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": identity.user}],
    }

    def ask() -> str | None:
        return None if access.review(ctx.cluster, identity, attributes).allowed else "its grant is not in force"

    return Written(ctx, f"a {kind} and its binding", (role, binding), ask)


def aggregate(ctx: Context, token: str) -> Sentinel:
    """A ClusterRole that is made of another, seen by the rules that the controller writes into it.

    Whatever the controller had begun before it heard of the other is over by then: it hears of all ClusterRoles in
    the order in which they changed, and what it writes waits in one line.
    """
    part = _object(f"{_RBAC}/v1", "ClusterRole", f"{token}-part")
    part["rules"] = [{"apiGroups": ["barrier.ckslab.dev"], "resources": ["sentinels"], "verbs": ["get"]}]
    whole = _object(f"{_RBAC}/v1", "ClusterRole", f"{token}-whole")
    whole["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": part["metadata"]["labels"]}]}

    def ask() -> str | None:
        answer = ctx.objects.get("ClusterRole", whole["metadata"]["name"])
        return None if answer.ok and answer.body.get("rules") else "it is empty"

    return Written(ctx, "an aggregated ClusterRole", (whole, part), ask)


def validating_policy(ctx: Context, token: str) -> Sentinel:
    """A ValidatingAdmissionPolicy with a binding, seen by the warning that a dry run gets.

    It only warns, as of several policies that deny the server names one: a warning is seen beside another's denial.
    """
    spec = {"validations": [{"expression": "false", "message": "a sentinel of ckslab"}]}
    policy, binding = _policy(ctx, "ValidatingAdmissionPolicy", token, spec, {"validationActions": ["Warn"]})

    def ask() -> str | None:
        answer = _dry_run(ctx, policy)
        if f"ValidatingAdmissionPolicy '{policy['metadata']['name']}'" in answer.headers.get("warning", ""):
            return None
        return _said(answer) if classify(answer) is Layer.POLICY else _unmasked(answer)

    return Written(ctx, "an admission policy and its binding", (policy, binding), ask)


def mutating_policy(ctx: Context, token: str) -> Sentinel:
    """A MutatingAdmissionPolicy with a binding, seen by an annotation that it makes in a dry run."""
    mutation = {"expression": f'Object{{metadata: Object.metadata{{annotations: {{"{LABEL}": "seen"}}}}}}'}
    spec = {
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": mutation}],
    }
    policy, binding = _policy(ctx, "MutatingAdmissionPolicy", token, spec, {})

    def ask() -> str | None:
        answer = _dry_run(ctx, policy)
        annotations = answer.body["metadata"].get("annotations", {}) if answer.ok else {}
        return None if LABEL in annotations else _unmasked(answer)

    return Written(ctx, "a mutating policy and its binding", (policy, binding), ask)


def webhook(ctx: Context, token: str, kind: str) -> Sentinel:
    """A webhook configuration that leads nowhere, seen by its failure in a dry run."""
    configuration = _object(_api_version(ctx, kind), kind, token)
    configuration["webhooks"] = [
        {
            "name": f"{PREFIX}{token}.ckslab.dev",
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": 1,
            "failurePolicy": "Fail",
            **_selection(ctx, configuration),
        }
    ]

    def ask() -> str | None:
        answer = _dry_run(ctx, configuration)
        return None if installed_name(answer) == configuration["webhooks"][0]["name"] else _unmasked(answer)

    return Written(ctx, f"a {kind}", (configuration,), ask)


@dataclass
class PodSecurityLabel:
    """A warning level on our own namespace, seen by the warning that a dry run of a PodTemplate gets.

    Of a template Pod Security only warns, so whoever enforces a level on all namespaces does not hide it.

    A version of Kubernetes that there will never be tells this run's label from any other's. Where somebody has
    exempted our namespace, or switched Pod Security off, no label of it will ever act.
    """

    ctx: Context
    version: str
    what: str = "a Pod Security label"
    looked: float | None = None
    """When it was first looked for, in vain."""

    def write(self) -> None:
        """See ``Sentinel``."""
        _accept(self._patch({_WARN: "restricted", f"{_WARN}-version": self.version}))

    def seen(self) -> str | None:
        """See ``Sentinel``."""
        spec = {"containers": [{"name": "sentinel", "image": "sentinel"}]}
        template = {**_object("v1", "PodTemplate", "pod", self.ctx.control_namespace), "template": {"spec": spec}}
        answer = self.ctx.objects.create(template, dry_run=True)
        warned = f'violate PodSecurity \\"restricted:{self.version}\\"' in answer.headers.get("warning", "")
        if warned:
            return None
        now = time.monotonic()
        self.looked = now if self.looked is None else self.looked
        if now - self.looked > UNHEEDED:
            raise Refused(f"Pod Security looks at nothing in the namespace {self.ctx.control_namespace}")
        self.write()  # another run at the same time may have put its own label there, or taken ours away
        return _said(answer)

    def erase(self) -> None:
        """See ``Sentinel``."""
        with suppress(Unreachable):
            self._patch({_WARN: None, f"{_WARN}-version": None})

    def _patch(self, labels: Mapping[str, str | None]) -> Response:
        patch = {"metadata": {"labels": labels}}
        return self.ctx.objects.patch("Namespace", self.ctx.control_namespace, None, patch)


def _policy(
    ctx: Context, kind: str, token: str, spec: Mapping[str, Any], binding: Mapping[str, Any]
) -> tuple[Manifest, Manifest]:
    policy = _object(_api_version(ctx, kind), kind, token)
    selection = _selection(ctx, policy)
    constraints = {"resourceRules": selection.pop("rules"), **selection}
    policy["spec"] = {"failurePolicy": "Fail", "matchConstraints": constraints, **spec}
    bound = _object(policy["apiVersion"], f"{kind}Binding", token)
    bound["spec"] = {"policyName": policy["metadata"]["name"], **binding}
    return policy, bound


def _selection(ctx: Context, manifest: Manifest) -> dict[str, Any]:
    """What a policy or webhook acts on: the one ConfigMap of ours that is dry-run to see it."""
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": ctx.control_namespace}}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    return {
        "rules": [rule],
        "namespaceSelector": namespace,
        "objectSelector": {"matchLabels": {LABEL: _mark(manifest)}},
    }


def _mark(manifest: Manifest) -> str:
    return f"{manifest['metadata']['labels'][LABEL]}-{manifest['kind'].lower()}"


def _dry_run(ctx: Context, manifest: Manifest) -> Response:
    config_map = _object("v1", "ConfigMap", "probe", ctx.control_namespace)
    config_map["metadata"]["labels"][LABEL] = _mark(manifest)
    return ctx.objects.create(config_map, dry_run=True)


def _unmasked(answer: Response) -> str:
    """What was seen instead of a sentinel, unless that was somebody else's refusal, which would hide it for ever."""
    if installed_name(answer):
        raise Refused(_said(answer))
    return _said(answer)


def _object(api_version: str, kind: str, token: str, namespace: str = "") -> Manifest:
    metadata: Manifest = {"name": f"{PREFIX}{token}", "labels": {LABEL: token}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _api_version(ctx: Context, kind: str) -> str:
    resource = ctx.objects.resource(kind)
    return f"{resource.group}/{resource.version}"


def _accept(answer: Response) -> None:
    if not answer.ok:
        raise Refused(_said(answer))


def _said(answer: Response) -> str:
    return f"HTTP {answer.status} {answer.message}".rstrip()
