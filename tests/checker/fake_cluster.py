"""A cluster in memory: discovery, RBAC objects, and reviews answered from them by the evaluator of ``powers``.

Good for what a probe makes of answers; whether the answers are a real API server's is for tests on a plane.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ckslab_checker.access import Attributes
from ckslab_checker.powers import Grants
from ckslab_labs.cluster.port import Capability, Identity, Ran, Response

RBAC = "rbac.authorization.k8s.io"
SERVED: dict[str, dict[str, tuple[str, bool, tuple[str, ...]]]] = {
    "v1": {
        "Pod": ("pods", True, ("log", "exec", "attach", "ephemeralcontainers")),
        "Secret": ("secrets", True, ()),
        "ConfigMap": ("configmaps", True, ()),
        "ServiceAccount": ("serviceaccounts", True, ("token",)),
        "ReplicationController": ("replicationcontrollers", True, ()),
        "Namespace": ("namespaces", False, ()),
        "Node": ("nodes", False, ("proxy",)),
        "PersistentVolume": ("persistentvolumes", False, ()),
    },
    "apps/v1": {
        "Deployment": ("deployments", True, ()),
        "DaemonSet": ("daemonsets", True, ()),
        "StatefulSet": ("statefulsets", True, ()),
        "ReplicaSet": ("replicasets", True, ()),
    },
    "batch/v1": {"Job": ("jobs", True, ()), "CronJob": ("cronjobs", True, ())},
    f"{RBAC}/v1": {
        "Role": ("roles", True, ()),
        "RoleBinding": ("rolebindings", True, ()),
        "ClusterRole": ("clusterroles", False, ()),
        "ClusterRoleBinding": ("clusterrolebindings", False, ()),
    },
}


class FakeCluster:
    """Holds objects by kind; knows no verbs but those that probes send."""

    def __init__(self, objects: list[dict[str, Any]], capabilities: frozenset[Capability] = frozenset()) -> None:
        self.name = "fake"
        self.kubeconfig = Path("/nonexistent")
        self.capabilities = capabilities | {Capability.API}
        self.objects = objects
        self.reviews: list[dict[str, Any]] = []
        self.answers: dict[str, Response] = {}
        """Answers to GET that are not worked out, by path."""
        self.commands: dict[tuple[str, ...], Ran | Response] = {}
        """What commands do, by the pod's name and the words."""

    def rbac(self) -> dict[str, list[dict[str, Any]]]:
        return {kind: self._of(kind) for kind in SERVED[f"{RBAC}/v1"]}

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [manifest for manifest in self.objects if manifest["kind"] == kind]

    @property
    def certificate(self) -> tuple[str, str] | None:
        return None

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        words: Sequence[str],
        *,
        timeout: float = 10.0,
    ) -> Ran | Response:
        return self.commands.get((pod, *words), Ran(127, "", f"{words[0]}: not found"))

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        as_: Identity | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Response:
        if path in self.answers:
            return self.answers[path]
        if path.endswith("/subjectaccessreviews"):
            return self._review(body)
        if method == "GET" and path in ("/api", "/apis"):
            return Response(
                200, {"items": [_group(version) for version in SERVED if ("/" in version) == (path == "/apis")]}
            )
        for version, kinds in SERVED.items():
            prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
            for kind, (plural, _, _) in kinds.items():
                if path.startswith(prefix) and path.endswith(f"/{plural}"):
                    return Response(200, {"items": self._in(kind, path)})
        return Response(404, {"reason": "NotFound", "message": "not found"})

    def _in(self, kind: str, path: str) -> list[dict[str, Any]]:
        namespace = path.split("/namespaces/")[1].split("/")[0] if "/namespaces/" in path else None
        found = self._of(kind)
        return [o for o in found if namespace is None or o["metadata"].get("namespace") == namespace]

    def _review(self, body: dict[str, Any]) -> Response:
        self.reviews.append(body["spec"])
        asked = Attributes(**{"verb": "", "group": "", "resource": "", **body["spec"]["resourceAttributes"]})
        identity = Identity(body["spec"]["user"], tuple(body["spec"].get("groups", ())))
        allowed = Grants(self.rbac(), aggregated=False).allow(identity, asked)
        return Response(201, {**body, "status": {"allowed": allowed}})


def _group(api_version: str) -> dict[str, Any]:
    group, _, version = api_version.rpartition("/")
    resources = [_entry(kind, *SERVED[api_version][kind]) for kind in SERVED[api_version]]
    return {"metadata": {"name": group}, "versions": [{"version": version, "resources": resources}]}


def _entry(kind: str, plural: str, namespaced: bool, subresources: tuple[str, ...]) -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"kind": kind},
        "scope": "Namespaced" if namespaced else "Cluster",
        "verbs": ["get"],
        "subresources": [{"subresource": name} for name in subresources],
    }


def rule(verbs: str, resources: str, groups: str = "", names: str = "") -> dict[str, Any]:
    """``rule("get list", "pods pods/log")``; ``core`` stands for the core group beside others."""
    made: dict[str, Any] = {
        "verbs": verbs.split(),
        "resources": resources.split(),
        "apiGroups": [group.replace("core", "") for group in groups.split()] or [""],
    }
    return {**made, "resourceNames": names.split()} if names else made


def role(name: str, *rules: dict[str, Any], namespace: str = "", label: str = "") -> dict[str, Any]:
    """A Role where a namespace is given, else a ClusterRole."""
    kind = "Role" if namespace else "ClusterRole"
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": _metadata(name, namespace, label),
        "rules": list(rules),
    }


def binding(name: str, to: dict[str, Any], *subjects: str, namespace: str = "", label: str = "") -> dict[str, Any]:
    """A RoleBinding where a namespace is given; subjects are ``User dana`` or ``ServiceAccount build/runner``."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": _metadata(name, namespace, label),
        "roleRef": {"apiGroup": RBAC, "kind": to["kind"], "name": to["metadata"]["name"]},
        "subjects": [_subject(*subject.split(" ", 1)) for subject in subjects],
    }


def _metadata(name: str, namespace: str, label: str) -> dict[str, Any]:
    key, _, value = label.partition("=")
    where = {"namespace": namespace} if namespace else {}
    return {"name": name, **where, **({"labels": {key: value}} if label else {})}


def _subject(kind: str, name: str) -> dict[str, str]:
    if kind == "ServiceAccount":
        namespace, _, account = name.partition("/")
        return {"kind": kind, "name": account, "namespace": namespace}
    return {"kind": kind, "name": name, "apiGroup": RBAC}


def pod(name: str, namespace: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}}
