"""The progress file: SQLite, so that it is whole after a kill at any moment, and under several commands at once.

It is read into memory first, and brought up to date there: reading changes nothing, works on a full disk, and is in
nobody's way. Only who writes brings the file itself up to date. A file of a newer ckslab is read as far as it can be,
and never written.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ckslab_labs.errors import Busy, Infrastructure, InvalidInput, LabError
from ckslab_labs.files import FileLock
from ckslab_labs.paths import private_dir, state_home
from ckslab_labs.progress.attempt import Attempt
from ckslab_labs.progress.exam_taken import ExamTaken
from ckslab_labs.progress.schema import STEPS, Steps

FILE = "progress.sqlite3"
BUSY_SECONDS = 5.0
"""How long a writer waits for another."""

_COLUMNS = tuple(field.name for field in fields(Attempt))
_INSERT = f"INSERT INTO attempts ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608, our own names
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM attempts ORDER BY id"  # noqa: S608, as above
_OF_EXAM = tuple(field.name for field in fields(ExamTaken))
_TAKEN = f"INSERT OR REPLACE INTO exams ({', '.join(_OF_EXAM)}) VALUES ({', '.join('?' * len(_OF_EXAM))})"  # noqa: S608, as above
_EXAMS = f"SELECT {', '.join(_OF_EXAM)} FROM exams ORDER BY ended, rowid"  # noqa: S608, as above
_SHOWN = "INSERT OR IGNORE INTO solutions (scenario, shown) VALUES (?, ?)"

_FULL = "Free some space there, or choose another place with XDG_STATE_HOME; what was written before is still there."
_MOVE = "Move the file away: a new one is begun."
_EXPLAINED: dict[str, tuple[type[LabError], str]] = {
    "SQLITE_BUSY": (Busy, "Another program keeps it locked; try again when it has ended."),
    "SQLITE_NOTADB": (InvalidInput, _MOVE),
    "SQLITE_CORRUPT": (InvalidInput, _MOVE),
    "SQLITE_ERROR": (InvalidInput, _MOVE),  # it is a database of somebody else's
}
"""What SQLite's reasons mean for people; every other one is the disk's (https://www.sqlite.org/rescode.html)."""
_NO_FILES_BESIDE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_FULL")
"""The reasons for which a file cannot be read where there is no room for those that a reader puts beside it."""


class ProgressFile:
    """The attempts and exams of the learner on this machine.

    Args:
        path: the file; in the state folder unless given. Need not be there.
        steps: the schema; ckslab's own unless given.

    """

    def __init__(self, path: Path | None = None, steps: Steps = STEPS) -> None:
        self.path = path or state_home() / FILE
        self._steps = steps

    def attempts(self) -> list[Attempt]:
        """All attempts, the oldest first; none where there is no file.

        Raises:
            InvalidInput: it is no progress file, or one that this ckslab cannot read.
            Infrastructure: it cannot be read now.

        """
        with self._explained("read your progress"), self._copy() as copy:
            rows = self._rows(copy, _SELECT)
        return [Attempt(*[*row[:-1], bool(row[-1])]) for row in rows]

    def solutions(self) -> frozenset[str]:
        """The scenarios whose solution was shown; errors as for ``attempts``."""
        with self._explained("read your progress"), self._copy() as copy:
            return frozenset(row[0] for row in self._rows(copy, "SELECT scenario FROM solutions"))

    def exams(self) -> list[ExamTaken]:
        """All exams that were marked, the oldest first; errors as for ``attempts``."""
        with self._explained("read your progress"), self._copy() as copy:
            rows = self._rows(copy, _EXAMS)
        try:
            return [ExamTaken.of_row(dict(zip(_OF_EXAM, row, strict=True))) for row in rows]
        except ValueError as error:
            raise InvalidInput("read your progress", f"{self.path}: {error}", _MOVE) from error

    def record(self, attempt: Attempt) -> None:
        """Write an attempt down; it is on the disk when this returns.

        Raises:
            InvalidInput: the file is none of ours, or of a newer ckslab.
            Infrastructure: the disk is full, or cannot be written.
            Busy: somebody else kept the file locked.

        """
        self._write(_INSERT, [getattr(attempt, name) for name in _COLUMNS])

    def exam_taken(self, exam: ExamTaken) -> None:
        """Write an exam down, once however often it is marked; errors as for ``record``."""
        row = exam.as_row()
        self._write(_TAKEN, [row[name] for name in _OF_EXAM])

    def solution_shown(self, scenario: str, when: str) -> None:
        """Write down that a solution was shown; errors as for ``record``."""
        self._write(_SHOWN, [scenario, when])

    def delete(self) -> bool:
        """Remove the file, whatever it holds.

        Returns:
            False where there was none.

        Raises:
            Infrastructure: it cannot be removed.

        """
        with self._explained("delete your progress"):
            if not self.path.exists():
                return False
            self._remove()
            return True

    def _remove(self) -> None:
        with self._turn():
            # The log first: left behind alone it would be taken for that of the next file.
            for end in ("-wal", "-shm", ""):
                self._beside(end).unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)  # it may have been a link

    def _beside(self, end: str) -> Path:
        real = self.path.resolve()
        return real.with_name(real.name + end)

    # --- reading ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _copy(self) -> Iterator[sqlite3.Connection]:
        """What the file holds, in memory and of our version, or of a newer one."""
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            if self.path.exists():
                self._fill(copy)
            self._bring_up_to_date(copy)
            yield copy

    def _fill(self, copy: sqlite3.Connection) -> None:
        try:
            self._fill_from(copy, "mode=ro")
        except sqlite3.OperationalError as error:
            log = self._beside("-wal")
            if _reason(error) not in _NO_FILES_BESIDE or (log.exists() and log.stat().st_size):
                raise
            self._fill_from(copy, "mode=ro&immutable=1")

    def _fill_from(self, copy: sqlite3.Connection, how: str) -> None:
        address = f"file:{quote(str(self.path))}?{how}"
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as file:
            file.execute("BEGIN")
            _version(file)  # waits for its turn; what copies would wait for ever
            file.backup(copy)

    def _rows(self, copy: sqlite3.Connection, statement: str) -> list[Any]:
        try:
            return copy.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            seen = f"{self.path}: {error}"
            if _version(copy) > len(self._steps):
                seen = f"{self.path} was written by a newer ckslab ({error})"
            raise InvalidInput("read your progress", seen, "Use the newest ckslab, or move the file away.") from None

    # --- writing ---------------------------------------------------------------------------------------------------

    def _write(self, statement: str, values: Sequence[object]) -> None:
        with self._explained("write your progress"), self._turn():
            self._make()
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)) as file:
                self._refuse_newer(file)
                file.execute("PRAGMA journal_mode=WAL")
                self._bring_up_to_date(file)
                file.execute(statement, values)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One of ours at a time: making the file and a step of the schema are more than one transaction."""
        private_dir(self.path.parent)
        with FileLock(self.path.with_name(f".{FILE}.lock"), "your progress", BUSY_SECONDS):
            yield

    def _make(self) -> None:
        """Have a file that only its owner reads; SQLite gives those beside it the same mode."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)

    def _refuse_newer(self, file: sqlite3.Connection) -> None:
        if _version(file) > len(self._steps):
            seen = f"{self.path} was written by a newer ckslab"
            raise InvalidInput("write your progress", seen, "Use the newest ckslab; the file is left as it is.")

    def _bring_up_to_date(self, file: sqlite3.Connection) -> None:
        """Take the steps that are missing, each with its number in one transaction."""
        for number in range(_version(file), len(self._steps)):
            file.execute("BEGIN IMMEDIATE")
            for statement in self._steps[number]:
                file.execute(statement)
            file.execute(f"PRAGMA user_version = {number + 1}")
            file.execute("COMMIT")

    @contextmanager
    def _explained(self, attempted: str) -> Iterator[None]:
        """Errors of SQLite and of the disk as ours."""
        try:
            yield
        except sqlite3.Error as error:
            kind, remedy = _EXPLAINED.get(_reason(error), (Infrastructure, _FULL))
            raise kind(attempted, f"{self.path}: {error}", remedy) from error
        except OSError as error:
            raise Infrastructure(attempted, f"{self.path}: {error.strerror or error}", _FULL) from error


def _version(file: sqlite3.Connection) -> int:
    return int(file.execute("PRAGMA user_version").fetchone()[0])


def _reason(error: sqlite3.Error) -> str:
    """SQLite's name of a fault, without its particulars: ``SQLITE_IOERR`` for ``SQLITE_IOERR_WRITE``."""
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
