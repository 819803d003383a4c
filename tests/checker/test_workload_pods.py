"""What ``workload`` says of pods as such: how many are ready, whether they are the old ones, who debugs them."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster

from ckslab_checker.context import Context, StartFacts
from ckslab_checker.outcome import Evidence
from ckslab_checker.probes.workload import Workload

WHERE = {"namespace": "shop", "labels": {"app": "till"}}
NONE: dict[str, Any] = {"debug-containers": "none"}

STATES: dict[str, dict[str, Any]] = {
    "running": {"running": {}},
    "begins": {"waiting": {"reason": "ContainerCreating"}},
    "ended": {"terminated": {"exitCode": 0}},
    "cannot begin": {"waiting": {"reason": "ErrImageNeverPull"}},
}


def pod(name: str, *, app: str = "till", ready: bool = True, debugged: str = "", **metadata: Any) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-of-{name}", "labels": {"app": app}, **metadata},
        "spec": {
            "containers": [{"name": "till"}],
            **({"ephemeralContainers": [{"name": "debugger-1"}]} if debugged else {}),
        },
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "till", "restartCount": 1, "state": {"running": {}}}],
            "ephemeralContainerStatuses": [
                {"name": "debugger-1", "state": state} for state in [STATES.get(debugged)] if state
            ],
        },
    }


def ask(*pods: dict[str, Any], start: StartFacts | None = None, **parameters: Any) -> list[Evidence]:
    probe = Workload.model_validate_json(json.dumps({"pods": WHERE, **parameters}), by_name=False)
    return probe.ask(Context(FakeCluster(list(pods)), {}, Path("/nonexistent"), start, True, "seed"))


def test_only_pods_that_are_ready_and_stay_are_counted() -> None:
    ending = pod("till-3", deletionTimestamp="2026-01-01T00:00:00Z")
    there = (pod("till-1"), pod("till-2", ready=False), ending, pod("other", app="other"))
    asked = "How many pods with app=till in shop are ready?"
    assert ask(*there) == [Evidence(asked, "at least 1", "1", met=True)]
    assert ask(*there, count=2) == [Evidence(asked, "at least 2", "1", met=False)]


def test_a_pod_that_runs_on_is_the_one_of_the_start() -> None:
    start = StartFacts(pods={"shop/till-1": {"uid": "uid-of-till-1", "restarts": 1}})
    asked = "Is pod till-1 in shop the one that ran at the start?"
    assert ask(pod("till-1"), start=start, unchanged=True)[1:] == [Evidence(asked, "yes", "yes", met=True)]


@pytest.mark.parametrize(
    ("before", "observed"),
    [
        ({"shop/till-1": {"uid": "uid-of-till-1", "restarts": 0}}, "it has restarted"),
        ({"shop/till-1": {"uid": "another", "restarts": 1}}, "no"),
        ({}, "no"),
    ],
)
def test_a_pod_that_restarted_or_was_made_anew_is_another(before: dict[str, Any], observed: str) -> None:
    asked = "Is pod till-1 in shop the one that ran at the start?"
    assert ask(pod("till-1"), start=StartFacts(pods=before), unchanged=True)[1:] == [
        Evidence(asked, "yes", observed, met=False)
    ]


@pytest.mark.parametrize("state", ["running", "begins", "not told any more"])
def test_a_debug_container_that_runs_is_found(state: str) -> None:
    asked = "Which debug containers run in pod till-1 in shop?"
    assert ask(pod("till-1", debugged=state), **NONE)[1:] == [Evidence(asked, "none", "debugger-1", met=False)]


@pytest.mark.parametrize("state", ["", "ended", "cannot begin"])
def test_one_that_has_ended_or_cannot_begin_is_none(state: str) -> None:
    asked = "Which debug containers run in pod till-1 in shop?"
    assert ask(pod("till-1", debugged=state), **NONE)[1:] == [Evidence(asked, "none", "none", met=True)]


def test_one_in_a_pod_that_is_not_ready_is_found_as_well() -> None:
    found = ask(pod("till-1"), pod("till-2", ready=False, debugged="running"), **NONE)
    assert [(item.observed, item.met) for item in found] == [("1", True), ("none", True), ("debugger-1", False)]


def test_every_pod_of_a_namespace_is_looked_at_whatever_its_labels() -> None:
    out_of_sight = pod("old", app="old-till", debugged="running")
    found = ask(pod("till-1"), out_of_sight, pods={"namespace": "shop"}, **NONE)
    assert found == [
        Evidence("How many pods in shop are ready?", "at least 1", "2", met=True),
        Evidence("Which debug containers run in pod old in shop?", "none", "debugger-1", met=False),
        Evidence("Which debug containers run in pod till-1 in shop?", "none", "none", met=True),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"pods": {"namespace": "shop", "labels": {"app": "till"}, "name": "till-1"}},
        {"pods": {"labels": {"app": "till"}}},
        {"unchanged": True, "debug-containers": "none"},
        {"count": 0},
    ],
)
def test_parameters_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ask(pod("till-1"), **bad)
