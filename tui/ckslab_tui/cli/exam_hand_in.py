"""``ckslab exam hand-in``: end the exam, and have it marked."""

import click

from ckslab_tui.cli.exam_options import with_exam_settings
from ckslab_tui.cli.exam_report import exit_code, show
from ckslab_tui.cli.options import Settings, with_output
from ckslab_tui.cli.streams import Progress, talk
from ckslab_tui.exams import Exams


@click.command("hand-in")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_exam_settings
@with_output("json")
def command(yes: bool, settings: Settings, output: str) -> int:
    """End the exam and mark it: every task that you began is brought back as you left it, and checked.

    Exit code 0: passed. 1: not passed. 3: that could not be told.
    """
    exams = Exams(settings)
    sitting = exams.sat().sitting
    if not (yes or sitting.over):
        waiting = sum(not task.begun for task in sitting.tasks)
        not_begun = f" {waiting} of {len(sitting.tasks)} tasks are not begun." if waiting else ""
        click.confirm(f"Hand the exam in?{not_begun}", abort=True, err=True)
    document = exams.hand_in(Progress())
    show(document, output)
    if remark := exams.remark():
        talk(remark)
    return exit_code(document)
