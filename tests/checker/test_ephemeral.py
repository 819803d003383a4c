import re
from typing import Any

import pytest

from ckslab_checker import ephemeral
from ckslab_checker.context import Manifest
from ckslab_checker.ephemeral import canary, question, takes_debug_containers, unforeseen_name
from ckslab_labs.cluster.objects import Resource

PODS = Resource("", "v1", "pods", "Pod", "pod", (), True, frozenset(), frozenset({"ephemeralcontainers"}))
POD: Manifest = {
    "metadata": {
        "name": "web-7d4b9c-x2x9z",
        "namespace": "production",
        "uid": "1",
        "resourceVersion": "7",
        "labels": {"app": "web", "pod-template-hash": "7d4b9c"},
        "annotations": {"team": "shop"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d4b9c"}],
    },
    "spec": {
        "containers": [{"name": "web", "image": "nginx"}],
        "nodeName": "node-1",
        "ephemeralContainers": [{"name": "earlier"}],
    },
    "status": {"phase": "Running"},
}


def test_a_patch_is_what_kubectl_debug_sends() -> None:
    asked = question("PATCH", PODS, "production", POD, "denied")
    assert (asked.method, asked.content_type) == ("PATCH", "application/strategic-merge-patch+json")
    assert asked.path == "/api/v1/namespaces/production/pods/web-7d4b9c-x2x9z/ephemeralcontainers"
    assert asked.told == "PATCH pods/web-7d4b9c-x2x9z/ephemeralcontainers in production"
    assert str(asked.attributes) == "patch pods/web-7d4b9c-x2x9z/ephemeralcontainers in production"


def test_a_put_holds_the_whole_pod_and_does_not_mind_a_status_that_changed() -> None:
    asked = question("PUT", PODS, "production", POD, "denied")
    assert str(asked.attributes).startswith("update ")
    assert isinstance(asked.body, dict)
    assert "resourceVersion" not in asked.body["metadata"]
    assert [c["name"] for c in asked.body["spec"]["ephemeralContainers"]][:1] == ["earlier"]
    assert len(asked.body["spec"]["ephemeralContainers"]) == 2


def test_an_apply_has_a_manager_of_its_own_each_time() -> None:
    first, second = (question("apply", PODS, "production", POD, "denied") for _ in range(2))
    assert first.content_type == "application/apply-patch+yaml"
    assert first.query["fieldManager"] != second.query["fieldManager"]
    assert str(first.attributes).startswith("patch ")


def test_no_two_containers_share_a_name_and_no_two_ways_an_image() -> None:
    asked = [question(method, PODS, "production", POD, "denied") for method in ephemeral.METHODS for _ in range(3)]
    containers = [q.body["spec"]["ephemeralContainers"][-1] for q in asked if isinstance(q.body, dict)]
    assert len({c["name"] for c in containers}) == 9
    assert len({c["image"] for c in containers}) == 3


@pytest.mark.parametrize(("expect", "compliant"), [("denied", True), ("denied-by-pod-security", False)])
def test_containers_comply_with_pod_security_unless_it_is_what_is_asked_for(expect: str, compliant: bool) -> None:
    asked = question("PATCH", PODS, "production", POD, expect)  # type: ignore[arg-type]  # parametrised
    assert isinstance(asked.body, dict)
    assert ("securityContext" in asked.body["spec"]["ephemeralContainers"][0]) is compliant


def test_a_debug_container_is_found_whatever_a_policy_calls_it() -> None:
    renamed = {**POD, "spec": {**POD["spec"], "ephemeralContainers": [{"name": "earlier"}, {"name": "renamed"}]}}
    assert ephemeral.added(POD, renamed) == [{"name": "renamed"}]
    assert ephemeral.added(POD, POD) == ephemeral.added(POD, ephemeral.absent("x")) == []
    assert ephemeral.added(ephemeral.absent("x"), POD) == [{"name": "earlier"}]


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({}, True),
        ({"securityContext": {"privileged": False}}, True),
        ({"securityContext": {"privileged": True}}, False),
        ({"securityContext": {"privileged": False, "runAsUser": 0}}, False),
        ({"securityContext": {"runAsUser": None}}, True),
        ({"securityContext": {"privileged": None}}, False),
        ({"tty": {"any": None}}, True),
        ({"tty": {"any": 1}}, False),
    ],
)
def test_a_container_holds_fields_at_any_depth_and_null_is_none(fields: dict[str, Any], held: bool) -> None:
    assert ephemeral.holds({"name": "debugger", "securityContext": {"privileged": False}}, fields) is held


@pytest.mark.parametrize(
    ("text", "is_one"), [("web-1", True), ("a.b", True), ("", False), ("..", False), ("Web", False)]
)
def test_what_no_pod_can_be_called_is_no_name(text: str, is_one: bool) -> None:
    assert ephemeral.is_a_name(text) is is_one


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["web-1", "web-2"], r"web-\d{4}"),
        (["web-7d4b9c-x2x9z"], r"web-7d4b9c-[a-z]{5}"),
        (["ledger"], r"ledger-[a-z]{5}"),
        (["ledger-standby"], r"ledger-[a-z]{7}"),
        ([], r"pod-[a-z]{5}"),
    ],
)
def test_a_name_that_nobody_can_foresee_looks_like_the_others(names: list[str], pattern: str) -> None:
    made = {unforeseen_name(names, seed) for seed in ("a", "b", "c")}
    assert len(made) == 3
    for name in made:
        assert name not in names
        assert re.fullmatch(pattern, name)


def test_a_canary_runs_what_the_pod_it_is_made_after_runs_and_bears_none_of_its_labels() -> None:
    assert canary("web-7d4b9c-bcdfg", "production", [POD], {"spared": "yes"}) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-7d4b9c-bcdfg", "namespace": "production", "labels": {"spared": "yes"}},
        "spec": {"containers": [{"name": "web", "image": "nginx"}], "nodeName": "node-1"},
    }


def test_where_there_is_no_pod_a_plain_one_that_complies_is_made() -> None:
    made = canary("pod-bcdfg", "production", [], {})
    assert made["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] is True


def test_static_pods_and_pods_in_deletion_are_left_out() -> None:
    static = {"metadata": {"name": "etcd", "annotations": {"kubernetes.io/config.mirror": "x"}}}
    dying = {"metadata": {"name": "web", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert [takes_debug_containers(pod) for pod in (POD, static, dying)] == [True, False, False]
