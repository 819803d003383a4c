"""``ckslab author``: for those who write scenarios."""

import click

from ckslab_tui.cli.lazy import LazyGroup


@click.group(
    "author",
    short_help="For those who write scenarios.",
    cls=LazyGroup,
    verbs=("new", "lint", "test", "try"),
    prefix="author_",
)
def command() -> None:
    """Write scenarios: make one, lint it, prove it with its suite, try a fix from outside it."""
