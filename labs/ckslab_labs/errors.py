"""The errors that a person reads.

Every error of ours says three things: what was attempted, what was seen and what to do about it. The command line
turns the class into an exit code (see ``ExitCode``); nothing else may. Verdicts are never errors: a check that did not
pass is a result, and travels as one.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every ``ckslab`` command."""

    PASSED = 0
    """Everything asked for was done, and every check passed."""
    FAILED = 1
    """Some check failed."""
    USAGE = 2
    """The command, or a file given to it, is invalid."""
    UNKNOWN = 3
    """No verdict could be had: infrastructure."""
    TAMPERED = 4
    """A submission is invalid or was tampered with."""
    INTERRUPTED = 130
    """Ctrl-C, as shells report it (128 + SIGINT)."""


class LabError(Exception):
    """Base of all errors that are shown to a person, without a traceback.

    Args:
        attempted: what was being done, as a clause ("start plane default").
        seen: what was observed, verbatim where possible.
        remedy: what the reader can do next.

    """

    exit_code = ExitCode.UNKNOWN

    def __init__(self, attempted: str, seen: str, remedy: str) -> None:
        super().__init__(attempted, seen, remedy)
        self.attempted = attempted
        self.seen = seen
        self.remedy = remedy

    def __str__(self) -> str:
        return f"cannot {self.attempted}: {self.seen}. {self.remedy}"


class InvalidInput(LabError):
    """The user's command, file or folder is wrong; trying again without a change cannot help."""

    exit_code = ExitCode.USAGE


class Infrastructure(LabError):
    """The machine, a process or the cluster did not do its part; nothing is known about the learner's work."""


BRINGS_BACK = "Try again: any command but `start`, which begins afresh, brings a dead plane back."
"""The remedy where a plane gives no answer."""


class Unreachable(Infrastructure):
    """The cluster gave no answer: refused, reset, timed out, or not HTTP."""


class Busy(Infrastructure):
    """Another ckslab command works on the same plane or file."""
