"""The images of a bundle, in the format of ``docker save``: the node image, and those that scenarios' pods name.

An image loses its digest on the way (https://kind.sigs.k8s.io/docs/user/working-offline/), so the node image travels
under a name of ours.
"""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckslab_labs.bundle.manifest import here
from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.providers.kind.node_image import bundled, image_id
from ckslab_labs.providers.kind.tools import docker
from ckslab_labs.providers.provider import Progress
from ckslab_labs.scenario.images import known

NAME = "images.tar"
SECONDS = 1800.0
"""For what moves a gigabyte, perhaps over a network."""


def wanted(kubernetes: str) -> tuple[str, ...]:
    """The names of all images of a lab of that Kubernetes version, in the engine where they are loaded."""
    return (bundled(kubernetes), *sorted(known()))


def refuse_other_engine(attempted: str) -> None:
    """Refuse an engine that does not answer, or runs images of another platform than this machine's programs.

    Raises:
        InvalidInput: saying which.

    """
    remedy = "Start Docker and see that you may use it, or leave the images out with --no-images."
    try:
        platform = docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}", attempted=attempted).strip()
    except Infrastructure as error:
        raise InvalidInput(attempted, error.seen, remedy) from error
    if platform != here():
        raise InvalidInput(attempted, f"the Docker engine is {platform}, and this machine is {here()}", remedy)


def save(target: Path, kubernetes: str, node_image: str, progress: Progress) -> None:
    """Write all images into an archive; those that the engine lacks are pulled.

    Args:
        target: the archive.
        kubernetes: the version, for the node image's name.
        node_image: the node image, as the engine or a registry has it.
        progress: told what is done.

    Raises:
        Infrastructure: the engine does not answer, or an image cannot be had.

    """
    for name in (node_image, *sorted(known())):
        _have(name, progress)
    progress("saving the images")
    with _named(node_image, bundled(kubernetes)):
        docker("save", f"--output={target}", *wanted(kubernetes), attempted="save the images", seconds=SECONDS)


def load(archive: Path, kubernetes: str) -> None:
    """Give the images of an archive to the engine.

    Raises:
        InvalidInput: it holds others than those of a lab of that Kubernetes version; nothing was loaded.
        Infrastructure: the engine did not take them.

    """
    if (names := _names(archive)) != set(wanted(kubernetes)):
        seen = f"{NAME} holds {', '.join(sorted(names)) or 'none'}"
        remedy = "Make the bundle anew with `ckslab bundle save`; nothing was changed."
        raise InvalidInput("load the images of a bundle", seen, remedy)
    docker("load", "--quiet", f"--input={archive}", attempted="load the images", seconds=SECONDS)


def _names(archive: Path) -> set[str]:
    """The names that an archive of ``docker save`` would give."""
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile("manifest.json")
            return {name for image in json.load(file) for name in image["RepoTags"] or ()} if file else set()
    except (tarfile.TarError, KeyError, TypeError, ValueError):
        return set()


def _have(name: str, progress: Progress) -> None:
    if image_id(name):
        return
    progress(f"pulling {name.partition('@')[0]}")
    attempted = f"have the image {name} for the bundle"
    try:
        docker("pull", "--quiet", name, attempted=attempted, seconds=SECONDS)
    except Infrastructure as error:
        remedy = f"{error.remedy} Without --images a bundle holds programs only."
        raise Infrastructure(attempted, error.seen, remedy) from error


@contextmanager
def _named(image: str, name: str) -> Iterator[None]:
    """Have an image under another name for a while; what had the name before gets it back."""
    before = image_id(name)
    docker("tag", image_id(image), name, attempted=f"name the image {image}")
    try:
        yield
    finally:
        words = ("tag", before, name) if before else ("rmi", name)
        docker(*words, attempted=f"take the name {name} back")
