"""``ckslab solution``: the reference fix, and why it is right."""

import sys

import click

from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_tui.cli.completions import complete_scenario
from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import result, result_json, talk
from ckslab_tui.service import LabService
from ckslab_tui.views import Solution


@click.command("solution", short_help="Show the solution, and why it is right.")
@click.argument("scenario", metavar="[ID]", required=False, shell_complete=complete_scenario)
@click.option("--yes", "-y", is_flag=True, help="Show it though the checks do not pass yet.")
@with_settings
@with_output("json")
def command(scenario: str | None, yes: bool, settings: Settings, output: str) -> None:
    """Show the solution of the open scenario (or of ID) and the reasons behind it.

    It is shown when the checks pass; before that, only on confirmation or with --yes.
    """
    service = LabService(settings)
    solution = service.solution(scenario, shown=False)
    if not yes and not _passes(service, solution.scenario):
        _confirm(solution.scenario)
    service.records.solution_shown(solution.scenario)
    for remark in service.records.remarks:
        talk(remark)
    if output == "json":
        return result_json({"scenario": solution.scenario, "files": solution.files, "why": solution.why})
    return result(_as_text(solution))


def _passes(service: LabService, scenario: str) -> bool:
    """Whether that scenario is open and its checks pass; what cannot be asked does not."""
    try:
        return service.current().entry.id == scenario and service.check().outcome == "passed"
    except (InvalidInput, Infrastructure):
        return False


def _confirm(scenario: str) -> None:
    attempted, seen = f"show the solution of {scenario}", "its checks do not pass yet"
    if not sys.stdin.isatty():
        raise InvalidInput(attempted, seen, "Go on, or add --yes to see it now.")
    if not click.confirm(f"The checks of {scenario} do not pass yet. Show the solution?", err=True):
        raise InvalidInput(attempted, seen, "Go on; `ckslab hint` helps.")


def _as_text(solution: Solution) -> str:
    parts = [f"# solution/{name}\n{text.strip()}\n" for name, text in solution.files.items()]
    return "\n".join((*parts, "---", solution.why.strip()))
