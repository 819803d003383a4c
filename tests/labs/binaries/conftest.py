"""A Go module that builds in a second, and Go caches of the tests' own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ckslab_labs.binaries.catalog import DEFAULT_KUBERNETES, Binary, Module, programs
from ckslab_labs.binaries.locate import find

MAIN = """package main

import "os"

var version = "none"

func main() { os.Stdout.WriteString("hello v" + version + "\\n") }
"""

DRIVER = """
import signal, sys
from pathlib import Path
from ckslab_labs.binaries.build import build
from ckslab_labs.binaries.catalog import Binary, Module
from ckslab_labs.errors import LabError

signal.signal(signal.SIGINT, signal.default_int_handler)
binaries = (Binary("hello", "example.test/hello", 1),)
module = Module("hello", "1.2.3", Path(sys.argv[1]), binaries, ("main.version=1.2.3",))
try:
    build(module, ["hello"], lambda line: print(line, file=sys.stderr, flush=True))
except LabError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.fixture(scope="session")
def go_caches(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Where Go keeps what it compiled, for all tests of this room: the first build takes 7 s, the others 0.5 s."""
    folder = tmp_path_factory.mktemp("go")
    return {"GOCACHE": str(folder / "build"), "GOMODCACHE": str(folder / "mod")}


@pytest.fixture(scope="session")
def real_programs() -> Mapping[str, Path]:
    """The control plane's programs that this machine has; looked up before the environment is neutralised."""
    return find([binary.name for _, binary in programs(DEFAULT_KUBERNETES)], DEFAULT_KUBERNETES)


@pytest.fixture(autouse=True)
def _own_environment(
    go_caches: Mapping[str, str],
    real_programs: Mapping[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CKSLAB_BIN", "KUBEBUILDER_ASSETS", "GOFLAGS", "GOROOT", "GOTOOLCHAIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name, value in go_caches.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def hello(tmp_path: Path) -> Module:
    """A module whose one program says "hello v1.2.3"."""
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.test/hello\n\ngo 1.21\n")
    (folder / "go.sum").write_text("")
    (folder / "main.go").write_text(MAIN)
    return Module("hello", "1.2.3", folder, (Binary("hello", "example.test/hello", 1),), ("main.version=1.2.3",))


@pytest.fixture
def real_go() -> str:
    """The Go of this machine."""
    go = shutil.which("go")
    assert go, "these tests need Go"
    return go


@pytest.fixture
def put_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a shell script in front of PATH as ``go``; returns where it is."""

    def put(script: str) -> Path:
        path = tmp_path / "path" / "go"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
        return path

    return put


Builder = subprocess.Popen[str]


@pytest.fixture
def start_builder(tmp_path: Path) -> Iterator[Callable[[Module], Builder]]:
    """Starts builders of the hello module as processes of their own; ends what is left of them."""
    started: list[Builder] = []

    def start(module: Module) -> Builder:
        arguments = [sys.executable, "-c", DRIVER, str(module.folder)]
        started.append(subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, bufsize=1))
        return started[-1]

    yield start
    for builder in started:
        builder.kill()
        with builder:  # closes the pipe
            builder.wait()


@pytest.fixture
def no_go_is_left(tmp_path: Path) -> Callable[[], None]:
    """Waits until no process works in a build folder under ``tmp_path``; fails when one stays."""

    def wait() -> None:
        deadline = time.monotonic() + 60
        while left := _working_under(tmp_path):
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(0.1)

    return wait


def _working_under(folder: Path) -> list[str]:
    mark = f"GOTMPDIR={folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue  # it ended meanwhile, or is another user's
    return found
