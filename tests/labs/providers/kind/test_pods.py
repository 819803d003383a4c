"""Pods of a kind cluster: when its own workloads count as ready, and what may keep a pod from going."""

from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster

from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Response
from ckslab_labs.providers.kind.pods import facts, has_its_pods, take_out_finalizers

METADATA = {"name": "x", "generation": 2}
ROLLED_OUT = {"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 2}
RUNS = {"observedGeneration": 2, "desiredNumberScheduled": 1, "numberReady": 1, "updatedNumberScheduled": 1}


def deployment(**status: int) -> dict[str, Any]:
    return {"metadata": METADATA, "spec": {"replicas": 2}, "status": status}


def daemon_set(**status: int) -> dict[str, Any]:
    return {"metadata": METADATA, "spec": {}, "status": status}


@pytest.mark.parametrize("workload", [deployment(**ROLLED_OUT), daemon_set(**RUNS)])
def test_ready(workload: dict[str, Any]) -> None:
    assert has_its_pods(workload)


@pytest.mark.parametrize(
    "workload",
    [
        deployment(),
        deployment(**ROLLED_OUT | {"observedGeneration": 1}),
        deployment(**ROLLED_OUT | {"readyReplicas": 1}),
        deployment(**ROLLED_OUT | {"updatedReplicas": 1}),
        daemon_set(),
        daemon_set(**RUNS | {"numberReady": 0}),
        daemon_set(**dict.fromkeys(RUNS, 0) | {"observedGeneration": 2}),
    ],
)
def test_not_ready(workload: dict[str, Any]) -> None:
    assert not has_its_pods(workload)


def test_finalizers_of_pods_are_taken_out_as_nobody_acts_on_them() -> None:
    """A pod that keeps one is never gone, and the next one of its name never comes."""

    class Recording(FakeCluster):
        def request(self, method: str, path: str, body: Any = None, **rest: Any) -> Response:
            if method == "PATCH":
                patched.append((path, body))
            return super().request(method, path, body, **rest)

    patched: list[tuple[str, Any]] = []
    metadata = {"name": "kept", "namespace": "shop", "finalizers": ["example.com/keep"]}
    plain = {"kind": "Pod", "metadata": {"name": "plain", "namespace": "shop"}}
    take_out_finalizers(Objects(Recording([plain, {"kind": "Pod", "metadata": metadata}])))
    assert patched == [("/api/v1/namespaces/shop/pods/kept", {"metadata": {"finalizers": None}})]


def test_a_pod_made_anew_is_the_same_and_one_that_was_changed_or_restarted_is_not() -> None:
    def seen(uid: str = "1", restarts: int = 0, namespace: str = "shop", **spec: Any) -> bytes:
        metadata = {"name": "control", "namespace": namespace, "uid": uid, "labels": {"app": "web"}}
        status = {"containerStatuses": [{"restartCount": restarts}]}
        pod = {"kind": "Pod", "metadata": metadata, "spec": {"nodeName": "node-1", **spec}, "status": status}
        return facts(Objects(FakeCluster([pod])))

    assert seen(uid="1") == seen(uid="2")
    assert seen() != seen(ephemeralContainers=[{"name": "debugger"}])
    assert seen() != seen(restarts=1)
    assert seen(namespace="ckslab") == seen(namespace="ckslab", hostPID=True), "our own pods are nobody's work"
