"""Applies a scenario's setup to a clean cluster, and waits until its pods run.

The cluster may have been somebody's playground a moment ago: admission policies that a restore took away refuse
requests for a moment more, those of the kubelet included. Nothing here knows what a check is.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

from ckslab_labs.cluster.objects import Manifest, Manifests, Objects
from ckslab_labs.cluster.port import Capability, Response
from ckslab_labs.cluster.rollouts import moving
from ckslab_labs.cluster.together import together
from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.scenario.manifests import read_manifests
from ckslab_labs.scenario.model import Scenario

PODS_SECONDS = 30.0
REAL_PODS_SECONDS = 300.0
"""Real pods may have to fetch their images first."""
STALE_SECONDS = 3.0
"""How long what a restore took away may still refuse requests: policies are read anew once a second."""


def set_up(objects: Objects, scenario: Scenario) -> None:
    """Apply every manifest of the setup in name order; where nodes are required, wait until the pods run.

    Those of one kind that follow one another do not depend on one another, and are applied side by side.

    Debug containers are added last: the API server takes them for pods that are there, and by a way of their own.

    Raises:
        InvalidInput: the API server refuses a manifest.
        Infrastructure: pods do not run in time; names them.

    """
    _apply_all(objects, scenario)
    if Capability.NODES in scenario.spec.requires:
        _await_pods(objects, scenario)
    for pod in read_manifests(scenario.folder / "setup"):
        if _debug_containers(pod):
            _debug(objects, pod)


def _apply_all(objects: Objects, scenario: Scenario) -> None:
    real = Capability.KUBELET in objects.cluster.capabilities
    nodes = [node["metadata"]["name"] for node in objects.list("Node")] if real else []
    plain = filter(None, map(_without_debug_containers, read_manifests(scenario.folder / "setup")))
    for kind, group in groupby(plain, lambda manifest: manifest["kind"]):
        manifests = [_on_a_node(manifest, nodes) if real else manifest for manifest in group]
        together(partial(_apply, objects, manifest) for manifest in manifests)
        if kind == "Namespace":
            together(partial(_apply, objects, _account_in(manifest)) for manifest in manifests)


def _account_in(namespace: Manifest) -> Manifest:
    """Its account: a pod needs it at once; the controller that makes it may be slower, or not run."""
    metadata = {"name": "default", "namespace": namespace["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def _on_a_node(manifest: Manifest, nodes: Sequence[str]) -> Manifest:
    """A pod that is bound to a node that is not there goes to the first: real nodes are fewer than simulated ones."""
    bound = manifest["kind"] == "Pod" and manifest["spec"].get("nodeName")
    if not bound or bound in nodes:
        return manifest
    return {**manifest, "spec": {**manifest["spec"], "nodeName": nodes[0]}}


def _debug_containers(manifest: Manifest) -> Manifests:
    if manifest["kind"] != "Pod":
        return []
    return list(manifest["spec"].get("ephemeralContainers", ()))


def _without_debug_containers(manifest: Manifest) -> Manifest | None:
    """What is to be applied; nothing where somebody else makes the pod, and it is only to be debugged."""
    if not _debug_containers(manifest):
        return manifest
    spec = {key: value for key, value in manifest["spec"].items() if key != "ephemeralContainers"}
    return {**manifest, "spec": spec} if spec.get("containers") else None


def _debug(objects: Objects, pod: Manifest) -> None:
    """Add a pod's debug containers, and wait until real ones have started."""
    name, namespace = pod["metadata"]["name"], pod["metadata"].get("namespace", "default")
    added = {"spec": {"ephemeralContainers": _debug_containers(pod)}}
    way = ("strategic", "ephemeralcontainers")
    _must(f"debug the setup's Pod {name}", lambda: objects.patch("Pod", name, namespace, added, *way))
    deadline = time.monotonic() + REAL_PODS_SECONDS
    names = {each["name"] for each in _debug_containers(pod)}
    while Capability.KUBELET in objects.cluster.capabilities and (late := names - _started(objects, name, namespace)):
        if time.monotonic() > deadline:
            seen = f"not running after {REAL_PODS_SECONDS:g} s: {', '.join(sorted(late))}"
            raise Infrastructure(f"debug the setup's Pod {name}", seen, "Run `ckslab reset`, or see `ckslab doctor`.")
        time.sleep(0.05)


def _started(objects: Objects, name: str, namespace: str) -> set[str]:
    statuses = objects.get("Pod", name, namespace).body.get("status", {}).get("ephemeralContainerStatuses", ())
    return {each["name"] for each in statuses if "waiting" not in each.get("state", {"waiting": {}})}


def _apply(objects: Objects, manifest: Manifest) -> None:
    name = f"{manifest['kind']} {manifest['metadata'].get('name')}"
    _must(f"apply the setup's {name}", lambda: objects.apply(manifest))


def _must(attempted: str, send: Callable[[], Response]) -> None:
    deadline = time.monotonic() + STALE_SECONDS
    while not (answer := send()).ok:
        if time.monotonic() > deadline:
            raise InvalidInput(attempted, answer.message, "The scenario's setup is broken.")
        time.sleep(0.05)


def _await_pods(objects: Objects, scenario: Scenario) -> None:
    real = Capability.KUBELET in objects.cluster.capabilities
    seconds = REAL_PODS_SECONDS if real else PODS_SECONDS
    deadline = time.monotonic() + seconds
    again = time.monotonic() + STALE_SECONDS
    while (waiting := [pod["metadata"] for pod in objects.list("Pod") if _is_pending(pod)]) or (
        real and moving(objects)  # pods that are yet to be made, or to be ready
    ):
        if time.monotonic() > deadline:
            names = ", ".join([metadata["name"] for metadata in waiting[:5]] or moving(objects)[:5])
            seen = f"not running after {seconds:g} s: {names}"
            raise Infrastructure("start the scenario's pods", seen, "Run `ckslab reset`, or see `ckslab doctor`.")
        if time.monotonic() > again and not real:
            # A simulated kubelet whose report was refused by such a policy does not report again: only a new pod helps.
            for metadata in waiting:
                objects.delete("Pod", metadata["name"], metadata["namespace"])
            _apply_all(objects, scenario)
            again = deadline
        time.sleep(0.02)


def _is_pending(pod: Manifest) -> bool:
    """A gated pod waits on purpose."""
    return pod.get("status", {}).get("phase") != "Running" and not pod["spec"].get("schedulingGates")
