"""What counts as being on its way."""

from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster

from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.rollouts import moving

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
DONE = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}


def item(kind: str, name: str, owner: str = "", **rest: Any) -> dict[str, Any]:
    """An object whose uid is its name."""
    owners = {"ownerReferences": [{"uid": owner, "controller": True}]} if owner else {}
    metadata = {"name": name, "namespace": "shop", "uid": name, "generation": 2, **owners}
    return {"kind": kind, "metadata": metadata, "spec": {}, **rest}


def deployment(wanted: int = 1, spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return item("Deployment", "web", spec={"replicas": wanted, **(spec or {})}, status=DONE | status)


def replica_set(replicas: int = 1) -> dict[str, Any]:
    return item("ReplicaSet", "web-1", "web", spec={"replicas": replicas}, status={"observedGeneration": 2})


def stateful_set(spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    seen = {"observedGeneration": 2, "currentRevision": "a", "updateRevision": "a", **status}
    return item("StatefulSet", "db", spec={"replicas": 1, **(spec or {})}, status=seen)


def daemon_set(**status: Any) -> dict[str, Any]:
    seen = {"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, **status}
    return item("DaemonSet", "agent", status=seen)


def pod(name: str, owner: str = "", status: Any = READY, **spec: Any) -> dict[str, Any]:
    return item("Pod", name, owner, spec=spec, status=status)


def waiting(reason: str) -> dict[str, Any]:
    return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]}


def found(*there: dict[str, Any]) -> list[str]:
    return moving(Objects(FakeCluster(list(there))))


WEB = (deployment(), replica_set(), pod("web-1-a", "web-1"))


@pytest.mark.parametrize(
    "there",
    [
        WEB,
        (stateful_set(), pod("db-0", "db")),
        (daemon_set(), pod("agent-x", "agent")),
        (deployment(0, replicas=0, updatedReplicas=0), replica_set(0)),
        (pod("job", status={"phase": "Succeeded"}),),
        (pod("gated", status={"phase": "Pending"}, schedulingGates=[{"name": "later"}]),),
        # somebody has to go on with these by hand
        (deployment(2, {"paused": True}), *WEB[1:]),
        (stateful_set({"updateStrategy": {"type": "OnDelete"}}, updateRevision="b"), pod("db-0", "db")),
        (
            stateful_set({"updateStrategy": {"rollingUpdate": {"partition": 1}}}, updateRevision="b"),
            pod("db-0", "db"),
        ),
    ],
)
def test_what_has_arrived_is_not_on_its_way(there: tuple[dict[str, Any], ...]) -> None:
    assert found(*there) == []


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ((deployment(observedGeneration=1), *WEB[1:]), "Deployment web"),
        ((deployment(2), *WEB[1:]), "Deployment web"),
        ((deployment(replicas=2), *WEB[1:]), "Deployment web"),
        ((deployment(), replica_set()), "ReplicaSet web-1"),
        ((stateful_set(),), "StatefulSet db"),
        ((stateful_set(), pod("db-0", "db"), pod("db-1", "db")), "StatefulSet db"),
        ((stateful_set(updateRevision="b"), pod("db-0", "db")), "StatefulSet db"),
        ((daemon_set(updatedNumberScheduled=0), pod("agent-x", "agent")), "DaemonSet agent"),
        ((pod("bare", status={"phase": "Pending"}),), "Pod bare"),
        ((pod("bare", status={"phase": "Running"}),), "Pod bare"),
        ((pod("bare", status=waiting("ContainerCreating")),), "Pod bare"),
    ],
)
def test_what_has_not_arrived_is_on_its_way(there: tuple[dict[str, Any], ...], told: str) -> None:
    assert found(*there) == [told]


def test_a_pod_on_its_way_out_counts_as_gone() -> None:
    ending = pod("web-1-a", "web-1")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert found(deployment(), replica_set(), ending) == ["ReplicaSet web-1"]


@pytest.mark.parametrize("reason", ["CrashLoopBackOff", "ErrImageNeverPull", "CreateContainerConfigError"])
def test_what_is_stuck_is_not_on_its_way_nor_is_what_makes_it(reason: str) -> None:
    """A rollout whose new pod never runs leaves the old one there."""
    new = item("ReplicaSet", "web-2", "web", spec={"replicas": 1}, status={"observedGeneration": 2})
    late = deployment(replicas=2)
    assert found(late, replica_set(), new, pod("web-1-a", "web-1"), pod("web-2-a", "web-2", waiting(reason))) == []


def test_a_pod_that_fits_nowhere_is_stuck() -> None:
    status = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]}
    assert found(pod("bare", status=status)) == []


def test_what_is_refused_is_stuck() -> None:
    refused = [{"type": "ReplicaFailure", "status": "True"}]
    late = replica_set()
    late["status"]["conditions"] = refused
    assert found(deployment(replicas=0, updatedReplicas=0, conditions=refused), late) == []
