"""Starting and ending processes so that none outlives its plane.

What belongs to a plane is read from the process table (a variable in each process's environment), never from a pid
file: a file can lie, and a pid can be reused.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ckslab_labs.held import child_setup
from ckslab_labs.providers.embedded.layout import PLANE_VARIABLE


def start(
    argv: list[str], log: Path, env: dict[str, str], cwd: Path, limits: Mapping[int, int] | None = None
) -> subprocess.Popen[bytes]:
    """Start a component that dies with this process.

    Args:
        argv: the command line.
        log: appended to.
        env: the whole environment; nothing is inherited.
        cwd: the working directory.
        limits: hard limits by resource, see ``held.child_setup``.

    Raises:
        OSError: the program cannot be run.

    """
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=child_setup(limits),
        )


PATIENCE = 2.0
"""Seconds in which a component may end by itself."""


def end(process: subprocess.Popen[bytes], patience: float = PATIENCE) -> None:
    """TERM, and KILL after ``patience`` seconds; returns when the process is gone."""
    process.terminate()
    process.send_signal(signal.SIGCONT)  # one that is paused would not hear
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pause(pid: int, root: Path) -> None:
    """Stop a process of a plane, with everything that it is doing, until ``go_on``."""
    _signal(pid, root, signal.SIGSTOP)


def go_on(pid: int, root: Path) -> None:
    """Let a process of a plane go on after ``pause``; one that was not paused takes no notice."""
    _signal(pid, root, signal.SIGCONT)


def _signal(pid: int, root: Path, number: int) -> None:
    if _marker(root) in _environment(pid):  # and not another's, which has got its number since
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _marker(root: Path) -> bytes:
    return f"{PLANE_VARIABLE}={root}".encode()


def of_plane(root: Path) -> list[int]:
    """The processes of a plane, by the process table.

    Args:
        root: the plane's folder.

    """
    return [pid for pid in _pids() if _marker(root) in _environment(pid)]


def sweep(root: Path) -> list[int]:
    """KILL whatever is left of a plane and wait until it is gone.

    Returns:
        the process ids that were found.

    """
    found = of_plane(root)
    for pid in found:
        _kill(pid)
    wait_until(lambda: not of_plane(root), seconds=5)
    return found


def wait_until(holds: Callable[[], bool], seconds: float, interval: float = 0.02) -> bool:
    """Poll ``holds`` for so long; whether it became true."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
    return True


def _pids() -> Iterable[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _environment(pid: int) -> frozenset[bytes]:
    try:
        return frozenset(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:  # another user's, or gone meanwhile
        return frozenset()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
