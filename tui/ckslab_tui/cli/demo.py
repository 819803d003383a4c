"""``ckslab demo``: the whole loop on a real control plane, without a person: broken, nearly right, right.

It runs on a plane of its own and leaves nothing behind, however it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ckslab_tui.cli.check import exit_code, show
from ckslab_tui.cli.options import KUBERNETES, Settings, with_color, with_output
from ckslab_tui.cli.streams import Progress, result, result_json, talk
from ckslab_tui.cli.task import show as show_task
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report

SCENARIO = "debug-rbac-update-kept"
NEAR_MISS = "patch-removed-update-kept"
RIGHT = "reference"
EXPECTED = ("failed", "failed", "passed")
PLANE = "demo"


@click.command("demo", short_help="Show the whole loop: broken, nearly fixed, fixed.")
@click.option("--kubernetes", type=click.Choice(KUBERNETES), help=f"The Kubernetes version [default: {KUBERNETES[0]}].")
@with_output("json")
@with_color
def command(kubernetes: str | None, output: str, color: bool) -> int:
    """Show the loop end to end: a misconfigured cluster, a near miss, the fix.

    Takes some ten seconds once `ckslab setup` has built what is needed. Exit code 0 only if the checker says
    failed, failed, passed.
    """
    from ckslab_labs.errors import ExitCode

    demo = Demo(LabService(Settings(plane=PLANE, kubernetes=kubernetes), counts=False), output == "text", color)
    try:
        reports = demo.play()
    finally:
        demo.stop()
    right = tuple(report.outcome.value for report in reports) == EXPECTED
    said = ", ".join(report.outcome for report in reports)
    talk(f"\nThe checker said {said}: {'as' if right else 'NOT as'} it should.")
    if output == "json":
        result_json({"ok": right, "steps": demo.steps, "reports": [report.as_dict() for report in reports]})
    return ExitCode.PASSED if right else max(ExitCode.FAILED, *map(exit_code, reports))


class Demo:
    """One showing, step by step.

    Args:
        service: on a plane that nobody else uses.
        text: print task and reports; else only talk.
        color: colour the reports.

    """

    def __init__(self, service: LabService, text: bool, color: bool) -> None:
        self.steps: list[dict[str, str | float]] = []
        """What was done, and the seconds it took."""
        self._service = service
        self._text = text
        self._color = color

    def play(self) -> "list[Report]":
        """All of it.

        Returns:
            the reports of the untouched start, of the near miss and of the right fix.

        """
        with self._step(f"Start a control plane, and the scenario {SCENARIO} on it") as progress:
            task = self._service.start(SCENARIO, progress)
        if self._text:
            result(f"\n{show_task(task)}")
        untouched = self._check("Check it as it is")
        with self._step("A near miss: developers lose the verb patch and keep update"):
            self._fix(NEAR_MISS)
        missed = self._check("Check again: a PUT still adds a debug container")
        with self._step("Reset: back to the start"):
            self._service.reset()
        with self._step("The right fix: neither verb, and all their other work kept"):
            self._fix(RIGHT)
        return [untouched, missed, self._check("Check again")]

    def stop(self) -> None:
        """End the plane, and remove what the showing has left."""
        with self._step("Stop everything"):
            self._service.discard()

    def _check(self, title: str) -> "Report":
        with self._step(title):
            report = self._service.check()
        if self._text:
            result("")
            show(report, "text", self._color)
        return report

    def _fix(self, name: str) -> None:
        """Play a case of the scenario's suite as a learner would, through the API."""
        from ckslab_checker.play import play
        from ckslab_labs.scenario.loader import load_suite

        scenario, lab = self._service.scenarios().get(SCENARIO), self._service.lab
        case = next(each for each in load_suite(scenario).cases if each.name == name)
        play(case.do, scenario.folder, lab.objects, scenario.identities, lab.session().files)

    @contextmanager
    def _step(self, title: str) -> Iterator[Progress]:
        progress = Progress()
        talk(f"\n== {title}")
        yield progress
        progress("done")
        self.steps.append({"step": title, "seconds": round(progress.seconds, 3)})
