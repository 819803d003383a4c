"""``ckslab exam start``: begin an exam."""

import click

from ckslab_tui.cli.exam_options import option, with_exam_settings
from ckslab_tui.cli.exam_status import as_dict, as_text
from ckslab_tui.cli.options import Settings, with_output
from ckslab_tui.cli.streams import Progress, result, result_json, talk
from ckslab_tui.exams import Exams, Wish


@click.command("start")
@click.option("--tasks", type=click.IntRange(1, 100), help="How many tasks [default: as in the exam, 16].")
@click.option(
    "--minutes", type=click.FloatRange(0, 1440, min_open=True), help="The time [default: as in the exam, 120]."
)
@click.option("--no-limit", is_flag=True, help="Practice without a limit of time.")
@click.option("--domain", metavar="ID", help="Tasks of this domain only (see ckslab list).")
@click.option("--seed", type=click.IntRange(0), help="Draw the same tasks as an exam with this seed.")
@with_exam_settings
@with_output("json")
def command(
    tasks: int | None,
    minutes: float | None,
    no_limit: bool,
    domain: str | None,
    seed: int | None,
    settings: Settings,
    output: str,
) -> None:
    """Draw an exam and begin it.

    Everything is built and started first; the clock starts when the first task is open. Until the exam is handed in
    there are no checks, hints or solutions. Each task keeps its own cluster state, and you may go from one to another.
    """
    if no_limit and minutes:
        raise click.UsageError("--no-limit and --minutes exclude each other")
    sitting = Exams(settings).begin(Wish(tasks, minutes, not no_limit, domain, seed), Progress())
    if output == "json":
        return result_json(as_dict(sitting))
    result(as_text(sitting))
    more = option(settings.plane)
    verbs = ("task", "shell", "task 2", "status", "hand-in")
    talk("\nNext: " + " · ".join(f"ckslab exam {verb}{more}" for verb in verbs))
    return None
