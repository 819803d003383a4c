"""What a learner, a scenario or a mistake may write to a cluster, as small functions to be drawn at random."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from ckslab_labs.cluster.objects import Manifest, Objects

RBAC = "rbac.authorization.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"
DEAD = "https://127.0.0.1:1/"
IMAGE = "registry.k8s.io/pause:3.10.1"

Write = Callable[[Objects, random.Random, str], None]


def made(api_version: str, kind: str, name: str, namespace: str | None = None, **rest: Any) -> Manifest:
    """A manifest."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **rest.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def deployment(name: str, namespace: str, replicas: int = 2) -> Manifest:
    """A Deployment of pods that do nothing."""
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": IMAGE}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    return made("apps/v1", "Deployment", name, namespace, spec=spec)


def namespace_of(choices: random.Random) -> str:
    """One of the namespaces that the series writes to."""
    return choices.choice(["default", "work", "work-2"])


def _namespace(objects: Objects, choices: random.Random, name: str) -> None:
    objects.create(made("v1", "Namespace", name, metadata={"labels": {"mine": "yes"}}))


def _configmap(objects: Objects, choices: random.Random, name: str) -> None:
    objects.create(made("v1", "ConfigMap", name, namespace_of(choices), data={"x": "y" * choices.randint(1, 5000)}))


def _role(objects: Objects, choices: random.Random, name: str) -> None:
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    objects.create(made(RBAC, "Role", name, namespace_of(choices), rules=rules))
    objects.create(made(RBAC, "ClusterRole", name, rules=rules, metadata={"labels": {AGGREGATE: "true"}}))
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subjects = [{"kind": "Group", "name": "everybody", "apiGroup": "rbac.authorization.k8s.io"}]
    objects.create(made(RBAC, "ClusterRoleBinding", name, roleRef=reference, subjects=subjects))


AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-edit"


def _deployment(objects: Objects, choices: random.Random, name: str) -> None:
    objects.create(deployment(name, namespace_of(choices), choices.randint(1, 3)))


def _pod(objects: Objects, choices: random.Random, name: str) -> None:
    node = choices.choice(["node-1", "node-2", "no-such-node"])
    spec = {"nodeName": node, "containers": [{"name": "c", "image": IMAGE}]}
    objects.create(made("v1", "Pod", name, namespace_of(choices), spec=spec))


def _crd(objects: Objects, choices: random.Random, name: str) -> None:
    kind = f"Thing{name.replace('-', '')}"
    names = {"plural": f"{kind.lower()}s", "singular": kind.lower(), "kind": kind}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions}
    definition = made(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{names['plural']}.example.com", spec=spec
    )
    objects.create(definition)
    for _ in range(20):  # served in a moment; where not, there is just no object of it
        path = f"/apis/example.com/v1/namespaces/default/{kind.lower()}s"
        if objects.cluster.request("POST", path, made("example.com/v1", kind, name, "default", x=1)).ok:
            return


def _dead_webhook(objects: Objects, choices: random.Random, name: str) -> None:
    rules = [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"], "scope": "*"}]
    hook = {
        "name": "dead.example.com",
        "clientConfig": {"url": DEAD},
        "rules": rules,
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    kind = choices.choice(["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
    objects.create(made(ADMISSION, kind, name, webhooks=[hook]))


def _deny_everything(objects: Objects, choices: random.Random, name: str) -> None:
    rules = [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}]
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": "false", "message": "no"}]}
    objects.create(made(ADMISSION, "ValidatingAdmissionPolicy", name, spec=spec))
    binding = {"policyName": name, "validationActions": ["Deny"]}
    objects.create(made(ADMISSION, "ValidatingAdmissionPolicyBinding", name, spec=binding))


def _finalizer(objects: Objects, choices: random.Random, name: str) -> None:
    namespace = namespace_of(choices)
    objects.create(made("v1", "ConfigMap", name, namespace, metadata={"finalizers": ["example.com/never"]}))
    objects.delete("ConfigMap", name, namespace)


def _stuck_namespace(objects: Objects, choices: random.Random, name: str) -> None:
    objects.create(made("v1", "Namespace", name))
    objects.create(made("v1", "ConfigMap", name, name, metadata={"finalizers": ["example.com/never"]}))
    objects.delete("Namespace", name)


def _leases(objects: Objects, choices: random.Random, name: str) -> None:
    for namespace in ("default", "kube-system", "kube-node-lease"):
        objects.create(made("coordination.k8s.io/v1", "Lease", name, namespace, spec={"holderIdentity": "me"}))


def _event(objects: Objects, choices: random.Random, name: str) -> None:
    about = {"kind": "Pod", "name": name, "namespace": "default"}
    objects.create(made("v1", "Event", name, "default", involvedObject=about, reason="Because", type="Normal"))


def _bootstrap(objects: Objects, choices: random.Random, name: str) -> None:
    objects.delete("ClusterRole", choices.choice(["view", "edit", "admin", "system:node"]))
    objects.delete("Service", "kubernetes", "default")
    objects.delete("ConfigMap", "kube-root-ca.crt", "kube-system")
    objects.delete("ServiceAccount", "default", "kube-public")


def _node(objects: Objects, choices: random.Random, name: str) -> None:
    objects.create(made("v1", "Node", name))
    objects.patch("Node", "node-1", None, {"spec": {"unschedulable": True}, "metadata": {"labels": {"mine": name}}})


ANY_TIME: Mapping[str, Write] = {
    "namespace": _namespace,
    "configmap": _configmap,
    "role": _role,
    "deployment": _deployment,
    "pod": _pod,
    "crd": _crd,
    "finalizer": _finalizer,
    "stuck namespace": _stuck_namespace,
    "leases": _leases,
    "event": _event,
    "bootstrap": _bootstrap,
    "node": _node,
}
LAST: Mapping[str, Write] = {"dead webhook": _dead_webhook, "deny everything": _deny_everything}
"""After these little else can be written."""
