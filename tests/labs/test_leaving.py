"""What counts as being on its way out."""

from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster

from ckslab_labs.cluster.leaving import leaving
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Response

RUNNING = "/api/v1/nodes/node/proxy/runningpods/"


def item(kind: str, name: str, owner: tuple[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    """An object whose uid is its name; ``owner`` is a kind and a uid."""
    owners = {"ownerReferences": [{"kind": owner[0], "uid": owner[1], "controller": True}]} if owner else {}
    spec = {"containers": [{"name": "app"}]} if kind == "Pod" else {}
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "uid": name, **owners, **metadata},
        "spec": spec,
    }


def found(*there: dict[str, Any], running: tuple[str, ...] = ()) -> list[str]:
    cluster = FakeCluster([*there, item("Node", "node")])
    cluster.answers[RUNNING] = Response(200, {"items": [{"metadata": {"name": uid, "uid": uid}} for uid in running]})
    return leaving(Objects(cluster))


WEB = item("Deployment", "web")
WEB_1 = item("ReplicaSet", "web-1", ("Deployment", "web"))
POD = item("Pod", "web-1-a", ("ReplicaSet", "web-1"))
GOING: dict[str, Any] = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("there", "running"),
    [
        ((WEB, WEB_1, POD), ("web-1-a",)),
        ((item("Pod", "bare"),), ("bare",)),
        ((item("Pod", "of-an-operator", ("Database", "gone")),), ()),
        ((item("Pod", "etcd", ("Node", "x"), annotations={"kubernetes.io/config.hash": "hash"}),), ("hash",)),
        # an operator holds it, and nothing of it runs any more
        ((item("Deployment", "held", finalizers=["example.com/backup"], **GOING),), ()),
        (({**item("Pod", "ended", **GOING), "status": {"phase": "Failed"}},), ()),
    ],
)
def test_what_stays_or_has_ended_is_not_on_its_way_out(there: tuple[dict[str, Any], ...], running: tuple[str]) -> None:
    assert found(*there, running=running) == []


@pytest.mark.parametrize(
    ("there", "running", "told"),
    [
        ((WEB_1, POD), (), "ReplicaSet web-1"),
        ((WEB, POD), (), "Pod web-1-a"),
        ((item("Pod", "run", ("Job", "gone")),), (), "Pod run"),
        (({**item("Pod", "bare", **GOING), "status": {"phase": "Running"}},), (), "Pod bare"),
        ((item("Deployment", "web", finalizers=["foregroundDeletion"], **GOING),), (), "Deployment web"),
        ((), ("gone",), "Pod gone"),
    ],
)
def test_what_goes_or_will_go_is_told(there: tuple[dict[str, Any], ...], running: tuple[str], told: str) -> None:
    assert found(*there, running=running) == [told]


def test_a_kubelet_that_does_not_answer_says_nothing() -> None:
    cluster = FakeCluster([item("Node", "node")])
    cluster.answers[RUNNING] = Response(503, {"message": "no route to host"})
    assert leaving(Objects(cluster)) == []
