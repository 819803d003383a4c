"""What a shell completes besides verbs and options. Folder names only: completing must be instant and never fail."""

import click
from click.shell_completion import CompletionItem

from ckslab_labs.errors import LabError


def complete_scenario(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of scenarios."""
    from ckslab_labs.scenario.catalogue import Catalogue

    try:
        ids = Catalogue({}, ctx.params.get("packs") or ()).ids()
    except LabError:
        return []
    return [CompletionItem(id) for id in ids if id.startswith(incomplete)]
