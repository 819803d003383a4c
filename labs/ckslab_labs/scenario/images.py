"""The images that scenarios may name, from ``images.yaml``. An image's name must not stand in code."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ckslab_labs import strict_yaml
from ckslab_labs.scenario.model import Strict, Text


class Image(Strict):
    """One image, and what scenarios use it for."""

    image: Annotated[str, Field(pattern=r"^[a-z0-9./-]+:[A-Za-z0-9._-]+$")]
    """With a fixed tag."""
    use: Text


class ImageList(Strict):
    """The list, and how its images are pulled."""

    pull_policy: Literal["IfNotPresent"] = Field(alias="pullPolicy")
    images: tuple[Image, ...] = Field(min_length=1, strict=False)


@cache
def image_list() -> ImageList:
    """The list that ships with ckslab."""
    path = Path(__file__).resolve().parents[1] / "images.yaml"
    return ImageList.model_validate(strict_yaml.load(path.read_bytes(), source=str(path)))


def known() -> frozenset[str]:
    """The names of all images in the list."""
    return frozenset(image.image for image in image_list().images)
