from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest

import ckslab_checker.suite as suite_module
from ckslab_checker import author
from ckslab_checker.outcome import CheckResult, Evidence, Outcome, Report
from ckslab_checker.play import PlayFailed
from ckslab_checker.probes import PROBES
from ckslab_checker.suite import SuiteResult, run_suite, summary
from ckslab_checker.trial import read_fix, try_fix
from ckslab_labs.errors import InvalidInput, Unreachable
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.loader import load_scenario, load_suite
from ckslab_labs.scenario.model import Action, Scenario

SECRETS, PODS, POWER = "team-cannot-read-secrets", "team-still-sees-pods", "nobody-gains-power"
NO_LAB: Any = SimpleNamespace(exclusive=nullcontext)


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    return load_scenario(author.new(tmp_path, "sample"), PROBES)


def report(**outcomes: str) -> Report:
    """A run in which every check passed but those named, with underscores in place of hyphens."""
    found = {name.replace("_", "-"): Outcome(outcome) for name, outcome in outcomes.items()}
    checks = []
    for id, worth in ((SECRETS, 1), (PODS, 0), (POWER, 0)):
        outcome = found.get(id, Outcome.PASSED)
        points = worth if outcome is Outcome.PASSED else 0
        error = "timed out" if outcome is Outcome.ERROR else None
        evidence = (Evidence("may they?", "no", "yes", met=False), Evidence("may it?", "yes", "yes", met=True))
        checks.append(CheckResult(id, id, outcome, points, worth, not worth, "because", evidence, error))
    return Report("sample", 1, "embedded", 0.1, tuple(checks))


RIGHT = report()
REPORTS = {
    "untouched": report(team_cannot_read_secrets="failed"),
    "only-get-removed": report(team_cannot_read_secrets="failed"),
    "role-deleted": report(team_still_sees_pods="failed"),
    "second-grant-beside": report(team_cannot_read_secrets="failed", nobody_gains_power="failed"),
}


def run(scenario: Scenario, monkeypatch: pytest.MonkeyPatch, **changes: Report | Exception) -> SuiteResult:
    """Run the suite with made-up reports: those that it demands, but for the changes."""
    found = iter([(case.name, case.do) for case in load_suite(scenario).cases])

    def play_and_check(_: Scenario, __: Lab, actions: Sequence[Action], folder: Path) -> Report:
        name, do = next(found)
        assert (actions, folder) == (do, scenario.folder)
        result = changes.get(name.replace("-", "_"), REPORTS.get(name, RIGHT))
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(suite_module, "play_and_check", play_and_check)
    return run_suite(scenario, [NO_LAB])


