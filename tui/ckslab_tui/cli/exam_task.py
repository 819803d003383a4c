"""``ckslab exam task``: go to a task."""

import click

from ckslab_tui.cli.exam_options import with_exam_settings
from ckslab_tui.cli.options import Settings, with_output
from ckslab_tui.cli.streams import Progress, result, result_json
from ckslab_tui.cli.task import show
from ckslab_tui.exam_text import duration
from ckslab_tui.exams import Exams


@click.command("task")
@click.argument("number", type=click.IntRange(1), required=False)
@with_exam_settings
@with_output("json")
def command(number: int | None, settings: Settings, output: str) -> None:
    """Open the task NUMBER, or show the one that is open.

    The cluster of the task that was open is kept as it is, and its shells reach no cluster until you come back to it.
    """
    exams = Exams(settings)
    task = exams.open(number, Progress())
    if output == "json":
        return result_json(task.as_dict())
    sitting = exams.sat().sitting
    left = "" if sitting.left is None else f" · {duration(sitting.left)} left"
    return result(f"Task {(sitting.open or 0) + 1} of {len(sitting.tasks)}{left}\n\n{show(task)}")
