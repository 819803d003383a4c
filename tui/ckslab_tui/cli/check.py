"""``ckslab check``: is it fixed?"""

from typing import TYPE_CHECKING

import click

from ckslab_tui.cli.options import Settings, with_color, with_output, with_settings
from ckslab_tui.cli.streams import result, result_json
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report


@click.command("check")
@click.option("--watch", is_flag=True, help="Check again whenever the cluster changes, until it passes or Ctrl-C.")
@click.option("--verbose", "-v", is_flag=True, help="Show the evidence of checks that passed, too.")
@with_settings
@with_output("json", "junit")
@with_color
def command(watch: bool, verbose: bool, settings: Settings, output: str, color: bool) -> int:
    """Check the open scenario by asking its cluster.

    Exit code 0: every check passed. 1: some check failed. 3: no verdict could be had.
    """
    service = LabService(settings)
    if watch:
        from ckslab_tui.cli.watch import reports

        code = 0
        for report in reports(service):
            code = show(report, output, color, verbose)
        return code
    return show(service.check(), output, color, verbose)


def show(report: "Report", output: str, color: bool, verbose: bool = False) -> int:
    """Print a report.

    Returns:
        the exit code for its outcome.

    """
    from ckslab_checker.render import as_junit, as_text

    if output == "json":
        result_json(report.as_dict())
    else:
        result(as_junit(report) if output == "junit" else as_text(report, color, verbose))
    return exit_code(report)


def exit_code(report: "Report") -> int:
    """0 for passed, 1 for failed; anything else is no verdict."""
    from ckslab_checker.outcome import Outcome
    from ckslab_labs.errors import ExitCode

    codes = {Outcome.PASSED: ExitCode.PASSED, Outcome.FAILED: ExitCode.FAILED}
    return codes.get(report.outcome, ExitCode.UNKNOWN)
