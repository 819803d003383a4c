"""Starting and ending processes so that none outlives its plane.

What belongs to a plane is read from the process table (a variable in each process's environment), never from a pid
file: a file can lie, and a pid can be reused.
"""

import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ckslab_labs.providers.embedded.layout import PLANE_VARIABLE

_PR_SET_PDEATHSIG = 1  # prctl(2)


LIMITS: Mapping[int, int] = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 2**30,
    resource.RLIMIT_AS: 8 * 2**30,
    resource.RLIMIT_NOFILE: 8192,
}
"""What a process that is started from a learner's files may take of this machine (getrlimit(2)): bytes of a file and
of its address space, open files. An API server's audit log begins anew at 100 MB, and it maps some 1.5 GB."""


def start(
    argv: list[str], log: Path, env: dict[str, str], cwd: Path, limits: Mapping[int, int] | None = None
) -> subprocess.Popen[bytes]:
    """Start a component that dies with this process.

    Args:
        argv: the command line.
        log: appended to.
        env: the whole environment; nothing is inherited.
        cwd: the working directory.
        limits: hard limits by resource, such as ``LIMITS``; a lower one that is in force already stays.

    Raises:
        OSError: the program cannot be run.

    """
    parent = os.getpid()
    libc = ctypes.CDLL(
        None, use_errno=True
    )  # loaded before the fork: only async-signal-safe work is left for the child

    bounds = {kind: _lower(limit, resource.getrlimit(kind)[1]) for kind, limit in (limits or {}).items()}

    def bind_to_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
        for kind, limit in bounds.items():
            resource.setrlimit(kind, (limit, limit))

    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=bind_to_parent,
        )


def _lower(limit: int, hard: int) -> int:
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


def end(process: subprocess.Popen[bytes], patience: float = 2.0) -> None:
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
