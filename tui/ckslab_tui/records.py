"""Writing down what the learner does, and never in the way of it: what cannot be written is a remark."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ckslab_labs.errors import LabError
from ckslab_tui.standing import PASSED, domains, standings
from ckslab_tui.views import Catalogue

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report
    from ckslab_labs.progress.attempt import Attempt
    from ckslab_labs.progress.exam_taken import ExamTaken
    from ckslab_labs.progress.store import ProgressFile
    from ckslab_labs.session import Session


class Records:
    """The learner's progress, for the service.

    Args:
        counts: False for planes that only show something: nothing is written down.

    """

    def __init__(self, counts: bool = True) -> None:
        self._counts = counts
        self.remarks: tuple[str, ...] = ()
        """What could not be written down last, and why."""

    @cached_property
    def file(self) -> "ProgressFile":
        """The file that they are written to."""
        from ckslab_labs.progress.store import ProgressFile

        return ProgressFile()

    def into(self, catalogue: Catalogue) -> Catalogue:
        """The catalogue with what was reached in its scenarios; with a remark where that cannot be read, or written."""
        from ckslab_labs.scenario.curriculum import curriculum

        attempts, exams, remark = self._readable()
        reached = standings(catalogue.entries, attempts, {catalogue.open, *catalogue.aside})
        of_domains = domains(catalogue.entries, reached, curriculum())
        remarks = " ".join((remark, *self.remarks)).strip()
        return replace(catalogue, standings=reached, domains=of_domains, exams=tuple(exams), remark=remarks)

    def _readable(self) -> "tuple[list[Attempt], list[ExamTaken], str]":
        try:
            return self.file.attempts(), self.file.exams(), ""
        except LabError as error:
            return [], [], str(error)

    def attempted(self, session: "Session") -> "Session":
        """The session with one attempt more; as it was where that cannot be written."""
        self.remarks = ()
        try:
            return session.attempted()
        except LabError as error:
            self.remarks = (f"This attempt is not counted in its session: {error}",)
            return session

    def attempt(self, session: "Session", at: str, report: "Report", *, asked: bool = True) -> None:
        """Write an attempt down.

        Args:
            session: that was checked.
            at: when.
            report: how it ended.
            asked: whether the learner asked for it; a run that nobody asked for is an attempt if it is the first to
                pass since the start, or every change of the cluster would be one.

        """
        if not self._counts or not (asked or report.outcome == PASSED):
            return
        try:
            attempt = self._attempt(session, at, report)
            if asked or not any(_same_start(each, attempt) and each.outcome == PASSED for each in self.file.attempts()):
                self.file.record(attempt)
        except LabError as error:
            self.remarks = (*self.remarks, f"This attempt is not in your progress: {error}")

    def _attempt(self, session: "Session", at: str, report: "Report") -> "Attempt":
        from ckslab_labs.progress.attempt import Attempt

        return Attempt(
            scenario=report.scenario,
            version=report.version,
            provider=report.provider,
            started=session.started,
            ended=at,
            seconds=session.seconds(at),
            outcome=report.outcome.value,
            points=report.points,
            max_points=report.max_points,
            hints=session.hints,
            solution=report.scenario in self.file.solutions(),
        )

    def exam_taken(self, report: Mapping[str, Any]) -> None:
        """Write down what came of an exam, by the document of its report."""
        from ckslab_labs.progress.exam_taken import ExamTaken
        from ckslab_labs.session import now

        self.remarks = ()
        try:
            self.file.exam_taken(ExamTaken.of(report, now()))
        except LabError as error:
            self.remarks = (f"This exam is not in your progress: {error}",)

    def solution_shown(self, scenario: str) -> None:
        """Write down that a solution was shown."""
        from ckslab_labs.session import now

        self.remarks = ()
        try:
            self.file.solution_shown(scenario, now())
        except LabError as error:
            self.remarks = (f"That you saw it is not in your progress: {error}",)


def _same_start(one: "Attempt", other: "Attempt") -> bool:
    return (one.scenario, one.started) == (other.scenario, other.started)
