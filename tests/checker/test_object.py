from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster

from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.object import ObjectSays
from ckslab_labs.cluster.port import Response

POD = {"kind": "Pod", "spec": {"hostPID": True, "containers": [{"image": "nginx"}]}}


def ask(answer: Response | None = None, **parameters: Any) -> Evidence:
    cluster = FakeCluster([])
    if answer:
        cluster.answers["/api/v1/namespaces/production/pods/web"] = answer
    values = {"because": "it is a test", "kind": "Pod", "name": "web", "namespace": "production", **parameters}
    probe = ObjectSays.model_validate(values)
    (evidence,) = probe.ask(Context(cluster, {}, Path("/nonexistent"), None, False, "seed"))
    return evidence


@pytest.mark.parametrize(("wanted", "met"), [(True, True), (False, False)])
def test_an_object_that_is_there(wanted: bool, met: bool) -> None:
    expected = "yes" if wanted else "no"
    assert ask(Response(200, POD), exists=wanted) == Evidence(
        "Pod/web -n production: is it there?", expected, "yes", met
    )


def test_an_object_that_is_not_there() -> None:
    assert ask(exists=False).met
    assert not ask(exists=True).met


@pytest.mark.parametrize(
    ("path", "equals", "observed", "met"),
    [
        (["spec", "hostPID"], True, "true", True),
        (["spec", "hostPID"], 1, "true", False),
        (["spec", "containers", 0, "image"], "nginx", '"nginx"', True),
        (["spec", "containers", 1, "image"], "nginx", "not set", False),
        (["spec", "containers", "0"], None, "not set", True),
        (["spec", "hostIPC"], None, "not set", True),
        (["spec", "hostIPC"], False, "not set", False),
        (["kind", "x"], "y", "not set", False),
    ],
)
def test_a_value_of_an_object(path: list[str | int], equals: Any, observed: str, met: bool) -> None:
    evidence = ask(Response(200, POD), path=path, equals=equals)
    assert (evidence.observed, evidence.met) == (observed, met)


def test_the_question_names_the_place() -> None:
    evidence = ask(Response(200, POD), path=["spec", "containers", 0, "image"], equals="nginx")
    assert evidence.asked == "Pod/web -n production: what is .spec.containers[0].image?"


@pytest.mark.parametrize("answer", [Response(403, {"reason": "Forbidden"}), Response(404, "404 page not found")])
def test_an_answer_that_says_nothing_about_the_object_is_no_verdict(answer: Response) -> None:
    with pytest.raises(CannotTell):
        ask(answer, exists=False)


def test_an_unknown_kind_is_no_verdict() -> None:
    with pytest.raises(CannotTell, match="serves no resource"):
        ask(kind="Widget", exists=False)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"exists": True, "path": ["a"], "equals": 1},
        {"path": ["a"]},
        {"equals": 1},
        {"exists": True, "equals": 1},
        {"exists": True, "because": ""},
    ],
)
def test_exactly_one_question_with_a_reason_is_accepted(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ask(**parameters)
