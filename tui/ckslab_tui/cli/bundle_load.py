"""``ckslab bundle load``: put in place what a bundle holds."""

from pathlib import Path

import click

from ckslab_tui.cli.options import with_output
from ckslab_tui.cli.streams import Progress, result, result_json


@click.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--images/--no-images", default=True, show_default=True, help="Load its images, where it has some, into Docker."
)
@with_output("json")
def command(file: Path, images: bool, output: str) -> None:
    """Put the programs of the bundle FILE where ckslab looks for them, and its images into the Docker engine.

    Everything is verified first. The programs will run on this machine: load what you got from somebody you trust.
    """
    from ckslab_labs.bundle.loading import load

    loaded = load(file, Progress(), with_images=images)
    kubernetes = loaded.manifest.kubernetes
    if output == "json":
        return result_json({"kubernetes": kubernetes, "new_programs": loaded.programs, "images": loaded.images})
    return result(
        f"Kubernetes {kubernetes} is in place: {len(loaded.programs)} new programs, {len(loaded.images)} images"
    )
