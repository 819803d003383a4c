"""What a command's exit code and output mean, on a cluster in memory; scenarios' suites run real ones."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster

from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.exec import Exec
from ckslab_labs.cluster.port import Ran, Response

TOUCH = ("touch", "/bin/tool")
REFUSED = Ran(1, "", "touch: /bin/tool: Read-only file system\n")


def pod(name: str, ready: bool = True) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web"}], "initContainers": [{"name": "log"}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def ask(answers: dict[str, Ran | Response], **parameters: Any) -> list[Evidence]:
    cluster = FakeCluster([pod(name) for name in answers] + [pod("late", ready=False)])
    cluster.commands.update({(name, *TOUCH): answer for name, answer in answers.items()})
    values = {"in": {"namespace": "shop", "labels": {"app": "web"}}, "command": TOUCH, "expect": "fails", **parameters}
    return Exec.model_validate(values, by_name=False).ask(Context(cluster, {}, Path("/nonexistent"), None, True, "s"))


def test_every_ready_pod_is_asked() -> None:
    assert ask({"web-1": REFUSED, "web-2": Ran(0, "", "")}) == [
        Evidence(
            "touch /bin/tool in pod web-1 in shop",
            "fails",
            "exit code 1: touch: /bin/tool: Read-only file system",
            met=True,
        ),
        Evidence("touch /bin/tool in pod web-2 in shop", "fails", "exit code 0", met=False),
    ]


@pytest.mark.parametrize(
    ("ran", "expect", "output", "met"),
    [
        (Ran(0, "", ""), "succeeds", None, True),
        (Ran(1, "", ""), "succeeds", None, False),
        (Ran(0, "one\ntwo\n", ""), "succeeds", "^two$", True),
        (Ran(0, "one\n", ""), "succeeds", "^two$", False),
        (REFUSED, "fails", "Read-only", True),
        (REFUSED, "fails", "Permission denied", False),
        (Ran(0, "Read-only", ""), "fails", "Read-only", False),
    ],
)
def test_exit_code_and_output_must_both_be_as_asked(ran: Ran, expect: str, output: str | None, met: bool) -> None:
    (found,) = ask({"web-1": ran}, expect=expect, output=output)
    assert found.met is met
    assert found.expected == expect + (f", and prints {output}" if output else "")


@pytest.mark.parametrize("expect", ["succeeds", "fails"])
def test_where_no_pod_is_ready_nothing_is_proved(expect: str) -> None:
    asked = "Which pods with app=web in shop are ready?"
    assert ask({}, expect=expect) == [Evidence(asked, "at least one", "none", met=False)]


def test_a_container_that_is_not_there_is_named() -> None:
    where = {"namespace": "shop", "name": "web-1", "container": "stock"}
    asked = "Has pod web-1 in shop a container stock?"
    assert ask({"web-1": REFUSED}, **{"in": where}) == [Evidence(asked, "yes", "no: web, log", met=False)]


def test_a_sidecar_is_a_container() -> None:
    (found,) = ask({"web-1": REFUSED}, **{"in": {"namespace": "shop", "name": "web-1", "container": "log"}})
    assert found.met


def test_an_image_without_the_program_answers_nothing() -> None:
    with pytest.raises(CannotTell, match="touch was not run in pod web-1 in shop: HTTP 500 no such file"):
        ask({"web-1": Response(500, {"message": "no such file"})})


@pytest.mark.parametrize("bad", [{"output": "["}, {"command": []}, {"expect": "denied"}])
def test_parameters_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ask({"web-1": REFUSED}, **bad)
