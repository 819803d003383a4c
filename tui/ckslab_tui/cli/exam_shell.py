"""``ckslab exam shell``: a shell on the open task's cluster."""

import click

from ckslab_tui.cli.exam_options import with_exam_settings
from ckslab_tui.cli.options import Settings
from ckslab_tui.cli.streams import talk
from ckslab_tui.exams import Exams


@click.command("shell", short_help="Open a shell with kubectl on the open task's cluster.")
@click.argument("number", type=click.IntRange(1), required=False)
@click.option("-c", "line", metavar="COMMAND", help="Run this one command instead, and end with its exit code.")
@with_exam_settings
def command(number: int | None, line: str | None, settings: Settings) -> int:
    """Open a shell with kubectl (also as k) on the cluster of the open task; one of another task is refused."""
    shell = Exams(settings).shell(number, line)
    if line is not None:
        return shell.run()
    talk(f"kubectl and k work on this task's cluster. Files to edit: {shell.environment['CKSLAB_FILES']}")
    shell.run()
    return 0
