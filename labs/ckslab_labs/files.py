"""Files that survive a crash: atomic writes and locks.

A reader sees the old content or the new one, never half of either; a lock is a held ``flock``, so it is gone with its
holder. There are no pid files.
"""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ckslab_labs.errors import Busy, Infrastructure, InvalidInput


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace the content of ``path`` in one step, synced to disk; errors as for ``replacing``."""
    with replacing(
        path, "Free some space or choose another place with XDG_STATE_HOME; nothing was lost.", mode
    ) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, remedy: str, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """A new file to write to, which takes the place of ``path`` at the end, in one step and synced to disk.

    Args:
        path: what to replace, or to make.
        remedy: for the error.
        mode: of the new file.

    Raises:
        Infrastructure: the disk is full, or the folder is not writable. The old content is still there.

    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Infrastructure(f"write {path}", error.strerror or str(error), remedy) from error


def write_json(path: Path, value: object, mode: int = 0o600) -> None:
    """Write ``value`` as JSON, atomically."""
    data = json.dumps(value).encode()  # no indent: that would be the slow encoder
    write_atomic(path, data, mode)


def read_json(path: Path) -> Any:
    """The decoded content of a JSON file of ours.

    Raises:
        FileNotFoundError: there is none.
        InvalidInput: it is not JSON, so somebody else wrote it.

    """
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"read {path}", f"it is not JSON ({error})", "Move it away and try again.") from error


class FileLock:
    """An exclusive lock on a file, held for a ``with`` block or until ``release``.

    Args:
        path: made when missing; its content means nothing.
        what: who would be in the way, for the message ("plane default").
        wait: seconds to wait for another holder.

    """

    def __init__(self, path: Path, what: str, wait: float = 10.0) -> None:
        self._path = path
        self._what = what
        self._wait = wait
        self._fd: int | None = None

    def acquire(self) -> "FileLock":
        """Take the lock.

        Raises:
            Busy: another process held it all the while.

        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + self._wait
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    seen = f"another ckslab command has been working on it for {self._wait:g} s"
                    raise Busy(f"work on {self._what}", seen, "Wait for it to end, or use another --plane.") from None
                time.sleep(0.02)
            except BaseException:
                os.close(fd)
                raise
            else:
                self._fd = fd
                return self

    def release(self) -> None:
        """Let go; also happens when the process ends, however it ends."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def __enter__(self) -> "FileLock":
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock on ``path`` right now.

    To ask is to share the lock for a moment: those who ask are not in each other's way, but may be in that of who comes
    to take it, who should wait a little.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)
