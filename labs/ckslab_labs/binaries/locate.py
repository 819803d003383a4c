"""Finds the programs of a control plane: those that the user brought, then those that we built.

A program that the user brought is used only when it says the version that was asked for: verdicts depend on it. Nothing
is built here (see ``build``), and nothing is looked up on PATH, where any version may be.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ckslab_labs.binaries.build import Progress, build
from ckslab_labs.binaries.catalog import Binary, Module, modules, programs
from ckslab_labs.binaries.sources import fetching
from ckslab_labs.errors import InvalidInput

BROUGHT = ("CKSLAB_BIN", "KUBEBUILDER_ASSETS")
"""Environment variables that may name a folder of programs; the first wins."""

_VERSION_SECONDS = 30.0


def ensure(names: Sequence[str], kubernetes: str, progress: Progress) -> Mapping[str, Path]:
    """The programs, built where they are missing.

    Args:
        names: as in the catalogue ("etcd", "kubectl").
        kubernetes: the version that people choose ("1.36").
        progress: gets a line for people now and then; print it to stderr.

    Raises:
        InvalidInput: an unknown name or version.
        Infrastructure: a program could not be built.

    """
    found = dict(find(names, kubernetes, progress))
    missing = {
        module: [binary.name for binary in module.binaries if binary.name in names and binary.name not in found]
        for module in modules(kubernetes)
    }
    lacking = [module for module in missing if missing[module]]
    with fetching(lacking[1:]):
        for module in lacking:
            found |= build(module, missing[module], progress)
    return {name: found[name] for name in names}


def find(names: Sequence[str], kubernetes: str, progress: Progress = lambda line: None) -> Mapping[str, Path]:
    """Those of the programs that are there already; arguments and errors as for ``ensure``."""
    known = {binary.name: (module, binary) for module, binary in programs(kubernetes)}
    found: dict[str, Path] = {}
    for name in names:
        if name not in known:
            raise InvalidInput(f"find {name}", "ckslab knows no such program", f"There are: {', '.join(known)}.")
        module, binary = known[name]
        path = brought(module, binary, progress) or _built(module, binary)
        if path:
            found[name] = path
    return found


def brought(module: Module, binary: Binary, progress: Progress = lambda line: None) -> Path | None:
    """A program that the user brought, of the module's version; others are passed over, which ``progress`` is told."""
    for variable in BROUGHT:
        folder = os.environ.get(variable)
        path = Path(folder or "/").expanduser().absolute() / binary.name
        if not folder or not path.exists():
            continue
        says = version_of(path, binary)
        if says == module.version:
            return path
        progress(f"{variable}: {path} says {says}, not {module.version}: passed over")
    return None


def _built(module: Module, binary: Binary) -> Path | None:
    path = module.cache_folder / binary.name
    return path if os.access(path, os.X_OK) else None


def version_of(path: Path, binary: Binary) -> str:
    """The version that the program says, without the "v"; or, in words, that it says none."""
    try:
        answer = subprocess.run(
            [path, *binary.version_args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_VERSION_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nothing ({getattr(error, 'strerror', None) or 'no answer'})"
    found = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", answer.stdout.decode(errors="replace"))
    return found[1] if found else "no version"
