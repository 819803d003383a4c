"""``ckslab exam``: a mock exam, without the app."""

import click

from ckslab_tui.cli.lazy import LazyGroup


@click.group(
    "exam",
    short_help="Sit a mock exam.",
    cls=LazyGroup,
    verbs=("start", "status", "task", "flag", "shell", "hand-in", "report"),
    prefix="exam_",
)
def command() -> None:
    """Sit a mock exam: tasks by the curriculum's weights, one cluster state each, no checks until it is handed in."""
