"""``ckslab check ID --provider existing``: a cluster that is given is asked, and left as it was."""

import json

import pytest
from tests.labs.helpers import eventually

from ckslab_checker.catalogue import catalogue
from ckslab_checker.play import play
from ckslab_labs.errors import ExitCode
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.model import Action
from ckslab_tui.cli.run import run

pytestmark = pytest.mark.plane

SCENARIO = "debug-rbac-update-kept"
Capture = pytest.CaptureFixture[str]


def check(lab: Lab, *more: str) -> int:
    given = ["--kubeconfig", str(lab.provider.kubeconfig("learner")), "--context", "ckslab-shared"]
    return run(["check", SCENARIO, "--provider", "existing", *given, *more])


def test_its_verdicts_are_those_of_a_plane_and_what_needs_the_start_is_skipped(lab: Lab, capsys: Capture) -> None:
    scenario = catalogue().get(SCENARIO)
    session = lab.run(scenario)
    assert check(lab, "--yes", "-o", "json") == ExitCode.FAILED
    outcomes = {c["id"]: c["outcome"] for c in json.loads(capsys.readouterr().out)["checks"]}
    assert outcomes.pop("developers-cannot-debug") == "failed"
    assert outcomes.pop("nobody-gains-power") == "skipped"
    assert set(outcomes.values()) == {"passed"}
    play([Action(apply="solution/")], scenario.folder, lab.objects, {}, session.files)
    assert check(lab, "--yes", "-o", "json") == ExitCode.UNKNOWN  # a run with a skipped check is never passed
    report = json.loads(capsys.readouterr().out)
    assert (report["provider"], report["outcome"], report["points"]) == ("existing", "skipped", None)


def test_a_namespace_of_ours_that_was_not_there_is_gone_afterwards(lab: Lab) -> None:
    lab.run(catalogue().get(SCENARIO))
    assert lab.objects.delete("Namespace", "ckslab").ok
    assert lab.objects.delete("Pod", "control", "ckslab").status in (200, 404)
    eventually(lambda: lab.objects.get("Namespace", "ckslab").status == 404)
    check(lab, "--yes")
    eventually(lambda: lab.objects.get("Namespace", "ckslab").status == 404)


def test_without_a_confirmation_nothing_is_asked(lab: Lab, capsys: Capture) -> None:
    lab.run(catalogue().get(SCENARIO))
    assert check(lab) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "nobody is there to confirm it" in err
