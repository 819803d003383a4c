"""The baseline: what a freshly settled control plane holds, made once per Kubernetes version and kept in the cache.

A plane that is filled from it need not wait for controllers to make their accounts, for roles to be aggregated and for
namespaces to be completed. The two places that hold a plane's own certificate authority are kept as JSON, which the
API server reads as well as what it stores by itself: they are rewritten for the plane that the baseline fills, as
planes are strangers to each other.
"""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.errors import Infrastructure
from ckslab_labs.files import FileLock, write_json
from ckslab_labs.paths import cache_home, private_dir
from ckslab_labs.providers.embedded.layout import Layout
from ckslab_labs.snapshot.snapshot import Snapshot

FORMAT = 2
"""Goes up when the objects below, or the way they are kept, change."""

CONTROL_NAMESPACE = "ckslab"

AUTHORITY = re.compile(rb"^/registry/configmaps/(.+/kube-root-ca\.crt|kube-system/extension-apiserver-authentication)$")
"""The keys that hold a plane's own certificate authority."""

SLOWEST_ACCOUNTS = {"namespace-controller", "root-ca-cert-publisher", "clusterrole-aggregation-controller"}
"""Accounts that the controller manager makes when it starts these controllers; by then it has made the others too."""

_PARAMS = {"name": "ckslab-params"}
_NOTHING = {"apiGroups": ["params.ckslab.dev"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["none"]}

OURS: tuple[Manifest, ...] = (
    {
        # What kubeadm gives the administrator it makes a kubeconfig for, since 1.29.
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "kubeadm:cluster-admins"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubeadm:cluster-admins"}],
    },
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CONTROL_NAMESPACE}},
    {
        # A policy that acts on nothing, and keeps the API server watching ConfigMaps as parameters: once no policy has
        # such parameters it stops, and never starts again, so that later policies see those of former times only
        # (k8s.io/apiserver v0.36, pkg/admission/plugin/policy/generic/policy_source.go, ensureParamsForPolicyLocked).
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": _PARAMS,
        "spec": {
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": {"resourceRules": [_NOTHING]},
            "validations": [{"expression": "true"}],
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": _PARAMS,
        "spec": {"policyName": _PARAMS["name"], "validationActions": ["Deny"]},
    },
    {
        # The target of control requests. A gate keeps it from a node, so nothing ever changes it.
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "control", "namespace": CONTROL_NAMESPACE},
        "spec": {
            "schedulingGates": [{"name": "ckslab/control"}],
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65535,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "pause",
                    "image": "registry.k8s.io/pause:3.10.1",
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    },
)
"""What every plane holds besides Kubernetes' own objects."""


def baseline_path(kubernetes: str) -> Path:
    """Where the baseline of a full version such as ``1.36.3`` is kept."""
    inputs = json.dumps([FORMAT, kubernetes, OURS], sort_keys=True).encode()
    return cache_home() / "baseline" / f"{kubernetes}-{hashlib.sha256(inputs).hexdigest()[:12]}.json"


def ensure_baseline(kubernetes: str, make: Callable[[Path], None]) -> Snapshot:
    """The baseline of a version, made by ``make(path)`` when it is not in the cache; one maker at a time."""
    path = baseline_path(kubernetes)
    private_dir(path.parent)
    with FileLock(path.with_suffix(".lock"), f"the baseline of Kubernetes {kubernetes}", wait=300):
        if not path.is_file():
            make(path)
        return Snapshot.load(path)


def settle(objects: Objects, dump: Callable[[], Snapshot], deadline: float = 120.0) -> Snapshot:
    """Add our objects to a new plane and wait until it has nothing more to do.

    Settled means: the controllers' accounts and the aggregated roles are there, and two dumps 2 s apart are equal.

    Raises:
        Infrastructure: it went on changing until the deadline.

    """
    until = time.monotonic() + deadline
    for manifest in OURS:
        while not (answer := objects.apply(manifest)).ok:
            if time.monotonic() > until:
                raise Infrastructure("prepare the baseline", answer.message, "See the logs of the plane.")
            time.sleep(0.2)
    before = dump()
    while time.monotonic() < until:
        time.sleep(2)
        now = dump()
        if now.keys == before.keys and _complete(objects):
            return Snapshot({**now.keys, **_authorities(objects, now)})
        before = now
    raise Infrastructure("prepare the baseline", "the new control plane went on changing", "Run `ckslab setup` again.")


def _authorities(objects: Objects, snapshot: Snapshot) -> dict[bytes, bytes]:
    """What holds the plane's own authority, as JSON in the form in which it is stored."""
    found = {}
    for key in filter(AUTHORITY.match, snapshot.keys):
        namespace, name = key.decode().split("/")[-2:]
        manifest = objects.get("ConfigMap", name, namespace).body
        del manifest["metadata"]["resourceVersion"]  # which is the key's own
        found[key] = _as_json(manifest)
    return found


def _complete(objects: Objects) -> bool:
    accounts = {account["metadata"]["name"] for account in objects.list("ServiceAccount", "kube-system")}
    aggregated = objects.get("ClusterRole", "admin").body.get("rules")
    return bool(aggregated) and accounts >= SLOWEST_ACCOUNTS


def write_fill(baseline: Snapshot, layout: Layout) -> None:
    """Leave the baseline where the supervisor fills an empty etcd from, with this plane's own authority in it."""
    authority = (layout.pki / "ca.crt").read_text()
    keys = {key: _adopted(key, value, authority) for key, value in baseline.keys.items()}
    write_json(layout.fill, {_b64(key): _b64(value) for key, value in keys.items()})


def _adopted(key: bytes, value: bytes, authority: str) -> bytes:
    """The value of a key in the plane that has this certificate authority."""
    if not AUTHORITY.match(key):
        return value
    manifest: dict[str, Any] = json.loads(value)
    field = "ca.crt" if key.endswith(b".crt") else "client-ca-file"
    manifest["data"][field] = authority
    return _as_json(manifest)


def _as_json(manifest: Manifest) -> bytes:
    return json.dumps(manifest, separators=(",", ":")).encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
