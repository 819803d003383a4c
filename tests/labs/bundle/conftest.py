"""A lab of one small program, a bundle of it, and an engine that only writes down what it was asked."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from ckslab_labs.binaries.catalog import Binary, Module
from ckslab_labs.bundle import images, programs
from ckslab_labs.bundle.manifest import here
from ckslab_labs.bundle.saving import save
from ckslab_labs.scenario.images import known

Files = list[tuple[tarfile.TarInfo, bytes]]

DOCKER = """#!/bin/sh
echo "$*" >> {folder}/asked
case "$1" in
version) cat {folder}/platform ;;
image) grep -qxF "$4" {folder}/has && echo "sha256:$4" ;;
pull) exit 1 ;;
save) cp {folder}/saved "${{2#--output=}}" ;;
esac
"""


@pytest.fixture
def hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """The only program of a lab, in the cache."""
    for name in ("CKSLAB_BIN", "CKSLAB_KIND_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.test/hello\n\ngo 1.21\n")
    (folder / "go.sum").write_text("")
    module = Module("hello", "1.2.3", folder, (Binary("hello", "example.test/hello", 1),))
    monkeypatch.setattr(programs, "_all", lambda kubernetes: iter([(module, module.binaries[0])]))
    module.cache_folder.mkdir(parents=True)
    (module.cache_folder / "hello").write_text("#!/bin/sh\necho hello v1.2.3\n")
    return module


@pytest.fixture
def member(hello: Module) -> str:
    """The program's name in a bundle."""
    return f"bin/{hello.cache_folder.name}/hello"


@pytest.fixture
def bundle(hello: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of the lab; the cache is empty from here on."""
    path = tmp_path / "bundle.tar"
    save(path, "1.36", lambda line: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    return path


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a Docker engine that has every image; ``asked`` is written, the other files may be changed."""
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "docker").write_text(DOCKER.format(folder=folder))
    (folder / "docker").chmod(0o755)
    (folder / "platform").write_text(here())
    (folder / "has").write_text("\n".join(["node:1", *known()]))
    put_archive(folder / "saved", images.wanted("1.36"))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def put_archive(path: Path, names: Iterable[str]) -> None:
    """Write what ``docker save`` would, but for the images themselves."""
    data = json.dumps([{"Config": "x", "RepoTags": list(names), "Layers": []}]).encode()
    write(path, [(plain("manifest.json", data), data)])


def plain(name: str, data: bytes) -> tarfile.TarInfo:
    """The header of a file."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info


def write(path: Path, files: Files) -> None:
    """Write an archive, whatever is in it."""
    with tarfile.open(path, "w") as tar:
        for info, data in files:
            tar.addfile(info, io.BytesIO(data))


def rewrite(path: Path, change: Callable[[Files], None]) -> None:
    """Change the members of an archive."""
    with tarfile.open(path) as tar:
        files = [(info, file.read() if (file := tar.extractfile(info)) else b"") for info in tar]
    change(files)
    write(path, files)


def say(path: Path, **keys: Any) -> None:
    """Change what the manifest of a bundle says."""

    def change(files: Files) -> None:
        data = json.dumps(json.loads(files[0][1]) | keys).encode()
        files[0] = (plain("manifest.json", data), data)

    rewrite(path, change)
