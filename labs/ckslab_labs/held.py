"""How a program is held that reads what a learner wrote: what it may take of this machine, and that it ends with us."""

import ctypes
import os
import resource
import signal
from collections.abc import Callable, Mapping

_PR_SET_PDEATHSIG = 1  # prctl(2)

LIMITS: Mapping[int, int] = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 2**30,
    resource.RLIMIT_AS: 8 * 2**30,
    resource.RLIMIT_NOFILE: 8192,
}
"""What a process that is started from a learner's files may take of this machine (getrlimit(2)): bytes of a file and
of its address space, open files. An API server's audit log begins anew at 100 MB, and it maps some 1.5 GB."""

SHORT_LIVED: Mapping[str, str] = {"GOGC": "off", "GOMEMLIMIT": "768MiB"}
"""Variables by which a program in Go that ends in a moment collects no garbage before it holds so much memory; that is
a quarter of what its start costs (https://go.dev/doc/gc-guide)."""


def child_setup(limits: Mapping[int, int] | None = None) -> Callable[[], None]:
    """What a child does before it becomes the program (``preexec_fn``): it dies with this process.

    Args:
        limits: hard limits by resource, such as ``LIMITS``; a lower one that is in force already stays.

    """
    parent = os.getpid()
    # Loaded before the fork: only async-signal-safe work is left for the child.
    libc = ctypes.CDLL(None, use_errno=True)
    bounds = {kind: _lower(limit, resource.getrlimit(kind)[1]) for kind, limit in (limits or {}).items()}

    def set_up() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
        for kind, limit in bounds.items():
            resource.setrlimit(kind, (limit, limit))

    return set_up


def _lower(limit: int, hard: int) -> int:
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)
