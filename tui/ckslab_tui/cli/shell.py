"""``ckslab shell``: a shell on the open scenario's cluster."""

import click

from ckslab_tui.cli.options import Settings, with_settings
from ckslab_tui.cli.streams import talk
from ckslab_tui.service import LabService


@click.command("shell", short_help="Open a shell with kubectl on the cluster.")
@click.option("-c", "line", metavar="COMMAND", help="Run this one command instead, and end with its exit code.")
@click.option("--node", "on_node", is_flag=True, help="On the control-plane node, where it is a real one (kind).")
@with_settings
def command(line: str | None, on_node: bool, settings: Settings) -> int:
    """Open a shell with kubectl (also as k) on the open scenario's cluster.

    Your own kubeconfig, contexts and kubectl caches are not touched. CKSLAB_FILES is the folder of the files to edit.
    """
    service = LabService(settings)
    shell = service.shell_on_node(line) if on_node else service.shell(line)
    if line is not None:
        return shell.run()
    if on_node:
        talk("This is the node. 'exit' or Ctrl-D leads back; the scenario stays open.")
        return shell.run()
    talk(shell.note)
    talk("'exit' or Ctrl-D ends the shell; the scenario stays open.")
    shell.run()
    return 0
