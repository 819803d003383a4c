"""Pods of a real node: which of them belong to a clean cluster, and how those of a moment ago are brought back.

A pod is never written through etcd: its container comes and goes with the kubelet. One that was changed, or is gone,
is made again from what it was made of; one that a controller owns is left to the controller.
"""

import json
from collections.abc import Mapping
from typing import Any

from ckslab_labs.cluster.network import CLIENT, SERVER
from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.providers.embedded.baseline import CONTROL_NAMESPACE
from ckslab_labs.session import restarts

OWNERS = ("ReplicaSet", "DaemonSet", "StatefulSet", "Job", "ReplicationController")
"""Kinds that make pods."""

WORKLOADS = ("Deployment", "DaemonSet")
"""Kinds of a clean cluster's own workloads."""
DAEMONS = ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled")

OURS = ("control", SERVER, CLIENT)
"""Pods of ours, in our own namespace."""

Key = tuple[str, str]


def take_out_finalizers(objects: Objects) -> None:
    """Let pods go at once, whatever somebody wants to be done first; it needs their namespaces."""
    for pod in objects.list("Pod"):
        if pod["metadata"].get("finalizers"):
            name, namespace = _key(pod)[::-1]
            objects.patch("Pod", name, namespace, {"metadata": {"finalizers": None}})


def end_strangers(objects: Objects) -> None:
    """End pods whose owner is not there any more; the kubelet ends their containers within some seconds."""
    owners = {item["metadata"]["uid"] for items in objects.lists(OWNERS).values() for item in items}
    for pod in objects.list("Pod"):
        if not _is_systems(pod, owners):
            _end(objects, pod)


def keep(objects: Objects) -> dict[Key, Manifest]:
    """All pods as they are, by namespace and name."""
    return {_key(pod): pod for pod in objects.list("Pod")}


def bring_back(objects: Objects, kept: Mapping[Key, Manifest]) -> None:
    """End what is new, and make anew what is gone or was changed."""
    now = keep(objects)
    for key, pod in now.items():
        if key not in kept or _facts(pod) != _facts(kept[key]):
            _end(objects, pod)
    for key, pod in kept.items():
        lost = key not in now or _facts(now[key]) != _facts(pod)
        if lost and not pod["metadata"].get("ownerReferences"):
            objects.create(_bare(pod))


def facts(objects: Objects) -> bytes:
    """What pods there are, by what they are made of, and how often they have restarted; one made anew is the same."""
    found = {"/".join(_key(pod)): [_made_of(pod), restarts(pod)] for pod in objects.list("Pod") if not _is_ours(pod)}
    return json.dumps(found, sort_keys=True).encode()


def unready_workloads(objects: Objects, namespace: str) -> list[str]:
    """What makes pods there and does not have them all ready, as ``Kind name``, by what its controller says.

    A workload that its controller has not looked at yet counts: one without any pod is not ready.
    """
    found = ((kind, item) for kind in WORKLOADS for item in objects.list(kind, namespace))
    return [f"{kind} {item['metadata']['name']}" for kind, item in found if not has_its_pods(item)]


def has_its_pods(workload: Manifest) -> bool:
    """Whether all pods that a Deployment or DaemonSet asks for are of its newest kind, and ready."""
    status = workload.get("status", {})
    if "replicas" not in workload["spec"]:
        wanted, ready, new = (status.get(key, 0) for key in DAEMONS)
        wanted = max(wanted, 1)  # there is a node
    else:
        wanted = workload["spec"]["replicas"]
        ready, new = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    seen = status.get("observedGeneration") == workload["metadata"]["generation"]
    return bool(seen and ready >= wanted and new >= wanted)


def _key(pod: Manifest) -> Key:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _facts(pod: Manifest) -> list[Any]:
    """What a request may have changed of a pod; its status changes by itself."""
    return [pod["metadata"]["uid"], *_made_of(pod)]


def _made_of(pod: Manifest) -> list[Any]:
    metadata = pod["metadata"]
    return [metadata.get("labels"), metadata.get("annotations"), pod["spec"]]


def _bare(pod: Manifest) -> Manifest:
    """What a pod was made of, bound to its node as it was."""
    metadata = {
        key: pod["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in pod["metadata"]
    }
    spec = {key: value for key, value in pod["spec"].items() if key != "ephemeralContainers"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _end(objects: Objects, pod: Manifest) -> None:
    objects.delete("Pod", pod["metadata"]["name"], pod["metadata"]["namespace"])


def _is_systems(pod: Manifest, owners: set[str]) -> bool:
    """Whether a pod belongs to the clean cluster: a static one, one of a controller that is there, or our own."""
    metadata = pod["metadata"]
    owned = [owner for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    return _is_ours(pod) or any(owner["kind"] == "Node" or owner["uid"] in owners for owner in owned)


def _is_ours(pod: Manifest) -> bool:
    metadata = pod["metadata"]
    return bool(metadata["namespace"] == CONTROL_NAMESPACE and metadata["name"] in OURS)
