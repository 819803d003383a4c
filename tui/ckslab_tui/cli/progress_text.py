"""Progress as text and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from ckslab_checker.text import clean_line
from ckslab_labs.progress.attempt import Attempt
from ckslab_labs.progress.exam_taken import ExamTaken
from ckslab_labs.scenario.curriculum import curriculum
from ckslab_tui.exam_text import duration, last_exam, score
from ckslab_tui.standing import PASSED, about, clock, counted, local, outcome_word
from ckslab_tui.views import Catalogue, Domain, Entry, Standing, State


def as_dict(catalogue: Catalogue) -> dict[str, Any]:
    """The JSON of ``progress``."""
    return {
        "domains": [domain.as_dict() for domain in catalogue.domains],
        "scenarios": [_scenario(entry, catalogue.standing(entry)) for entry in catalogue.entries],
        "exams": [exam.as_dict() for exam in catalogue.exams],
    }


def _scenario(entry: Entry, standing: Standing) -> dict[str, Any]:
    return {
        "id": entry.id,
        "title": entry.title,
        "domain": entry.domain,
        "version": entry.version,
        "state": standing.state.value,
        "points": standing.points,
        "max_points": entry.points,
        "best_seconds": standing.best_seconds,
        "attempts": standing.attempts,
    }


def as_text(catalogue: Catalogue) -> str:
    """All domains of the curriculum, with their scenarios."""
    lines = [line for domain in catalogue.domains for line in ("", *_domain_lines(domain, catalogue))]
    passed = sum(domain.passed for domain in catalogue.domains)
    exams = ["", *_last_exam(catalogue.exams)] if catalogue.exams else []
    return "\n".join([*lines[1:], "", f"{passed} of {counted(len(catalogue.entries), 'scenario')} passed", *exams])


def _last_exam(exams: Sequence[ExamTaken]) -> Iterator[str]:
    """The last exam by domain, and how many there were."""
    titles, last = curriculum().titles(), exams[-1]
    passed = sum(exam.outcome == PASSED for exam in exams)
    yield f"{counted(len(exams), 'exam')}, {passed} passed; the last one: {clean_line(last_exam(last))}"
    for domain in last.domains:
        title = clean_line(titles.get(domain.id, domain.id))
        yield f"{score(domain.percent):>10}  {title} ({counted(domain.tasks, 'task')})"


def exams_as_text(exams: Sequence[ExamTaken]) -> str:
    """A line for each exam."""
    return "\n".join(f"{local(exam.ended)}  {_exam(exam)}" for exam in exams)


def _exam(exam: ExamTaken) -> str:
    limit = "no limit" if exam.minutes is None else f"of {duration(exam.minutes * 60)}"
    parts = (
        f"exam {exam.seed}",
        f"{outcome_word(exam.outcome):<14}",
        f"{score(exam.percent):>8}",
        counted(exam.tasks, "task"),
        f"{duration(exam.seconds)} {limit}",
    )
    return "  ".join(parts)


def _domain_lines(domain: Domain, catalogue: Catalogue) -> Iterator[str]:
    yield about(domain)
    width = max((len(entry.id) for entry in catalogue.entries), default=0)
    for entry in catalogue.entries:
        if entry.domain == domain.id:
            yield f"  {entry.id:<{width}}  {_reached(entry, catalogue.standing(entry))}".rstrip()


def _reached(entry: Entry, standing: Standing) -> str:
    if standing.state is State.NEW:
        return f"{standing.state:<6}  {entry.points:>5} points"
    points = f"{standing.points}/{entry.points}"
    best = "" if standing.best_seconds is None else f"best time {clock(standing.best_seconds)}"
    tries = counted(standing.attempts, "attempt")
    return f"{standing.state:<6}  {points:>5} points  {tries:<11}  {best}"


def attempts_as_text(attempts: Sequence[Attempt]) -> str:
    """A line for each attempt."""
    width = max((len(clean_line(attempt.scenario)) for attempt in attempts), default=0)
    return "\n".join(_attempt_line(attempt, width) for attempt in attempts)


def _attempt_line(attempt: Attempt, width: int) -> str:
    points = "-" if attempt.points is None else attempt.points
    help_ = [*([counted(attempt.hints, "hint")] if attempt.hints else []), *(["solution"] if attempt.solution else [])]
    parts = (
        local(attempt.ended),
        f"{clean_line(attempt.scenario):<{width}}",
        f"{outcome_word(attempt.outcome):<14}",
        f"{points:>3}/{attempt.max_points} points",
        f"{clock(attempt.seconds):>8}",
        clean_line(attempt.provider),
        ", ".join(help_),
    )
    return "  ".join(parts).rstrip()
