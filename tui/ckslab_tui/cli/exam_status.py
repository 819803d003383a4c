"""``ckslab exam status``: the tasks of the exam, and the time that is left."""

from typing import TYPE_CHECKING, Any

import click

from ckslab_tui.cli.exam_options import with_exam_settings
from ckslab_tui.cli.options import Settings, with_output
from ckslab_tui.cli.streams import result, result_json, talk
from ckslab_tui.exam_text import duration

if TYPE_CHECKING:
    from ckslab_labs.exam.sitting import Sitting


@click.command("status")
@with_exam_settings
@with_output("json")
def command(settings: Settings, output: str) -> None:
    """Show the tasks of the exam, which of them you have begun or flagged, and the time that is left."""
    from ckslab_tui.exams import Exams

    exams = Exams(settings)
    sitting = exams.sat().sitting
    if remark := exams.remark():
        talk(remark)
    if output == "json":
        return result_json(as_dict(sitting))
    return result(as_text(sitting))


def as_text(sitting: "Sitting") -> str:
    """The exam as text."""
    from ckslab_labs.scenario.curriculum import curriculum

    titles = curriculum().titles()
    lines = [_head(sitting), ""]
    for index, task in enumerate(sitting.tasks):
        state = "open" if index == sitting.open else "begun" if task.begun else ""
        flag = "flagged" if task.flagged else ""
        mark = ">" if index == sitting.open else " "
        lines.append(f"{mark} {index + 1:>2}  {titles.get(task.domain, task.domain):<42} {state:<6} {flag}".rstrip())
    return "\n".join(lines)


def _head(sitting: "Sitting") -> str:
    if sitting.over:
        return "The time is over. `ckslab exam hand-in` marks what there is."
    left = sitting.left
    time = "without a limit of time" if left is None else f"{duration(left)} left"
    return f"Exam {sitting.seed} · {len(sitting.tasks)} tasks · {time} · pass at {sitting.pass_percent} %"


def as_dict(sitting: "Sitting") -> dict[str, Any]:
    """The exam as JSON."""
    left = sitting.left
    return {
        "seed": sitting.seed,
        "started": sitting.started,
        "minutes": sitting.minutes,
        "seconds_left": None if left is None else round(left, 1),
        "over": sitting.over,
        "pass_percent": sitting.pass_percent,
        "open": None if sitting.open is None else sitting.open + 1,
        "tasks": [
            {"number": index + 1, "scenario": t.scenario, "domain": t.domain, "begun": t.begun, "flagged": t.flagged}
            for index, t in enumerate(sitting.tasks)
        ],
    }
