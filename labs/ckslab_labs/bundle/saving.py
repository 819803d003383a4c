"""Makes a bundle of what this machine has, or can still get."""

from pathlib import Path

from ckslab_labs import __version__
from ckslab_labs.bundle import archive, images, programs
from ckslab_labs.bundle.manifest import FORMAT, Manifest, here
from ckslab_labs.bundle.staging import staging
from ckslab_labs.errors import InvalidInput
from ckslab_labs.providers.provider import Progress


def save(
    path: Path, kubernetes: str, progress: Progress, *, node_image: str | None = None, force: bool = False
) -> Manifest:
    """Write a bundle; what is missing for it is built and pulled first.

    Args:
        path: the archive; compressed where its name ends in ``archive.COMPRESSED``.
        kubernetes: the version of the lab ("1.36").
        progress: told what is done.
        node_image: put the images in as well, with this one for kind's nodes.
        force: replace an archive that is there.

    Returns:
        what is in it.

    Raises:
        InvalidInput: the place is taken or not there; or no Docker engine answers for the images.
        Infrastructure: a program or an image cannot be had, or the disk is full; nothing is left.

    """
    _refuse_place(path, force)
    if node_image:
        images.refuse_other_engine(f"save {path} with images")
    programs.make(kubernetes, progress)
    files = programs.wanted(kubernetes)
    with staging() as folder:
        if node_image:
            files[images.NAME] = folder / images.NAME
            images.save(files[images.NAME], kubernetes, node_image, progress)
        progress("computing digests")
        manifest = Manifest(
            format=FORMAT,
            ckslab=__version__,
            platform=here(),
            kubernetes=kubernetes,
            images=images.wanted(kubernetes) if node_image else (),
            members={name: archive.describe(file) for name, file in files.items()},
        )
        progress(f"writing {path}")
        archive.write(path, manifest, files)
    return manifest


def _refuse_place(path: Path, force: bool) -> None:
    attempted = f"save a bundle as {path}"
    if not path.parent.is_dir():
        raise InvalidInput(attempted, f"there is no folder {path.parent}", "Make it first, or choose another place.")
    if path.is_dir():
        raise InvalidInput(attempted, "it is a folder", "Give the name of a file in it.")
    if path.exists() and not force:
        raise InvalidInput(attempted, "it is there already", "Choose another name, or add --force to replace it.")
