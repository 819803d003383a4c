"""``ckslab demo``: the whole loop on a real control plane, without a person: broken, nearly right, right.

It runs on a plane of its own and leaves nothing behind, however it ends.
"""

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

    demo = Demo(LabService(Settings(plane=PLANE, kubernetes=kubernetes)), output, color)
    try:
        reports = demo.play()
    finally:
        demo.stop()
    right = tuple(report.outcome.value for report in reports) == EXPECTED
    return ExitCode.PASSED if right else max(ExitCode.FAILED, *(exit_code(report) for report in reports))


class Demo:
    """One showing; every step is told with the seconds since the beginning."""

    def __init__(self, service: LabService, output: str, color: bool) -> None:
        self._service = service
        self._output = output
        self._color = color
        self._progress = Progress()

    def play(self) -> list["Report"]:
        """All of it.

        Returns:
            the reports of the untouched start, of the near miss and of the right fix.

        """
        self._title(f"A control plane, and the scenario {SCENARIO} on it")
        task = self._service.start(SCENARIO, self._progress)
        self._progress("ready")
        self._text(show_task(task))
        reports = [self._check("The checker asks the cluster as it is")]
        reports.append(self._fix("A near miss: developers lose `patch`, and keep `update`", NEAR_MISS))
        self._title("Back to the start")
        self._service.reset(self._progress)
        self._progress("reset")
        reports.append(self._fix("The right fix: neither verb, all other work kept", RIGHT))
        if self._output == "json":
            result_json([report.as_dict() for report in reports])
        return reports

    def stop(self) -> None:
        """End the plane."""
        self._title("Everything is stopped again")
        self._service.lab.stop(self._progress)
        self._progress("stopped")

    def _fix(self, title: str, case: str) -> "Report":
        from ckslab_checker.play import play
        from ckslab_labs.scenario.loader import load_suite

        self._title(title)
        scenario, lab = self._service.scenarios().get(SCENARIO), self._service.lab
        steps = next(each.do for each in load_suite(scenario).cases if each.name == case)
        play(steps, scenario.folder, lab.cluster, scenario.identities, lab.session().files)
        self._progress(f"played the case {case} of the scenario's suite")
        return self._check("The checker asks again")

    def _check(self, title: str) -> "Report":
        self._title(title)
        report = self._service.check()
        self._progress(f"checked: {report.outcome}")
        if self._output == "text":
            show(report, "text", self._color)
        return report

    def _text(self, text: str) -> None:
        if self._output == "text":
            result(text)

    def _title(self, text: str) -> None:
        talk(f"\n== {text}")
