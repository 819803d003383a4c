"""What a kind cluster stores, without what only follows from its pods.

Pods are the kubelet's and are never written through etcd. So the status of what makes pods, and the endpoints that
controllers gather from them, are right only as the controllers have them now: a restore that wrote those of another
moment would be written over again and again, until pods just like the former ones run.
"""

import json
import re
from typing import Any

from ckslab_labs.snapshot.snapshot import Keys, Store

KUBELETS = re.compile(rb"^/registry/(pods|minions|csinodes|leases/kube-node-lease|events)/")
"""What the kubelet writes, or acts on: never written through etcd."""
COUNTS_PODS = re.compile(
    rb"^/registry/(deployments|replicasets|statefulsets|daemonsets|controllers|jobs|cronjobs"
    rb"|poddisruptionbudgets|horizontalpodautoscalers)/"
)
"""Objects in whose status a controller counts pods."""
GATHERED = re.compile(rb"^/registry/(endpointslices|services/endpoints)/")
GATHERERS = ("endpointslice.kubernetes.io/managed-by", "endpoints.kubernetes.io/managed-by")
"""Labels that controllers put on endpoints that they gather; those that somebody wrote by hand have none
(https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#management)."""


class Stored:
    """An etcd whose values are JSON (see the configuration), as a ``Store``."""

    def __init__(self, etcd: Store) -> None:
        self._etcd = etcd

    def dump(self) -> dict[bytes, bytes]:
        """Every key with its value, but for what follows from pods."""
        return {key: _lasting(key, value) for key, value in self._etcd.dump().items() if not _follows(key, value)}

    def write(self, put: Keys, delete: list[bytes]) -> None:
        """Put and delete in one transaction."""
        self._etcd.write(put, delete)


def _follows(key: bytes, value: bytes) -> bool:
    if KUBELETS.match(key):
        return True
    if not GATHERED.match(key):
        return False
    labels = json.loads(value)["metadata"].get("labels", {})
    return key.endswith(b"/default/kubernetes") or any(name in labels for name in GATHERERS)


def _lasting(key: bytes, value: bytes) -> bytes:
    if not COUNTS_PODS.match(key):
        return value
    stored: dict[str, Any] = json.loads(value)
    stored.pop("status", None)
    metadata = stored["metadata"]
    metadata["managedFields"] = [
        entry for entry in metadata.get("managedFields", ()) if entry.get("subresource") != "status"
    ]
    return json.dumps(stored, separators=(",", ":")).encode()
