"""An exam's score: what was not begun is lost, and what nobody can tell is not guessed."""

import pytest

from ckslab_checker.marking import ExamReport, Marked
from ckslab_checker.outcome import CheckResult, Outcome, Report


def report(*outcomes: Outcome) -> Report:
    """A run whose checks are worth a point each."""
    checks = (
        CheckResult(f"c{number}", "t", outcome, int(outcome is Outcome.PASSED), 1, keeps=False, why="w")
        for number, outcome in enumerate(outcomes)
    )
    return Report("s", 1, "embedded", 0.1, tuple(checks))


PASSED, FAILED, ERROR = (report(outcome) for outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.ERROR))
HALF = report(Outcome.PASSED, Outcome.FAILED)


def marked(*reports: Report | None, pass_percent: int = 67) -> ExamReport:
    tasks = tuple(Marked(number, "s", f"d{number % 2}", each) for number, each in enumerate(reports, 1))
    return ExamReport(7, "2026-01-01T00:00:00+00:00", 120, 60.0, pass_percent, tasks)


@pytest.mark.parametrize(
    ("reports", "percent", "outcome"),
    [
        ([PASSED, PASSED, PASSED], 100.0, Outcome.PASSED),
        ([PASSED, PASSED, FAILED], 66.7, Outcome.FAILED),
        ([PASSED, PASSED, HALF], 83.3, Outcome.PASSED),
        ([PASSED, None, None], 33.3, Outcome.FAILED),
        ([None], 0.0, Outcome.FAILED),
    ],
)
def test_every_task_counts_the_same(reports: list[Report | None], percent: float, outcome: Outcome) -> None:
    assert (marked(*reports).percent, marked(*reports).outcome) == (percent, outcome)


@pytest.mark.parametrize(
    ("reports", "outcome"),
    [
        ([PASSED, PASSED, PASSED, ERROR], Outcome.PASSED),  # whatever became of the last
        ([FAILED, FAILED, ERROR], Outcome.FAILED),
        ([PASSED, FAILED, ERROR], Outcome.FAILED),
        ([PASSED, HALF, ERROR], Outcome.ERROR),
    ],
)
def test_what_nobody_can_tell_has_no_score_and_decides_only_where_it_matters(
    reports: list[Report | None], outcome: Outcome
) -> None:
    assert (marked(*reports).percent, marked(*reports).outcome) == (None, outcome)


def test_a_task_that_could_not_be_brought_back_is_no_failure() -> None:
    lost = Marked(1, "s", "d", None, "its plane did not start")
    assert (lost.outcome, lost.share) == (Outcome.ERROR, None)
    assert lost.as_dict()["error"] == "its plane did not start"


def test_the_document_tells_domains_and_tasks() -> None:
    document = marked(PASSED, FAILED, HALF, None).as_dict()
    assert document["domains"] == [
        {"id": "d1", "tasks": 2, "percent": 75.0},
        {"id": "d0", "tasks": 2, "percent": 0.0},
    ]
    assert [(t["number"], t["percent"], t["begun"]) for t in document["tasks"]] == [
        (1, 100.0, True),
        (2, 0.0, True),
        (3, 50.0, True),
        (4, 0.0, False),
    ]
    assert document["tasks"][1]["report"]["checks"][0]["outcome"] == "failed"
