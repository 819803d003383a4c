"""``ckslab bundle``: for machines without a network."""

import click

from ckslab_tui.cli.lazy import LazyGroup


@click.group(
    "bundle",
    short_help="For machines without a network.",
    cls=LazyGroup,
    verbs=("save", "load"),
    prefix="bundle_",
)
def command() -> None:
    """Carry what a lab needs in one file to machines that reach no registry and no Go proxy."""
