"""``ckslab stop``: end the control plane."""

import click

from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import Progress, result, result_json
from ckslab_tui.service import LabService


@click.command("stop")
@with_settings
@with_output("json")
def command(settings: Settings, output: str) -> None:
    """End every process of the plane. Your files stay, and the open scenario can be resumed."""
    lab = LabService(settings).lab
    existed = lab.provider.exists or lab.provider.alive
    lab.stop(Progress())
    if output == "json":
        return result_json({"plane": settings.plane, "stopped": existed})
    return result(f"plane {settings.plane} is stopped" if existed else f"plane {settings.plane} was not running")
