"""``ckslab checkpoint``: keep the state of the open scenario, to come back to."""

import click

from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import Progress, result, result_json
from ckslab_tui.service import LabService


@click.command("checkpoint", short_help="Keep the open scenario's state, to come back to.")
@with_settings
@with_output("json")
def command(settings: Settings, output: str) -> None:
    """Keep the state of the open scenario: cluster, control-plane files and your files.

    `ckslab reset --to-checkpoint` leads back to it. There is one for each scenario: a new one takes its place, and a
    fresh start of the scenario ends it.
    """
    progress = Progress()
    task = LabService(settings).keep_checkpoint(progress)
    if output == "json":
        kept = task.as_dict()["checkpoint"]
        return result_json({"scenario": task.entry.id, "plane": task.plane, "checkpoint": kept})
    return result(f"the state of {task.entry.id} is kept; `ckslab reset --to-checkpoint` leads back to it")
