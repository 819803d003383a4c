"""``ckslab task``: what to do in the open scenario."""

import shlex

import click

from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import result, result_json
from ckslab_tui.service import LabService
from ckslab_tui.views import Task


@click.command("task")
@with_settings
@with_output("json")
def command(settings: Settings, output: str) -> None:
    """Show the open scenario's task, and where its files are."""
    task = LabService(settings).current()
    if output == "json":
        return result_json(task.as_dict())
    return result(show(task))


def show(task: Task) -> str:
    """A task as text."""
    entry = task.entry
    return "\n".join(
        (
            entry.title,
            f"{entry.id} · {entry.difficulty} · {entry.minutes} min · {entry.points} points",
            "",
            task.text.strip(),
            "",
            "Your files:   " + str(task.files),
            "Your cluster: export KUBECONFIG=" + shlex.quote(str(task.kubeconfig)),
        )
    )
