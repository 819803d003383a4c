"""``ckslab reset``: back to the untouched start."""

import click

from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import Progress, result, result_json
from ckslab_tui.service import LabService


@click.command("reset", short_help="Put the open scenario back to its start.")
@with_settings
@with_output("json")
def command(settings: Settings, output: str) -> None:
    """Put the open scenario back to its start: cluster, control-plane files and your files.

    Files of yours that differ are kept beside the session, and it says where.
    """
    progress = Progress()
    task = LabService(settings).reset(progress)
    if output == "json":
        return result_json({"scenario": task.entry.id, "plane": task.plane, "seconds": round(progress.seconds, 3)})
    return result(f"{task.entry.id} is back at its start ({progress.seconds:.2f} s)")
