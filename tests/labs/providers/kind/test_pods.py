"""When a clean cluster's own workloads count as ready."""

from typing import Any

import pytest

from ckslab_labs.providers.kind.pods import has_its_pods

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
