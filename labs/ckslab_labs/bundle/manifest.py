"""What is in a bundle: its first member, as a value. Nothing here reads or writes an archive."""

import json
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ckslab_labs.binaries.catalog import architecture
from ckslab_labs.scenario.model import Strict

NAME = "manifest.json"
FORMAT: Literal[1] = 1
"""One more whenever an older ckslab could not read a bundle any more."""


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$")]
"""Of a member: no part of it begins with a dot."""


class Member(Strict):
    """One file of the archive."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]
    """In bytes."""


class Manifest(Strict):
    """All of it. It holds no time and no name of a machine: the same things make the same bundle."""

    format: Literal[1]
    ckslab: str
    """The release that made it."""
    platform: str
    """As Go says it: ``linux/amd64``."""
    kubernetes: str
    """The version as people choose it: ``1.36``."""
    images: Annotated[tuple[str, ...], Field(strict=False)]
    """The names that the engine has them by, once loaded."""
    members: dict[Name, Member]
    """All files but this one, by their names in the archive."""

    def as_bytes(self) -> bytes:
        """As it is written."""
        return json.dumps(self.model_dump(), indent=1).encode()


class Foreign(ValueError):
    """A manifest that is sound, and not for this ckslab or this machine; says what differs."""


def here() -> str:
    """The platform of the machine that we are on.

    Raises:
        Infrastructure: ckslab does not run on it.

    """
    return f"linux/{architecture()}"


def parse(data: bytes) -> Manifest:
    """A manifest that this machine can use.

    Raises:
        Foreign: its format, or the platform of what is in the bundle, is another one.
        ValueError: it is no manifest.

    """
    document = json.loads(data)
    said = document.get("format") if isinstance(document, dict) else None
    if isinstance(said, int) and said != FORMAT:
        raise Foreign(f"it is of format {said}, and this ckslab reads format {FORMAT}")
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or NAME}: {first['msg']}") from error
    if manifest.platform != here():
        raise Foreign(f"it is for {manifest.platform}, and this machine is {here()}")
    return manifest
