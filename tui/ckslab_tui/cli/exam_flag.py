"""``ckslab exam flag``: mark a task, to come back to it."""

import click

from ckslab_tui.cli.exam_options import with_exam_settings
from ckslab_tui.cli.options import Settings
from ckslab_tui.exams import Exams


@click.command("flag")
@click.argument("number", type=click.IntRange(1))
@click.option("--off", is_flag=True, help="Take the mark away.")
@with_exam_settings
def command(number: int, off: bool, settings: Settings) -> None:
    """Flag the task NUMBER, to come back to it; `ckslab exam status` shows it."""
    Exams(settings).sat().flag(number, not off)
