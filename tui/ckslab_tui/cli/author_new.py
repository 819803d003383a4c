"""``ckslab author new``: a scenario folder to begin with."""

from pathlib import Path

import click

from ckslab_tui.cli.options import with_output
from ckslab_tui.cli.streams import result, result_json, talk


@click.command("new")
@click.argument("id")
@click.option(
    "--pack",
    "pack",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder to write it into.",
)
@with_output("json")
def command(id: str, pack: Path, output: str) -> None:
    """Write a scenario folder ID into a pack.

    It loads and passes its own suite, and says TODO where something is to be written.
    """
    from ckslab_checker.author import new

    folder = new(pack, id)
    talk(f"Now write it, then: ckslab author lint {pack.resolve().name}/{id} --pack {pack}")
    if output == "json":
        return result_json({"id": f"{pack.resolve().name}/{id}", "folder": str(folder)})
    return result(str(folder))
