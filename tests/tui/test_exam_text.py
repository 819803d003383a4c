"""What became of an exam, as text."""

from datetime import UTC, datetime

import pytest
from tests.tui.fakes import report, result

from ckslab_checker.marking import ExamReport, Marked
from ckslab_checker.outcome import Outcome
from ckslab_tui.exam_text import report_text, wrapped
from ckslab_tui.standing import moment

BEGUN = "2026-08-21T12:05:00+00:00"
PASSED = Marked(1, "open-door", "cluster-setup", report(result(0, Outcome.PASSED), result(1, Outcome.PASSED)))
LOST = Marked(2, "old-key", "cluster-setup", None, "the disk is full")


def text_of(*tasks: Marked) -> str:
    return report_text(ExamReport(7, BEGUN, 120, 3900, 67, tasks).as_dict())


def test_it_says_when_the_exam_was_by_the_clock_on_the_wall() -> None:
    at = moment(datetime(2026, 8, 21, 12, 5, tzinfo=UTC))
    assert text_of(PASSED).splitlines()[:2] == [
        "Exam 7: 100.0 %, passed (pass at 67 %)",
        f"1 h 05 min of 2 h 00 min, begun {at}",
    ]


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ((PASSED, LOST), "between 50.0 % and 100.0 %, as nobody can tell about 1 task, could not tell"),
        ((PASSED, PASSED, LOST), "between 66.7 % and 100.0 %, as nobody can tell about 1 task, could not tell"),
        ((PASSED, PASSED, PASSED, LOST), "between 75.0 % and 100.0 %, as nobody can tell about 1 task, passed"),
        ((LOST, LOST), "between 0.0 % and 100.0 %, as nobody can tell about 2 tasks, could not tell"),
    ],
)
def test_where_a_task_has_no_score_it_says_what_the_exams_lies_between(tasks: tuple[Marked, ...], told: str) -> None:
    assert text_of(*tasks).startswith(f"Exam 7: {told} (pass at 67 %)\n")


def test_what_is_wrapped_goes_on_below_its_first_word_and_names_stay_whole() -> None:
    line = "  observed  the answer of open-door-by-night is no"
    assert wrapped(f"{line}\n\nshort", 30).splitlines() == [
        "  observed  the answer of",
        "            open-door-by-night",
        "            is no",
        "",
        "short",
    ]
