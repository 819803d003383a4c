"""The simulated nodes of a plane: Node objects that kwok keeps ready and that pods can be bound to."""

import time
from collections.abc import Iterable

from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.errors import Infrastructure
from ckslab_labs.snapshot.snapshot import NODE

NODES = ("node-1", "node-2")
LABELLED, NOTED = "beta.kubernetes.io/os", "node.alpha.kubernetes.io/ttl"
"""What two controllers write to every node, and would write again whenever a state without it is restored."""


def node_manifest(name: str) -> Manifest:
    """A Node with the labels that a kubelet would give it, and no address (see kwok.yaml)."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def add_nodes(objects: Objects, seconds: float = 30.0) -> None:
    """Make the nodes and wait until pods can be scheduled to them, and controllers have nothing to add.

    Raises:
        Infrastructure: they did not become ready in time.

    """
    for name in NODES:
        answer = objects.apply(node_manifest(name))
        if not answer.ok:
            raise Infrastructure(f"add the simulated node {name}", answer.message, "See the logs of the plane.")
    deadline = time.monotonic() + seconds
    while waiting := [node["metadata"]["name"] for node in objects.list("Node") if not _usable(node)]:
        if time.monotonic() > deadline:
            seen = f"{', '.join(waiting)} did not become ready within {seconds:g} s"
            raise Infrastructure("add the simulated nodes", seen, "See the kwok log of the plane.")
        time.sleep(0.05)


def holds_nodes(keys: Iterable[bytes]) -> bool:
    """Whether there is a Node among etcd's keys."""
    return any(key.startswith(NODE) for key in keys)


def _usable(node: Manifest) -> bool:
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", [])}
    ready = conditions.get("Ready") == "True" and not node["spec"].get("taints")
    return ready and LABELLED in node["metadata"].get("labels", {}) and NOTED in node["metadata"].get("annotations", {})
