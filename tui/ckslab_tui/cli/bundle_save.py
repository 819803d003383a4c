"""``ckslab bundle save``: put what a lab needs into one file."""

from pathlib import Path

import click

from ckslab_tui.cli.options import KUBERNETES, with_output
from ckslab_tui.cli.streams import Progress, result, result_json, talk


@click.command("save")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--kubernetes",
    type=click.Choice(KUBERNETES),
    default=KUBERNETES[0],
    show_default=True,
    help="The Kubernetes version of the lab.",
)
@click.option(
    "--images/--no-images",
    default=False,
    show_default=True,
    help="Put in the container images for kind, too; needs a Docker engine.",
)
@click.option("--image", metavar="NAME", help="With --images: another node image (also CKSLAB_KIND_IMAGE).")
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
@with_output("json")
def command(file: Path, kubernetes: str, images: bool, image: str | None, force: bool, output: str) -> None:
    """Put the programs of a lab into the archive FILE, compressed if it is called .tgz or .gz.

    What this machine lacks of them is built first, and images that its Docker engine lacks are pulled.
    """
    if image and not images:
        raise click.UsageError("--image is for --images", click.get_current_context())
    from ckslab_labs.bundle.images import NAME
    from ckslab_labs.bundle.saving import save
    from ckslab_labs.providers.kind.provider import Kind

    progress = Progress()
    node_image = Kind("bundle", kubernetes, image).image if images else None
    manifest = save(file, kubernetes, progress, node_image=node_image, force=force)
    size, programs = file.stat().st_size, [name for name in manifest.members if name != NAME]
    talk(f"Load it with: ckslab bundle load {file}")
    if output == "json":
        return result_json({"file": str(file), "size": size, "manifest": manifest.model_dump()})
    what = f"{len(programs)} programs of Kubernetes {kubernetes}, {len(manifest.images)} images"
    return result(f"{file}: {what}, {size / 1e6:.0f} MB")