def test_a_suite_that_comes_true(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(scenario, monkeypatch)
    assert result.ok
    assert [case.name for case in result.cases if case.right] == [
        "reference",
        "rule-removed",
        "other-objects-under-other-names",
    ]
    assert {**result.as_dict(), "seconds": 0} == {
        "id": "sample",
        "cases": 7,
        "right": 3,
        "wrong": 4,
        "ok": True,
        "seconds": 0,
    }


def test_a_wrong_fix_that_passes_a_check_is_a_false_accept(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(scenario, monkeypatch, only_get_removed=RIGHT)
    (case,) = (case for case in result.cases if not case.ok)
    assert case.false_accept
    assert case.mismatches == (
        f"{SECRETS}: must be failed, is passed\n    asked may it?; expected yes; observed yes",
        "a wrong fix scores 1 of 1 points, which is a pass",
    )
    assert (summary([result])["false_accepts"], summary([result])["false_rejects"]) == (1, 0)


def test_a_wrong_fix_that_fails_only_half_is_a_false_accept(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(scenario, monkeypatch, second_grant_beside=report(nobody_gains_power="failed"))
    assert summary([result])["false_accepts"] == 1


def test_a_right_fix_that_fails_is_a_false_reject(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(scenario, monkeypatch, reference=report(team_cannot_read_secrets="failed"))
    (case,) = (case for case in result.cases if not case.ok)
    assert case.mismatches == (f"{SECRETS}: must be passed, is failed\n    asked may they?; expected no; observed yes",)
    assert (summary([result])["false_accepts"], summary([result])["false_rejects"]) == (0, 1)


def test_a_right_fix_without_a_verdict_is_neither_but_not_ok(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(scenario, monkeypatch, reference=report(team_cannot_read_secrets="error"))
    assert not result.ok
    assert result.cases[1].mismatches == (f"{SECRETS}: must be passed, is error\n    timed out",)
    assert (summary([result])["false_accepts"], summary([result])["false_rejects"]) == (0, 0)


def test_a_wrong_fix_that_breaks_more_than_it_says_is_not_ok(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = report(team_cannot_read_secrets="failed", team_still_sees_pods="failed")
    result = run(scenario, monkeypatch, only_get_removed=broken)
    assert [case.name for case in result.cases if not case.ok] == ["only-get-removed"]
    assert summary([result])["false_accepts"] == 0


def test_a_fix_that_cannot_be_played_is_told_and_the_suite_goes_on(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = PlayFailed("apply role/x", "the API server answered 422: invalid", "Mend the fix.")
    result = run(scenario, monkeypatch, reference=refused)
    assert [case.mismatches for case in result.cases if not case.ok] == [
        ("could not be played: cannot apply role/x: the API server answered 422: invalid. Mend the fix.",)
    ]
    assert result.as_dict()["cases"] == 7


def test_a_plane_that_gives_no_answer_ends_the_suite(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable):
        run(scenario, monkeypatch, reference=Unreachable("GET /api", "refused", "Start it."))


def test_the_summary_of_all_suites(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [run(scenario, monkeypatch), run(scenario, monkeypatch, reference=REPORTS["untouched"])]
    found = summary(results)
    assert list(found) == ["scenarios", "cases", "false_accepts", "false_rejects", "seconds"]
    assert (found["cases"], found["false_rejects"]) == (14, 1)
    keys = ["id", "cases", "right", "wrong", "ok", "seconds"]
    assert [list(each) for each in found["scenarios"]] == [keys] * 2


# --- fixes from outside -----------------------------------------------------------------------------------------------


def test_a_fix_with_steps_is_read_like_a_case(tmp_path: Path) -> None:
    (tmp_path / "fix.yaml").write_text("do:\n- {delete: role/team -n workshop}\n- {apply: more/, as: tara}\n")
    assert read_fix(tmp_path) == (
        Action(delete="role/team -n workshop"),
        Action.model_validate({"apply": "more/", "as": "tara"}),
    )


@pytest.mark.parametrize("file", ["role.yaml", "deep/role.yaml", "files/answer.yaml", "files/policy.rego"])
def test_a_folder_without_steps_is_applied_as_a_whole(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("x: y\n")
    assert read_fix(tmp_path) == (Action(apply="."),)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("do: []", "do"),
        ("do: [{delete: role}]", "do[0].delete"),
        ("do: [{aply: x}]", "did you mean"),
        ("steps: []", "steps"),
        ("[]", "fix.yaml"),
        ("do: *x", "fix.yaml"),
    ],
)
def test_what_is_wrong_with_the_steps_is_said(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "fix.yaml").write_text(content)
    with pytest.raises(InvalidInput) as caught:
        read_fix(tmp_path)
    assert problem in str(caught.value)


def test_a_folder_without_a_fix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing to play")
    with pytest.raises(InvalidInput, match="there is nothing in it that could be played"):
        read_fix(tmp_path)
    with pytest.raises(InvalidInput, match="is not a folder"):
        read_fix(tmp_path / "missing")


@pytest.mark.plane
def test_fixes_from_outside_are_played_and_checked(scenario: Scenario, lab: Lab, tmp_path: Path) -> None:
    steps, whole = tmp_path / "steps", tmp_path / "whole"
    steps.mkdir()
    (steps / "fix.yaml").write_text("do: [{delete: role/team -n workshop}]\n")
    whole.mkdir()
    (whole / "role.yaml").write_text((scenario.folder / "solution/role.yaml").read_text())
    assert [(c.id, c.outcome) for c in try_fix(scenario, lab, steps).checks if c.outcome is not Outcome.PASSED] == [
        (PODS, Outcome.FAILED)
    ]
    found = try_fix(scenario, lab, whole)
    assert (found.outcome, found.points) == (Outcome.PASSED, 1)


def test_two_planes_play_two_cases_at_a_time(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = load_suite(scenario).cases[:4]
    both = Barrier(2, timeout=10)
    planes: list[Any] = [SimpleNamespace(name="one"), SimpleNamespace(name="two")]
    played: list[tuple[str, int]] = []

    def play_and_check(_: Scenario, lab: Any, __: Sequence[Action], ___: Path) -> Report:
        played.append((lab.name, both.wait()))
        return RIGHT

    monkeypatch.setattr(suite_module, "play_and_check", play_and_check)
    result = run_suite(scenario, planes, cases=cases)
    assert [case.name for case in result.cases] == [case.name for case in cases]
    assert sorted(name for name, _ in played) == ["one", "one", "two", "two"]


def test_a_case_is_left_out_by_name_where_what_it_needs_is_not_served(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        case.model_copy(update={"needs": kind})
        for case, kind in zip(load_suite(scenario).cases[:2], ("New", "Old"), strict=True)
    )
    lab: Any = SimpleNamespace(objects=SimpleNamespace(serves=lambda kind: kind == "Old"))
    monkeypatch.setattr(suite_module, "play_and_check", lambda *_: RIGHT)
    result = run_suite(scenario, [lab], cases=[first, second])
    assert [case.name for case in result.cases] == [second.name]
    assert result.left_out == (first.name,)


def test_a_plane_without_an_answer_ends_the_suite(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    def play_and_check(*_: object) -> Report:
        raise Unreachable("ask", "no answer", "try again")

    monkeypatch.setattr(suite_module, "play_and_check", play_and_check)
    for labs in ([NO_LAB], [NO_LAB, NO_LAB]):
        with pytest.raises(Unreachable):
            run_suite(scenario, labs)
