"""Pods of a real node: which of them belong to a clean cluster, and how those of a moment ago are brought back.

A pod is never written through etcd: its container comes and goes with the kubelet. One that was changed, or is gone,
is made again from what it was made of, for the owner that it had; one that the kubelet runs from a file is left to it.
"""

import json
from http import HTTPStatus
from typing import Any

from ckslab_labs.cluster.leaving import MAKERS
from ckslab_labs.cluster.network import CLIENT, SERVER
from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.cluster.port import Response
from ckslab_labs.providers.embedded.baseline import CONTROL_NAMESPACE
from ckslab_labs.session import restarts

WORKLOADS = ("Deployment", "DaemonSet")
"""Kinds of a clean cluster's own workloads."""
DAEMONS = ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled")

OURS = ("control", SERVER, CLIENT)
"""Pods of ours, in our own namespace."""

Key = tuple[str, str]


def take_out_finalizers(objects: Objects) -> list[str]:
    """Let pods go at once, whatever somebody wants to be done first; it needs their namespaces.

    Returns:
        what was refused, as for ``bring_back``.

    """
    kept = [pod for pod in objects.list("Pod") if pod["metadata"].get("finalizers")]
    return [line for pod in kept if (line := _let_go(objects, pod))]


def end_strangers(objects: Objects) -> list[str]:
    """End pods whose owner is not there any more; the kubelet ends their containers within some seconds.

    Returns:
        what was refused, as for ``bring_back``.

    """
    owners = {item["metadata"]["uid"] for items in objects.lists(MAKERS).values() for item in items}
    strangers = [pod for pod in objects.list("Pod") if not _is_systems(pod, owners)]
    return [line for pod in strangers if (line := _end(objects, pod))]


def keep(objects: Objects) -> dict[Key, Manifest]:
    """All pods as they are, by namespace and name."""
    return {_key(pod): pod for pod in objects.list("Pod")}


def bring_back(objects: Objects, kept: dict[Key, Manifest]) -> list[str]:
    """End what is new, and make anew what is gone, going or was changed; what is made takes its place in ``kept``.

    Returns:
        what is not as it was, with what the API server said: somebody's admission control may have had its say.

    """
    now = {key: pod for key, pod in keep(objects).items() if not _is_static(pod)}
    lost = {key: pod for key, pod in kept.items() if not (_is_static(pod) or _goes(pod) or _stays(now.get(key), pod))}
    refused = [_end(objects, pod) for key, pod in now.items() if key in lost or key not in kept]
    for key, pod in lost.items():
        answer = _make(objects, pod)
        if answer.ok and _made_of(answer.body) == _made_of(pod):
            kept[key] = answer.body
        else:
            refused.append(_about(pod, "it was changed" if answer.ok else answer.message))
    return [line for line in refused if line]


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


def _stays(now: Manifest | None, pod: Manifest) -> bool:
    """Whether a pod is still there, and what requests may change of it is as it was; its status changes by itself."""
    return now is not None and not _goes(now) and _made_of(now) == _made_of(pod)


def _goes(pod: Manifest) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _made_of(pod: Manifest) -> list[Any]:
    metadata = pod["metadata"]
    return [metadata.get("labels"), metadata.get("annotations"), pod["spec"]]


def _make(objects: Objects, pod: Manifest) -> Response:
    """Make what a pod was made of, bound to its node and its owner as it was; debug containers come afterwards."""
    kept = ("name", "namespace", "labels", "annotations", "ownerReferences")
    metadata = {key: pod["metadata"][key] for key in kept if key in pod["metadata"]}
    spec = dict(pod["spec"])
    debug = spec.pop("ephemeralContainers", None)
    answer = objects.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    if debug and answer.ok:
        patch = {"spec": {"ephemeralContainers": debug}}
        return objects.patch("Pod", *_key(pod)[::-1], patch, subresource="ephemeralcontainers")
    return answer


def _let_go(objects: Objects, pod: Manifest) -> str:
    return _refused(pod, objects.patch("Pod", *_key(pod)[::-1], {"metadata": {"finalizers": None}}))


def _end(objects: Objects, pod: Manifest) -> str:
    """End a pod now; says what the API server said against it."""
    return _refused(pod, objects.delete("Pod", *_key(pod)[::-1]))


def _refused(pod: Manifest, answer: Response) -> str:
    """What the API server said against it; nothing where the pod is not there any more."""
    return "" if answer.ok or answer.status == HTTPStatus.NOT_FOUND else _about(pod, answer.message)


def _about(pod: Manifest, said: str) -> str:
    return f"Pod {pod['metadata']['name']} in {pod['metadata']['namespace']}: {said}"


def _is_static(pod: Manifest) -> bool:
    """Whether the kubelet runs it from a file, and tells of it only."""
    return any(owner["kind"] == "Node" for owner in pod["metadata"].get("ownerReferences") or ())


def _is_systems(pod: Manifest, owners: set[str]) -> bool:
    """Whether a pod belongs to the clean cluster: a static one, one of a controller that is there, or our own."""
    metadata = pod["metadata"]
    owned = [owner for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    return _is_ours(pod) or any(owner["kind"] == "Node" or owner["uid"] in owners for owner in owned)


def _is_ours(pod: Manifest) -> bool:
    metadata = pod["metadata"]
    return bool(metadata["namespace"] == CONTROL_NAMESPACE and metadata["name"] in OURS)
