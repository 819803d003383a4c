"""Builds a module's programs with Go, once, into the module's cache folder.

What is in the cache folder under a program's name is whole: programs are built beside it, synced, and moved into place.
One builder at a time works on a folder; what a killed one left there is removed by the next. Go's own caches are shared
with everything else on the machine, and are safe under any number of builders. Nothing outside the cache folder and
Go's caches is written.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ckslab_labs.binaries.catalog import Binary, Module
from ckslab_labs.binaries.golang import Go, find_go
from ckslab_labs.binaries.refusals import explain
from ckslab_labs.errors import Busy
from ckslab_labs.files import FileLock, read_json, write_json
from ckslab_labs.paths import cache_home, private_dir
from ckslab_labs.said import lines

Progress = Callable[[str], None]

PATIENCE = 3600.0
"""Seconds to wait for another builder; a whole build takes a few minutes on 2 cores."""
SILENCE = 1200.0
"""Seconds without a word from Go after which it is taken for hung; linking and big downloads stay far below."""
_STAGING = ".build-"
_SECONDS = ".seconds"
_FULL = 64 << 20  # bytes: less than any of the programs needs


def build(module: Module, names: Sequence[str], progress: Progress) -> dict[str, Path]:
    """Build those programs of ``module`` that its cache folder lacks.

    Args:
        module: what to build from.
        names: which of its programs; built together, as they share most of their packages.
        progress: gets a line for people now and then.

    Returns:
        The paths of all of ``names``.

    Raises:
        InvalidInput: the cache folder is unusable.
        Infrastructure: no Go, or the build failed; nothing half-made is left.
        Busy: another builder did not end within ``PATIENCE``.

    """
    what = f"{', '.join(names)} {module.version}"
    private_dir(cache_home())
    folder = private_dir(module.cache_folder)
    try:
        with _turn(folder, what, progress):
            _sweep(folder)
            missing = [name for name in names if not (folder / name).exists()]
            if missing:
                _build(module, missing, folder, progress)
                _sweep(folder)  # a killed one's compilers may have written for a moment more
    except OSError as error:
        raise explain(f"build {what}", [str(error)]) from error
    return {name: folder / name for name in names}


def seconds_taken(module: Module) -> float:
    """How long it took to build what a module's cache folder holds; 0 where nothing was built there."""
    try:
        return float(read_json(module.cache_folder / _SECONDS))
    except FileNotFoundError:
        return 0.0


@contextmanager
def _turn(folder: Path, what: str, progress: Progress) -> Iterator[None]:
    """Hold the folder's lock, after waiting for whoever holds it."""
    lock = FileLock(folder / ".lock", what, wait=0)
    try:
        lock.acquire()
    except Busy:
        progress(f"{what}: another ckslab is building this; waiting for it")
        lock = FileLock(folder / ".lock", what, wait=PATIENCE).acquire()
    try:
        yield
    finally:
        lock.release()


def _sweep(folder: Path) -> None:
    """Remove what killed builders left; only for the holder of the lock."""
    for leftover in folder.glob(f"{_STAGING}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _build(module: Module, names: Sequence[str], folder: Path, progress: Progress) -> None:
    began = time.monotonic()
    go = find_go(module.go_version)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
    try:
        task = _Task(go, module, tuple(module.binary(name) for name in names), staging, progress)
        task.compile(task.count_stale())
        for binary in task.binaries:
            publish(task.built(binary), folder / binary.name)
        write_json(folder / _SECONDS, seconds_taken(module) + time.monotonic() - began)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    progress(f"{task.what}: built")


def publish(built: Path, target: Path) -> None:
    """Move a program into place once all of it is on the disk; both must be on the same one."""
    with built.open("rb") as file:
        os.fchmod(file.fileno(), 0o755)
        os.fsync(file.fileno())
    built.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass(frozen=True)
class _Task:
    """One run of the builder: some programs of a module, made in ``staging``."""

    go: Go
    module: Module
    binaries: tuple[Binary, ...]
    staging: Path
    progress: Progress

    @property
    def what(self) -> str:
        return f"{', '.join(binary.name for binary in self.binaries)} {self.module.version}"

    def built(self, binary: Binary) -> Path:
        return self.staging / "out" / binary.built_as

    def count_stale(self) -> int:
        """How many Go packages have to be compiled; fetches sources that are missing."""
        fetched = 0

        def heard(line: str) -> None:
            nonlocal fetched
            if line.startswith("go: downloading "):
                fetched += 1
                if fetched % 20 == 1:
                    self.progress(f"{self.what}: fetching sources, module {fetched}")

        self.progress(f"{self.what}: looking what there is to build")
        answer = self.staging / "stale"
        self._run(["list", *self.module.flags, "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"], answer, heard)
        return len(answer.read_text().splitlines())

    def compile(self, total: int) -> None:
        """Build; a line of progress for every tenth of the ``total`` packages."""
        compiled, told = 0, -1

        def heard(line: str) -> None:
            nonlocal compiled, told
            compiled += _is_package(line)
            tenth = min(10 * compiled // max(total, 1), 10)
            if tenth > told:
                told = tenth
                self.progress(f"{self.what}: {10 * tenth} % of {total} packages compiled")

        heard("")  # linking alone takes a while, too
        out = self.staging / "out"
        out.mkdir()
        flags = [*self.module.flags, "-v", "-ldflags", self.module.ldflags, "-o", f"{out}/"]
        self._run(["build", *flags], self.staging / "stdout", heard)

    def _run(self, arguments: Sequence[str], answer: Path, heard: Progress) -> None:
        """Run Go on our packages: its standard output into ``answer``, its other lines to ``heard``.

        Its process group is killed when we leave early, whatever the reason. When we are killed ourselves, its next
        word into the closed pipe ends it.
        """
        last: deque[str] = deque(maxlen=20)
        with (
            answer.open("wb") as output,
            subprocess.Popen(
                [self.go.path, *arguments, *(binary.package for binary in self.binaries)],
                cwd=self.module.folder,
                env=self.go.environment(self.staging, cgo=self.module.cgo),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                process_group=0,  # Ctrl-C reaches us alone, and all of its children end at once
            ) as process,
        ):
            try:
                for line in _lines(process):
                    heard(line)
                    if not _is_package(line):
                        last.append(line)
                process.wait()
            except BaseException:
                if process.returncode is None:  # not waited for, so the number is still its own
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode != 0:
            said = list(last) or [f"it ended with status {process.returncode}"]
            raise explain(f"build {self.what}", said + self._full_disks())

    def _full_disks(self) -> list[str]:
        """A line for each of our disks that is full: Go does not always say so ("package iter is not in std")."""
        folders = [folder for folder in (self.staging, self.go.build_cache, self.go.module_cache) if folder.exists()]
        return [f"{folder}: no space left on device" for folder in folders if shutil.disk_usage(folder).free < _FULL]


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """What the process says on standard error; TimeoutError after ``SILENCE``."""
    assert process.stderr
    for line in lines(process.stderr, SILENCE):
        if not line:
            raise TimeoutError(f"go said nothing for {SILENCE / 60:.0f} min")
        yield line


def _is_package(line: str) -> bool:
    """Whether it is a line of ``go build -v``: the import path of a package that was compiled."""
    return re.fullmatch(r"[\w.~/+-]+", line) is not None
