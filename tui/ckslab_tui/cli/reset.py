"""``ckslab reset``: back to the untouched start, or to what was kept since."""

import click

from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import Progress, result, result_json, talk
from ckslab_tui.service import LabService
from ckslab_tui.standing import moment


@click.command("reset", short_help="Put the open scenario back to its start.")
@click.option("--to-checkpoint", is_flag=True, help="Back to what `ckslab checkpoint` has kept, not to the start.")
@with_settings
@with_output("json")
def command(to_checkpoint: bool, settings: Settings, output: str) -> None:
    """Put the open scenario back to its start: cluster, control-plane files and your files.

    Files of yours that differ are kept beside the session, and it says where. What `ckslab checkpoint` has kept stays
    in any case.
    """
    progress, service = Progress(), LabService(settings)
    task = service.return_to_checkpoint(progress) if to_checkpoint else service.reset(progress)
    if output == "json":
        about = {"scenario": task.entry.id, "plane": task.plane, "seconds": round(progress.seconds, 3)}
        return result_json(about | ({"checkpoint": task.as_dict()["checkpoint"]} if to_checkpoint else {}))
    kept = moment(task.checkpoint) if task.checkpoint else ""
    if kept and not to_checkpoint:
        talk(f"What you kept at {kept} is still there: `ckslab reset --to-checkpoint`.")
    where = f"as you kept it at {kept}" if to_checkpoint else "back at its start"
    return result(f"{task.entry.id} is {where} ({progress.seconds:.2f} s)")
