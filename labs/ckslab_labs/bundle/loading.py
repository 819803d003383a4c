"""Puts a bundle in place, once every byte of it was verified; before that nothing is changed."""

from dataclasses import dataclass
from pathlib import Path

from ckslab_labs.binaries.catalog import KUBERNETES
from ckslab_labs.bundle import archive, images, programs
from ckslab_labs.bundle.manifest import Foreign, Manifest
from ckslab_labs.bundle.staging import staging
from ckslab_labs.providers.provider import Progress


@dataclass(frozen=True)
class Loaded:
    """What came of it."""

    manifest: Manifest
    programs: list[str]
    """Those that were not there before."""
    images: tuple[str, ...]
    """Those that the engine was given."""


def load(path: Path, progress: Progress, *, with_images: bool = True) -> Loaded:
    """Load a bundle: images into the Docker engine, programs into the cache.

    Args:
        path: the archive.
        progress: told what is done.
        with_images: its images too, where it has some.

    Raises:
        InvalidInput: the archive is damaged, no bundle, or for another ckslab or machine; or it has images and no
            Docker engine answers. Nothing was changed.
        Infrastructure: the engine did not take the images, or the disk is full. No program was changed.

    """

    def accept(manifest: Manifest) -> None:
        _refuse_foreign(manifest)
        if manifest.images and with_images:
            images.refuse_other_engine(f"load the images of {path}")

    with staging() as folder:
        progress(f"verifying {path}")
        manifest = archive.unpack(path, folder, accept)
        given = manifest.images if with_images else ()
        if given:
            progress("loading the images into the Docker engine")
            images.load(folder / images.NAME, manifest.kubernetes)
        return Loaded(manifest, programs.put_in_place(folder, manifest.kubernetes), given)


def _refuse_foreign(manifest: Manifest) -> None:
    """Refuse what is not exactly what this ckslab would build and pull."""
    if manifest.kubernetes not in KUBERNETES:
        raise Foreign(f"it is for Kubernetes {manifest.kubernetes}, and this ckslab has {' and '.join(KUBERNETES)}")
    wanted = {*programs.wanted(manifest.kubernetes), *([images.NAME] if manifest.images else [])}
    if differing := wanted ^ set(manifest.members):
        name = min(differing)
        what = f"it lacks {name}" if name in wanted else f"it has {name}, which is of no use here"
        raise Foreign(f"{what}; it was made by ckslab {manifest.ckslab}")
    if manifest.images and set(manifest.images) != set(images.wanted(manifest.kubernetes)):
        raise Foreign(f"its images are {', '.join(manifest.images)}; it was made by ckslab {manifest.ckslab}")
