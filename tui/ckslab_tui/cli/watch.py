"""``ckslab check --watch``: check again when the cluster or the learner's files change."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ckslab_labs.errors import Infrastructure
from ckslab_tui.cli.streams import talk
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report


def reports(service: LabService) -> Iterator["Report"]:
    """Check now and after every change; yields a report whenever an outcome is another than before.

    Ends after a run that passed. An API server that does not answer for a while, or not with what was edited, is told,
    and no end but at the first check.
    """
    before: tuple[str, ...] | None = None
    for number, _ in enumerate(service.changes()):
        if number:
            talk("something changed: checking again")
        try:
            report = service.check(asked=not number)
        except Infrastructure as error:
            if before is None:
                raise
            talk(f"{error} Watching on.")
            continue
        outcomes = tuple(check.outcome for check in report.checks)
        if outcomes != before:
            yield report
            before = outcomes
        if report.outcome == "passed":
            return
        talk("watching for changes; Ctrl-C ends")
