"""A node image comes back from a bundle under the name by which kind's nodes are made from it."""

import shutil
from pathlib import Path

import pytest
from tests.conftest import REAL_CACHE

from ckslab_labs.bundle import images, programs
from ckslab_labs.bundle.loading import load
from ckslab_labs.bundle.saving import save
from ckslab_labs.providers.kind import node_image
from ckslab_labs.providers.kind.configuration import IMAGES
from ckslab_labs.providers.kind.node_image import image_id
from ckslab_labs.providers.kind.tools import docker


def test_a_node_image_goes_through_a_bundle(image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = node_image.bundled("1.36")
    if image_id(name):
        pytest.skip(f"the engine has a {name} already, which may be in use")
    monkeypatch.setenv("XDG_CACHE_HOME", REAL_CACHE)
    monkeypatch.setattr(programs, "_all", lambda kubernetes: iter(()))
    monkeypatch.setattr(images, "known", frozenset)  # pods' images cannot be had where no registry is reached
    monkeypatch.setitem(IMAGES, "1.36", "nobody/has-it:1")
    heard: list[str] = []
    try:
        save(tmp_path / "bundle.tar", "1.36", heard.append, node_image=image)
        assert image_id(name) == ""
        assert node_image.choose("1.36") == "nobody/has-it:1"
        assert load(tmp_path / "bundle.tar", heard.append).images == (name,)
        assert image_id(name) == image_id(image)
        assert node_image.choose("1.36") == name
        assert "loading the images into the Docker engine" in heard
    finally:
        if image_id(name):
            docker("rmi", name, attempted="clean up")
        shutil.rmtree(tmp_path)  # pytest keeps the folders of its last runs
