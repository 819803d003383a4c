"""Pods that are on their way out: they serve, and do what they did, until their containers have ended.

A Deployment that is deleted leaves its ReplicaSets and pods to the garbage collector, which comes a moment later. A pod
without a grace period is gone from the API before the kubelet has ended its containers.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from collections.abc import Iterator

from ckslab_labs.cluster.objects import Manifest, Objects

MAKERS = ("ReplicaSet", "DaemonSet", "StatefulSet", "Job", "ReplicationController")
"""Kinds that make pods."""
OWNERS = ("Deployment", *MAKERS)
"""Those, and what makes them."""
COLLECTED = frozenset({"foregroundDeletion", "orphan"})
"""Finalizers that the garbage collector takes out once it has done its work."""
STATIC = "kubernetes.io/config.hash"
"""On the API's copy of a pod that a kubelet runs from a file: the uid by which the kubelet knows it."""


def leaving(objects: Objects) -> list[str]:
    """What is on its way out, as ``Kind name``; of pods that only their kubelet knows any more, too.

    A kubelet that does not answer says nothing. What is held by somebody's finalizer has ended all the same.

    Raises:
        Infrastructure: the API server refused.

    """
    found = objects.lists((*OWNERS, "Pod", "Node"))
    owned = [(kind, item) for kind in (*OWNERS, "Pod") for item in found[kind]]
    uids = {item["metadata"]["uid"] for _, item in owned}
    going = [f"{kind} {item['metadata']['name']}" for kind, item in owned if _goes(item) or _is_left(item, uids)]
    known = uids | {(pod["metadata"].get("annotations") or {}).get(STATIC) for pod in found["Pod"]}
    return going + [
        f"Pod {metadata['name']}"
        for node in found["Node"]
        for metadata in _running(objects, node["metadata"]["name"])
        if metadata["uid"] not in known
    ]


def _goes(item: Manifest) -> bool:
    """Whether it was deleted, and what it stands for is not ended yet."""
    metadata = item["metadata"]
    if "deletionTimestamp" not in metadata:
        return False
    if item.get("spec", {}).get("containers"):
        return item.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    return bool(COLLECTED & set(metadata.get("finalizers", ())))


def _is_left(item: Manifest, uids: set[str]) -> bool:
    """Whether the garbage collector will delete it: every owner of it was deleted."""
    owners = item["metadata"].get("ownerReferences") or []
    return bool(owners) and all(owner["kind"] in OWNERS and owner["uid"] not in uids for owner in owners)


def _running(objects: Objects, node: str) -> Iterator[Manifest]:
    """The metadata of the pods whose containers run, by the kubelet's own account."""
    answer = objects.cluster.request("GET", f"/api/v1/nodes/{node}/proxy/runningpods/")
    if answer.ok:
        yield from (pod["metadata"] for pod in answer.body.get("items") or ())
