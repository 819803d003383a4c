"""An exam, marked: each task that was begun is brought back as it was kept, and checked with requests made for real."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ckslab_checker.engine import check
from ckslab_checker.facts import context_for
from ckslab_checker.outcome import Outcome, Report
from ckslab_labs.errors import LabError
from ckslab_labs.exam.exam import Exam
from ckslab_labs.exam.sitting import Sitting

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Marked:
    """One task of an exam, marked."""

    number: int
    scenario: str
    domain: str
    report: Report | None
    """``None`` for a task that was never begun, and for one that could not be brought back."""
    error: str | None = None
    """Why it could not be brought back."""

    @property
    def outcome(self) -> Outcome:
        """As of its report; a task that was never begun is failed."""
        if self.report is not None:
            return self.report.outcome
        return Outcome.ERROR if self.error else Outcome.FAILED

    @property
    def share(self) -> float | None:
        """What it is worth, from 0 to 1; ``None`` where nobody can tell."""
        if self.outcome is Outcome.ERROR:
            return None
        if self.report is None:
            return 0.0
        points = self.report.points
        return None if points is None else points / self.report.max_points

    def as_dict(self) -> dict[str, Any]:
        """It, in the document of an exam."""
        return {
            "number": self.number,
            "scenario": self.scenario,
            "domain": self.domain,
            "outcome": self.outcome.value,
            "percent": _percent(self.share),
            "begun": self.report is not None or self.error is not None,
            "error": self.error,
            "report": self.report.as_dict() if self.report else None,
        }


@dataclass(frozen=True)
class ExamReport:
    """An exam, marked. Every task counts the same: how many a domain has is already its weight."""

    seed: int
    started: str
    minutes: float | None
    spent: float
    """Seconds."""
    pass_percent: int
    tasks: tuple[Marked, ...]

    @property
    def percent(self) -> float | None:
        """The score; ``None`` where a task has none."""
        return _mean([task.share for task in self.tasks])

    @property
    def outcome(self) -> Outcome:
        """Passed from the pass mark on; ``error`` where that depends on tasks that nobody could tell about."""
        shares = [task.share for task in self.tasks]
        least = _mean([share or 0.0 for share in shares])
        most = _mean([1.0 if share is None else share for share in shares])
        if least is not None and least >= self.pass_percent:
            return Outcome.PASSED
        return Outcome.FAILED if most is not None and most < self.pass_percent else Outcome.ERROR

    def by_domain(self) -> Iterator[tuple[str, int, float | None]]:
        """Each domain with its number of tasks and its score."""
        for domain in dict.fromkeys(task.domain for task in self.tasks):
            shares = [task.share for task in self.tasks if task.domain == domain]
            yield domain, len(shares), _mean(shares)

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of an exam."""
        return {
            "seed": self.seed,
            "started": self.started,
            "minutes": self.minutes,
            "seconds": round(self.spent),
            "outcome": self.outcome.value,
            "percent": self.percent,
            "pass_percent": self.pass_percent,
            "domains": [{"id": id, "tasks": count, "percent": score} for id, count, score in self.by_domain()],
            "tasks": [task.as_dict() for task in self.tasks],
        }


def mark(exam: Exam, progress: Progress) -> ExamReport:
    """Close an exam and mark it. It can be broken off and begun again: what is marked is what was kept.

    Raises:
        Infrastructure: what was open could not be kept.

    """
    with exam.lab.exclusive():
        spent = exam.sitting.spent
        exam.close(progress)
        sitting = exam.sitting
        tasks = tuple(_mark(exam, sitting, index, progress) for index in range(len(sitting.tasks)))
    return ExamReport(sitting.seed, sitting.started, sitting.minutes, spent, sitting.pass_percent, tasks)


def _mark(exam: Exam, sitting: Sitting, index: int, progress: Progress) -> Marked:
    task = sitting.tasks[index]
    number = index + 1
    if not task.begun:
        return Marked(number, task.scenario, task.domain, None)
    progress(f"task {number} of {len(sitting.tasks)}: {task.scenario}")
    try:
        with exam.brought_back(index, lambda _: None) as (scenario, session):
            context = context_for(scenario, exam.lab, session, live=False)
            report = check(scenario, context, provider=exam.lab.provider.name)
    except LabError as error:
        return Marked(number, task.scenario, task.domain, None, str(error))
    return Marked(number, task.scenario, task.domain, report)


def _mean(shares: list[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return None if len(known) < len(shares) or not known else round(100 * sum(known) / len(known), 1)


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)
