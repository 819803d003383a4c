"""Which image a node is made from, and the images that are put on a new node. The engine's own go before a registry's:
a machine may reach none.
"""

from contextlib import suppress

from ckslab_labs.binaries.catalog import KIND
from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.providers.kind.configuration import IMAGES
from ckslab_labs.providers.kind.tools import docker


def published(kubernetes: str) -> str:
    """The published node image of a version, by its digest.

    Raises:
        InvalidInput: there is none.

    """
    if kubernetes not in IMAGES:
        seen = "ckslab knows no node image of it"
        raise InvalidInput(f"use Kubernetes {kubernetes}", seen, f"Choose {' or '.join(IMAGES)}.")
    return IMAGES[kubernetes]


def bundled(kubernetes: str) -> str:
    """The name by which the engine has the node image of a loaded bundle.

    It names kind's release too: an image is promised to work only with the release that it was published for.
    """
    return f"ckslab/node-image:{kubernetes}-kind-{KIND.version}"


def choose(kubernetes: str) -> str:
    """The node image of a version: the published one, unless the engine has only a bundle's.

    Raises:
        InvalidInput: there is none.

    """
    image = published(kubernetes)
    return bundled(kubernetes) if image_id(bundled(kubernetes)) and not image_id(image) else image


def image_id(name: str) -> str:
    """The engine's id of an image; empty where it does not have it, or does not answer."""
    with suppress(Infrastructure):
        return docker("image", "inspect", "--format={{.Id}}", name, attempted=f"look for the image {name}").strip()
    return ""
