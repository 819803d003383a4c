"""``ckslab author try``: a fix from outside the suite on trial."""

from pathlib import Path

import click

from ckslab_tui.cli.author_plane import PLANE, ready_lab, tell_that_it_runs_on
from ckslab_tui.cli.check import show
from ckslab_tui.cli.completions import complete_scenario
from ckslab_tui.cli.options import Settings, settings_on, with_color, with_output
from ckslab_tui.cli.streams import Progress
from ckslab_tui.service import LabService


@click.command("try")
@click.argument("scenario", metavar="ID", shell_complete=complete_scenario)
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--verbose", "-v", is_flag=True, help="Show the evidence of checks that passed, too.")
@settings_on(PLANE)
@with_output("json", "junit")
@with_color
def command(scenario: str, folder: Path, verbose: bool, settings: Settings, output: str, color: bool) -> int:
    """Set the scenario ID up afresh, play the fix in DIR, check and report.

    DIR/fix.yaml holds a list of steps (`do:`) as a case of a suite does. Without it every *.yaml in DIR is applied in
    name order, and what lies in DIR/files is put as the learner's files.
    """
    from ckslab_checker.trial import try_fix

    service = LabService(settings)
    chosen, progress = service.scenarios().get(scenario), Progress()
    lab = ready_lab(service, [chosen], progress)
    progress(f"playing {folder}")
    report = try_fix(chosen, lab, folder)
    progress("checked")
    tell_that_it_runs_on(lab)
    return show(report, output, color, verbose)
