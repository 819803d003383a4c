"""What this machine has and lacks for a control plane: facts with remedies, for ``ckslab doctor``.

One small function per fact; a fact never raises because of what it found. Nothing is built or fetched here.
"""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ckslab_labs import tools
from ckslab_labs.binaries.catalog import DEFAULT_KUBERNETES, Binary, Module, architecture, programs
from ckslab_labs.binaries.golang import FIRST_WITH_TOOLCHAINS, as_numbers, find_go
from ckslab_labs.binaries.locate import find, version_of
from ckslab_labs.binaries.refusals import SPACE_GB
from ckslab_labs.errors import LabError
from ckslab_labs.files import FileLock
from ckslab_labs.paths import cache_home, private_dir, state_home


@dataclass(frozen=True)
class Finding:
    """One fact.

    Args:
        name: what was looked at.
        ok: whether nothing has to be done about it.
        seen: what was found, for people.
        remedy: what to do; "" when it is ok.

    """

    name: str
    ok: bool
    seen: str
    remedy: str = ""


def findings(kubernetes: str = DEFAULT_KUBERNETES) -> list[Finding]:
    """All facts that a control plane of that Kubernetes version depends on.

    Raises:
        InvalidInput: ckslab has no such version.

    """
    known = list(programs(kubernetes))
    machine = platform_fact()
    if not machine.ok:
        return [machine]
    notes: list[str] = []
    found = find([binary.name for _, binary in known], kubernetes, notes.append)
    go_versions = [module.go_version for module, binary in known if binary.name not in found]
    return [
        machine,
        go_fact(max(go_versions, key=as_numbers, default=None)),
        space_fact(cache_home(), SPACE_GB if go_versions else 0),
        *(Finding("yours", True, note) for note in notes),
        *(program_fact(module, binary, found.get(binary.name)) for module, binary in known),
        *(tool_fact(name) for name in tools.TOOLS),
        falco_fact(),
        state_fact(state_home()),
        lock_fact(state_home()),
    ]


def platform_fact() -> Finding:
    """Whether this is a machine that ckslab runs on."""
    try:
        seen = f"{sys.platform} {architecture()}"
    except LabError as error:
        seen = f"{sys.platform}, {error.seen}"
    ok = seen in ("linux amd64", "linux arm64")
    return Finding("platform", ok, seen, "" if ok else "Use Linux or WSL2, on amd64 or arm64.")


def go_fact(version: str | None) -> Finding:
    """Whether there is a Go that can build a module that asks for ``version``; None: there is nothing to build."""
    try:
        go = find_go(version or FIRST_WITH_TOOLCHAINS)
    except LabError as error:
        if version is None:
            return Finding("go", True, f"{error.seen}; none is needed, as every program is there")
        return Finding("go", False, error.seen, error.remedy)
    return Finding("go", True, f"{go.version} at {go.path}")


def space_fact(folder: Path, needed_gb: float) -> Finding:
    """Whether the disk that ``folder`` is on, or will be, has that much room."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    seen = f"{free_gb:.1f} GB free for {folder}, up to {needed_gb:g} GB needed"
    remedy = f"Free {needed_gb - free_gb:.1f} GB, or move XDG_CACHE_HOME, GOMODCACHE and GOCACHE."
    return Finding("space", free_gb >= needed_gb, seen, "" if free_gb >= needed_gb else remedy)


def program_fact(module: Module, binary: Binary, path: Path | None) -> Finding:
    """Where a program is, or that it will be built; never wrong in itself (see ``go_fact``)."""
    if path:
        return Finding(binary.name, True, f"{module.version} at {path}")
    seen = f"{module.version} will be built on first use, or now by `ckslab setup`: {_minutes(binary)}"
    return Finding(binary.name, True, seen)


def _minutes(binary: Binary) -> str:
    return f"about {binary.minutes:.0f} min" if binary.minutes >= 1 else "under a minute"


def tool_fact(name: str) -> Finding:
    """Where one of ``tools.TOOLS`` is, or that it will be built where a scenario needs it."""
    binary = tools.TOOLS[name].module.binary(name)
    if path := tools.find(name):
        return Finding(name, True, f"{version_of(path, binary)} at {path}")
    seen = f"will be built for the first scenario that needs it, or now by `ckslab setup --all`: {_minutes(binary)}"
    return Finding(name, True, seen)


def falco_fact() -> Finding:
    """Whether a Falco is there to be asked about its rules besides the emulation; it need not be."""
    falco = tools.on_path("falco")
    if falco is None:
        return Finding("falco", True, "not on PATH, and never built: an emulation judges its rules alone")
    return Finding("falco", True, f"{version_of(falco.path, Binary('falco', '', 0))} at {falco.path}")


def state_fact(folder: Path) -> Finding:
    """Whether planes can be kept in ``folder``."""
    try:
        private_dir(folder)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except LabError as error:
        return Finding("state", False, f"{folder}: {error.seen}", error.remedy)
    except OSError as error:
        remedy = "Free some space there, or set XDG_STATE_HOME to a writable folder."
        return Finding("state", False, f"{folder}: {error.strerror}", remedy)
    return Finding("state", True, f"{folder} is writable")


def lock_fact(folder: Path) -> Finding:
    """Whether file locks work in ``folder``: on some network file systems they don't."""
    path = folder / ".doctor.lock"
    try:
        with FileLock(path, "doctor"):
            path.unlink()
    except (OSError, LabError) as error:
        seen = f"{folder}: {getattr(error, 'strerror', None) or error}"
        return Finding("locks", False, seen, "Set XDG_STATE_HOME to a folder on a local disk.")
    return Finding("locks", True, f"file locks work in {folder}")
