"""``ckslab author lint``: what is wrong with a scenario's folder, all of it at once. Needs no cluster."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ckslab_tui.cli.completions import complete_scenario
from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.selection import require_some
from ckslab_tui.cli.streams import result, result_json
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_checker.lint import Finding
    from ckslab_labs.scenario.catalogue import Catalogue


@click.command("lint")
@click.argument("scenarios", metavar="[ID]...", nargs=-1, shell_complete=complete_scenario)
@click.option("--all", "every", is_flag=True, help="All scenarios.")
@with_settings
@with_output("json")
def command(scenarios: tuple[str, ...], every: bool, settings: Settings, output: str) -> int:
    """Say what is wrong with the scenarios ID, or with any of --all.

    Exit code 0: nothing. 1: something is to be mended.
    """
    require_some(scenarios, every)
    catalogue = LabService(settings).scenarios()
    found = {id: _lint(catalogue, id) for id in scenarios or catalogue.ids()}
    if output == "json":
        result_json({"scenarios": [{"id": id, "findings": _as_json(each)} for id, each in found.items()]})
    else:
        for id, findings in found.items():
            result("\n".join((f"{id}: {len(findings) or 'nothing'} to mend", *(f"  {each}" for each in findings))))
    return 1 if any(found.values()) else 0


def _lint(catalogue: "Catalogue", id: str) -> "list[Finding]":
    from ckslab_checker.lint import lint, lint_folder
    from ckslab_labs.scenario.problems import ScenarioProblems

    try:
        return lint(catalogue.get(id))
    except ScenarioProblems as problems:
        return lint_folder(problems.folder)


def _as_json(findings: "Sequence[Finding]") -> list[dict[str, str]]:
    return [{"rule": each.rule, "file": each.file, "message": each.message} for each in findings]
