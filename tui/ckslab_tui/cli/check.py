"""``ckslab check``: is it fixed?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ckslab_tui.cli.completions import complete_scenario
from ckslab_tui.cli.options import Settings, with_color, with_output, with_settings
from ckslab_tui.cli.streams import result, result_json, talk
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report


@click.command("check")
@click.argument("scenario", metavar="[ID]", required=False, shell_complete=complete_scenario)
@click.option("--watch", is_flag=True, help="Check again whenever the cluster changes, until it passes or Ctrl-C.")
@click.option("--verbose", "-v", is_flag=True, help="Show the evidence of checks that passed, too.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Of a cluster that is given (--provider existing).")
@click.option("--context", help="The context in it.")
@click.option("--files", type=click.Path(path_type=Path), default=Path(), help="The folder of answer files for it.")
@click.option("--yes", is_flag=True, help="Check it without asking.")
@with_settings
@with_output("json", "junit")
@with_color
def command(
    scenario: str | None,
    watch: bool,
    verbose: bool,
    kubeconfig: Path | None,
    context: str | None,
    files: Path,
    yes: bool,
    settings: Settings,
    output: str,
    color: bool,
) -> int:
    """Check the open scenario by asking its cluster.

    With --provider existing, a kubeconfig and one of its contexts, check whether the scenario ID is fixed in a cluster
    of your own. It is only asked: nothing is set up, and checks that compare with the start are skipped.

    Exit code 0: every check passed. 1: some check failed. 3: no verdict could be had.
    """
    service = LabService(settings)
    if settings.provider == "existing":
        from ckslab_tui.cli.check_existing import check_existing

        report = check_existing(service, scenario, kubeconfig, context, files, yes=yes)
        return show(report, output, color, verbose)
    _refuse_for_open(scenario, kubeconfig, context)
    if watch:
        from ckslab_tui.cli.watch import reports

        code = 0
        for report in reports(service):
            _tell_remarks(service)
            code = show(report, output, color, verbose)
        return code
    report = service.check()
    _tell_remarks(service)
    return show(report, output, color, verbose)


def _tell_remarks(service: LabService) -> None:
    for remark in service.remarks():
        talk(remark)


def _refuse_for_open(scenario: str | None, kubeconfig: Path | None, context: str | None) -> None:
    """Refuse what means nothing for the open scenario, rather than checking something else than was meant."""
    from ckslab_labs.errors import InvalidInput

    if given := [name for name in (scenario, kubeconfig and "--kubeconfig", context and "--context") if name]:
        seen = f"{given[0]} is for a cluster that is given"
        raise InvalidInput("check the open scenario", seen, "Say --provider existing, or leave it out.")


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
