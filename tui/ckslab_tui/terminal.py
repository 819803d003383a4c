"""A program on a pseudo terminal of its own, read and written without waiting by the event loop that it is begun in.

It is the leader of a session: what it starts is found by that in the process table, and ended with it. Nothing in here
knows what a terminal's output means, or who shows it.
"""

import asyncio
import fcntl
import os
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ckslab_labs.errors import Infrastructure
from ckslab_tui.shell import Shell

CHUNK = 16384
"""Bytes that are read at once: some milliseconds of work, so that keys get their turn under a flood."""
PATIENCE = 0.5
"""Seconds between the hang-up and the kill: time enough for an editor to save its recovery file."""
OUTER = ("COLUMNS", "LINES", "TMUX", "TMUX_PANE", "STY", "TERM_PROGRAM", "COLORTERM")
"""Variables that tell of the terminal around us, and would be wrong in this one."""


class Terminal:
    """A running program.

    Args:
        shell: what to run.
        width: columns.
        height: rows.
        heard: takes what it writes.
        ended: takes its exit code, once; 128 + the signal's number where a signal ended it.

    Raises:
        Infrastructure: it cannot be run.

    """

    def __init__(
        self, shell: Shell, width: int, height: int, heard: Callable[[bytes], None], ended: Callable[[int], None]
    ) -> None:
        self._heard, self._ended = heard, ended
        self._loop = asyncio.get_running_loop()
        self._unsent = bytearray()
        self._fd, program_side = os.openpty()
        os.set_blocking(self._fd, False)
        self.resize(width, height)
        environment = {name: value for name, value in shell.environment.items() if name not in OUTER}
        try:
            self._process = subprocess.Popen(
                shell.argv,
                stdin=program_side,
                stdout=program_side,
                stderr=program_side,
                env={**environment, "TERM": "xterm-256color"},
                start_new_session=True,
                preexec_fn=_take_terminal,
            )
        except OSError as error:
            os.close(self._fd)
            remedy = "Set SHELL to your shell, e.g. /bin/bash."
            raise Infrastructure(f"run {shell.argv[0]}", str(error), remedy) from error
        finally:
            os.close(program_side)
        self._exit = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._fd, self._read)
        self._loop.add_reader(self._exit, self._over)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._fd >= 0

    @property
    def at_work(self) -> bool:
        """Whether something that the program has started has the terminal now, such as an editor."""
        if not self.running:
            return False
        with suppress(OSError):
            return os.tcgetpgrp(self._fd) not in (self._process.pid, 0)
        return False

    def write(self, data: bytes) -> None:
        """Send it what was typed; what it does not take now it gets later, in order."""
        if self.running:
            self._unsent += data
            self._write()

    def resize(self, width: int, height: int) -> None:
        """Tell it the size of its screen."""
        if self.running:
            fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def end(self) -> None:
        """End it and whatever it has started in its session; returns when all of it is gone."""
        self._let_go()
        _end_session(self._process.pid)
        self._process.wait()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # nobody holds the other side any more
            data = b""
        if data:
            self._heard(data)
        else:
            self._loop.remove_reader(self._fd)

    def _write(self) -> None:
        with suppress(BlockingIOError):
            try:
                while self._unsent:
                    del self._unsent[: os.write(self._fd, self._unsent)]
            except OSError as error:
                if isinstance(error, BlockingIOError):
                    raise
                self._unsent.clear()
        if self._unsent:
            self._loop.add_writer(self._fd, self._write)
        else:
            self._loop.remove_writer(self._fd)

    def _over(self) -> None:
        # It stays in the process table until ``end``: nobody else may get the number that its session is found by.
        how = os.waitid(os.P_PIDFD, self._exit, os.WEXITED | os.WNOWAIT)
        with suppress(OSError):
            while data := os.read(self._fd, CHUNK):
                self._heard(data)
        self._let_go()
        if how is not None:
            self._ended(how.si_status if how.si_code == os.CLD_EXITED else 128 + how.si_status)

    def _let_go(self) -> None:
        if self.running:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._loop.remove_reader(self._exit)
            os.close(self._exit)
            os.close(self._fd)
            self._fd = -1


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _end_session(leader: int) -> None:
    """Hang up on all processes of a session, and kill those that stay."""
    deadline = time.monotonic() + PATIENCE
    _tell(_members(leader), signal.SIGHUP, signal.SIGCONT)
    while (left := list(_members(leader))) and time.monotonic() < deadline:
        time.sleep(0.01)
    _tell(left, signal.SIGKILL)


def _tell(processes: Iterable[int], *signals: signal.Signals) -> None:
    for process in processes:
        for sent in signals:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, sent)


def _members(leader: int) -> Iterable[int]:
    """The processes of a session that still run, as the process table has it."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                yield int(path.parent.name)
