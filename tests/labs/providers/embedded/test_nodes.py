"""When simulated nodes are ready: a state that is kept too early would be fought over at every restore."""

from typing import Any

import pytest

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.errors import Infrastructure
from ckslab_labs.providers.embedded.nodes import LABELLED, NOTED, add_nodes


def node(*, labelled: bool = True, noted: bool = True, ready: str = "True", tainted: bool = False) -> Manifest:
    metadata = {"name": "node-1", "labels": {LABELLED: "linux"} if labelled else {}}
    return {
        "metadata": metadata | ({"annotations": {NOTED: "0"}} if noted else {}),
        "spec": {"taints": [{"key": "node.kubernetes.io/not-ready"}]} if tainted else {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


class Nodes:
    """A cluster whose nodes look different each time that they are listed; at last they stay as they are."""

    def __init__(self, *looks: Manifest) -> None:
        self.looks = list(looks)

    def apply(self, manifest: Manifest) -> Any:
        return type("Accepted", (), {"ok": True})

    def list(self, kind: str) -> "list[Manifest]":
        return [self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]]


UNFINISHED = [node(ready="Unknown"), node(tainted=True), node(labelled=False), node(noted=False)]


def add(nodes: Nodes, seconds: float) -> None:
    objects: Any = nodes
    add_nodes(objects, seconds)


def test_nodes_are_ready_once_every_controller_has_written_what_it_writes() -> None:
    nodes = Nodes(*UNFINISHED, node())
    add(nodes, 10)
    assert nodes.looks == [node()]


@pytest.mark.parametrize("unfinished", UNFINISHED)
def test_a_node_that_is_not_finished_is_waited_for_and_told(unfinished: Manifest) -> None:
    with pytest.raises(Infrastructure, match="node-1 did not become ready within 0 s"):
        add(Nodes(unfinished), 0)
