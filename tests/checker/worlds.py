"""Small clusters for tests of probes on a real API server, made of what ``fake_cluster`` spells."""

from pathlib import Path
from typing import Any

from tests.checker.fake_cluster import binding, role, rule

from ckslab_checker import barrier
from ckslab_checker.context import Context, Manifest
from ckslab_checker.outcome import Evidence
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Identity

IDENTITIES = {
    "dana": Identity.of_user("dana", ("developers",)),
    "olga": Identity.of_user("olga", ("break-glass",)),
    "runner": Identity.of_service_account("build", "runner"),
    "nobody": Identity.anonymous(),
    "root": Identity.of_user("root", ("system:masters",)),
}
ADMISSION = "admissionregistration.k8s.io/v1"
COMPLIANT = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def context(objects: Objects, *, live: bool = False, seed: str = "seed") -> Context:
    return Context(objects.cluster, IDENTITIES, Path("/nonexistent"), None, live, seed, served=objects)


def create(objects: Objects, *manifests: Manifest) -> None:
    for manifest in manifests:
        answer = objects.create(manifest)
        assert answer.ok, answer.message


def namespace(objects: Objects, name: str) -> None:
    """A namespace with its service account, which a controller may have made already."""
    create(objects, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
    assert objects.apply(account).ok


def forget_policies(objects: Objects) -> None:
    """Take every policy out of force; restoring a plane takes it out of etcd, but not at once out of force."""
    for kind in ("ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"):
        for item in objects.list(kind) if objects.serves(kind) else ():
            assert objects.delete(kind, item["metadata"]["name"]).ok
    barrier.settle(context(objects), everything=True)


def pod(name: str, where: str = "production", **spec: Any) -> Manifest:
    container = {"name": "main", "image": "registry.k8s.io/pause:3.10.1", "securityContext": COMPLIANT}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": where, "labels": {"app": "web"}},
        "spec": {"nodeName": "node-1", "containers": [container], **spec},
    }


def grant(objects: Objects, name: str, subject: str, *rules: dict[str, Any], where: str = "production") -> None:
    made = role(name, *rules, namespace=where)
    create(objects, made, binding(name, made, subject, namespace=where))


def revoke(objects: Objects, name: str, where: str = "production") -> None:
    for kind in ("RoleBinding", "Role"):
        assert objects.delete(kind, name, where).ok


def may_debug(
    objects: Objects, subject: str, verbs: str = "patch update", names: str = "", name: str = "debug"
) -> None:
    grant(objects, name, subject, rule(verbs, "pods/ephemeralcontainers", names=names), rule("get", "pods"))


def policy(name: str, expression: str, *resources: str, **validation: Any) -> list[Manifest]:
    """A policy on production that denies creations and updates for which the expression is false, and its binding."""
    rules = [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": list(resources)}]
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "production"}}
    spec = {
        "matchConstraints": {"resourceRules": rules, "namespaceSelector": selector},
        "validations": [{"expression": expression, **validation}],
    }
    bound = {"policyName": name, "validationActions": ["Deny"]}
    metadata = {"name": name}
    return [
        {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec},
        {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": bound},
    ]


def no_debug(expression: str, **validation: Any) -> list[Manifest]:
    return policy("no-debug", expression, "pods/ephemeralcontainers", **validation)


def asked(objects: Objects, probe: Any, *, live: bool = False, seed: str = "seed") -> list[Evidence]:
    """What a probe finds once the cluster has settled."""
    ctx = context(objects, live=live, seed=seed)
    barrier.settle(ctx)
    found: list[Evidence] = probe.ask(ctx)
    assert found
    return found


def met(objects: Objects, probe: Any, *, live: bool = False, seed: str = "seed") -> bool:
    return all(item.met for item in asked(objects, probe, live=live, seed=seed))


def unmet(evidence: list[Evidence]) -> list[str]:
    return [f"{item.asked}: {item.observed}" for item in evidence if not item.met]
