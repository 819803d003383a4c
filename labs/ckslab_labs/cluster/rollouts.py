"""Workloads and pods that are on their way: whoever looks at running pods has to wait for them.

Read from the pods themselves and from what controllers report. What is stuck (an image that is not there, a container
that ends again and again, pods that are refused) is not on its way: it stays as it is, until somebody changes it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ckslab_labs.cluster.objects import Manifest, Objects

WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
"""Reasons for which a container waits, and will wait."""


def moving(objects: Objects) -> list[str]:
    """What is on its way, as ``Kind name``: workloads whose pods are not those that they ask for, pods not yet ready.

    Raises:
        Infrastructure: the API server refused.

    """
    found = objects.lists((*WORKLOADS, "Pod"))
    pods = [pod for pod in found["Pod"] if "deletionTimestamp" not in pod["metadata"]]
    workloads = [(kind, item) for kind in WORKLOADS for item in found[kind]]
    stuck = _with_owners([pod for pod in pods if _is_stuck(pod)], [item for _, item in workloads])
    late = [
        f"{kind} {item['metadata']['name']}"
        for kind, item in workloads
        if item["metadata"]["uid"] not in stuck and not _fails(item) and _is_behind(kind, item, _count(pods, item))
    ]
    return late + [f"Pod {pod['metadata']['name']}" for pod in pods if _starts(pod) and not _is_stuck(pod)]


def _is_behind(kind: str, item: Manifest, pods: int) -> bool:
    """Whether its controller still has to do something."""
    spec, status = item["spec"], item.get("status", {})
    if status.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return True
    by_hand = spec.get("paused") or spec.get("updateStrategy", {}).get("type") == "OnDelete"
    new = {"Deployment": "updatedReplicas", "DaemonSet": "updatedNumberScheduled"}.get(kind)
    wanted = status.get("desiredNumberScheduled", 0) if kind == "DaemonSet" else spec.get("replicas", 1)
    if kind == "Deployment":
        return not by_hand and not status.get("replicas", 0) == status.get("updatedReplicas", 0) == wanted
    if pods != wanted:
        return True
    return bool(new and not by_hand and status.get(new, 0) < wanted) or (not by_hand and _has_old_pods(item))


def _has_old_pods(stateful_set: Manifest) -> bool:
    status = stateful_set.get("status", {})
    partition = stateful_set["spec"].get("updateStrategy", {}).get("rollingUpdate", {}).get("partition", 0)
    return not partition and status.get("currentRevision") != status.get("updateRevision")


def _fails(workload: Manifest) -> bool:
    """Whether its pods are refused."""
    conditions = workload.get("status", {}).get("conditions", ())
    return any(each["type"] == "ReplicaFailure" and each["status"] == "True" for each in conditions)


def _starts(pod: Manifest) -> bool:
    """Whether it is to become ready; a gated pod waits on purpose."""
    status = pod.get("status", {})
    if status.get("phase") in ("Succeeded", "Failed") or pod["spec"].get("schedulingGates"):
        return False
    return conditions(pod).get("Ready") != "True"


def _is_stuck(pod: Manifest) -> bool:
    status = pod.get("status", {})
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    reasons = {each.get("state", {}).get("waiting", {}).get("reason") for each in containers}
    return bool(reasons & STUCK) or conditions(pod).get("PodScheduled") == "False"


def conditions(pod: Manifest) -> Mapping[str, Any]:
    """The statuses of a pod's conditions, by their types."""
    return {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", ())}


def _count(pods: Iterable[Manifest], owner: Manifest) -> int:
    return sum(owner["metadata"]["uid"] in _owners(pod) for pod in pods)


def _with_owners(stuck: Iterable[Manifest], workloads: Iterable[Manifest]) -> set[str]:
    """The owners of these pods, and theirs."""
    above = {item["metadata"]["uid"]: set(_owners(item)) for item in workloads}
    owners = {uid for pod in stuck for uid in _owners(pod)}
    return owners.union(*(above.get(uid, set()) for uid in owners))


def _owners(item: Manifest) -> Iterator[str]:
    return (owner["uid"] for owner in item["metadata"].get("ownerReferences") or ())
