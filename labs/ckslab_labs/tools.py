"""Programs that decide what no API server decides, such as promtool: found or built, and run like a stranger's.

A tool on PATH will do where it is new enough, unlike the programs of a control plane: what it decides is as stable as
the format that it reads.
They read files that a learner wrote. Each run has a folder of its own, no environment, bounds in time and in what it
may take of this machine, and no network where the kernel lets anybody leave it (network_namespaces(7)).
"""

import functools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ckslab_labs.binaries.build import Progress, build
from ckslab_labs.binaries.catalog import GATEKEEPER, KYVERNO, PROMETHEUS, Module
from ckslab_labs.binaries.golang import as_numbers
from ckslab_labs.binaries.locate import brought, version_of
from ckslab_labs.errors import Infrastructure
from ckslab_labs.held import LIMITS, SHORT_LIVED, child_setup

SECONDS = 20.0
"""For a run: the usual one takes less than one."""
SAID_BYTES = 64 * 1024
"""Of what a run says, that are kept."""


@dataclass(frozen=True)
class Known:
    """A tool.

    Args:
        module: builds it.
        since: the oldest version that will do where it is on PATH ("2.40"); None: only ours will.

    """

    module: Module
    since: str | None = None


TOOLS: Mapping[str, Known] = {
    "gator": Known(GATEKEEPER),
    "kyverno": Known(KYVERNO),
    "promtool": Known(PROMETHEUS, since="2.40"),
}
"""The tools that probes may ask for, by the program's name."""


@dataclass(frozen=True)
class Ran:
    """What a run did: its exit code, and what it said (both streams, the beginning)."""

    code: int
    said: str


class Tool:
    """A program that is there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(
        self, words: Sequence[str], files: Mapping[str, bytes], seconds: float = SECONDS, most: int = SAID_BYTES
    ) -> Ran:
        """Run it on some files.

        Args:
            words: its arguments; the files by their names.
            files: what lies in the folder that it runs in, by name.
            seconds: after which it is killed, with whatever it started.
            most: bytes of what it says, that are kept.

        Raises:
            Infrastructure: it cannot be run, or did not end in time.

        """
        with tempfile.TemporaryDirectory(prefix="ckslab-tool-") as name:
            folder = Path(name)
            for file, content in files.items():
                (folder / file).write_bytes(content)
            with (folder / ".said").open("wb+") as said:
                code = self._run(words, folder, said.fileno(), seconds)
                said.seek(0)
                return Ran(code, said.read(most).decode("utf-8", "replace"))

    def _run(self, words: Sequence[str], folder: Path, output: int, seconds: float) -> int:
        attempted = f"run {self.path.name} {words[0] if words else ''}".strip()
        if not os.access(self.path, os.X_OK):
            raise Infrastructure(attempted, f"{self.path} is not there, or no program", "See `ckslab doctor`.")
        try:
            process = subprocess.Popen(
                [*_apart(), self.path, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"HOME": str(folder), "TMPDIR": str(folder), **SHORT_LIVED},
                cwd=folder,
                start_new_session=True,
                preexec_fn=child_setup(LIMITS),
            )
        except OSError as error:
            raise Infrastructure(attempted, f"{self.path}: {error.strerror}", "See `ckslab doctor`.") from None
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            seen = f"no end after {seconds:g} s"
            raise Infrastructure(attempted, seen, "Make the file that it reads simpler.") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def tool(name: str, progress: Progress = lambda line: None) -> Tool:
    """One of ``TOOLS``: from PATH where it is new enough, else one of ours, built once.

    Raises:
        Infrastructure: it could not be built.

    """
    return Tool(find(name) or build(TOOLS[name].module, [name], progress)[name])


def on_path(name: str) -> Tool | None:
    """A program that is used where somebody has it, and is never built, such as falco; None where it is not."""
    path = shutil.which(name)
    return Tool(Path(path)) if path else None


def find(name: str) -> Path | None:
    """Where one of ``TOOLS`` is; None: it is to be built."""
    known = TOOLS[name]
    if yours := brought(known.module, known.module.binary(name)):
        return yours
    path = shutil.which(name)
    if path and known.since and _will_do(path, name):
        return Path(path)
    built = known.module.cache_folder / name
    return built if os.access(built, os.X_OK) else None


@functools.cache
def _will_do(path: str, name: str) -> bool:
    known = TOOLS[name]
    says = version_of(Path(path), known.module.binary(name))
    return says[:1].isdigit() and as_numbers(says.partition("+")[0]) >= as_numbers(known.since or "")


@functools.cache
def _apart() -> tuple[str, ...]:
    """Words before a command line that take the network from it; none where the kernel does not let us."""
    words = ("unshare", "--map-root-user", "--net", "--")
    try:
        done = subprocess.run([*words, "true"], capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return words if done.returncode == 0 else ()


def make_ready(names: Iterable[str], progress: Progress) -> Mapping[str, Path]:
    """Build those tools that are not there, and say where all of them are.

    Raises:
        Infrastructure: one could not be built.

    """
    return {name: tool(name, progress).path for name in sorted(names)}


Tools = Callable[[str], Tool]
"""Gives a tool by name, as ``tool`` does."""
