"""``ckslab start``: open a scenario."""

import dataclasses

import click

from ckslab_tui.cli.completions import complete_scenario
from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import Progress, result, result_json, talk
from ckslab_tui.cli.task import show
from ckslab_tui.service import LabService


@click.command("start")
@click.argument("scenario", metavar="ID", shell_complete=complete_scenario)
@click.option("--resume", is_flag=True, help="Bring back what was put aside when you went on to another scenario.")
@click.option("--image", metavar="NAME", help="The node image of a new kind cluster (also CKSLAB_KIND_IMAGE).")
@click.option("--keep", is_flag=True, help="Leave the node of a kind cluster that cannot be made, to look at it.")
@with_settings
@with_output("json")
def command(scenario: str, resume: bool, image: str | None, keep: bool, settings: Settings, output: str) -> None:
    """Open the scenario ID: set up its cluster and show the task.

    A control plane is started where none runs. A scenario that is open on it is put aside, and not lost.
    """
    progress, service = Progress(), LabService(dataclasses.replace(settings, image=image, keep=keep))
    try:
        task = service.start(scenario, progress, resume=resume)
    except KeyboardInterrupt:
        if service.lab.provider.alive:
            talk(
                f"\nWhat was started of plane {settings.plane} goes on; `ckslab stop{_option(settings.plane)}` ends it."
            )
        raise
    progress(f"{task.entry.id} is ready")
    if output == "json":
        return result_json(task.as_dict())
    talk()
    result(show(task))
    talk(_what_next(task.plane))
    return None


def _what_next(plane: str) -> str:
    option = _option(plane)
    return f"\nNext: ckslab shell{option} · ckslab check{option} · ckslab hint{option} · ckslab reset{option}"


def _option(plane: str) -> str:
    return "" if plane == "default" else f" --plane {plane}"
