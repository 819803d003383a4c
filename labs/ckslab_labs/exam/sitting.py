"""An exam that somebody sits, as written down: its tasks, which of them is open, and the time that has passed."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from ckslab_labs.errors import InvalidInput
from ckslab_labs.exam.clock import Clock
from ckslab_labs.files import read_json, write_json
from ckslab_labs.session import Sessions

FILE = "exam.json"


@dataclass(frozen=True)
class Task:
    """One task of an exam."""

    scenario: str
    domain: str
    version: int
    begun: bool = False
    """Whether it was ever opened; what was not is still at its untouched start."""
    flagged: bool = False
    """Marked by the learner, to come back to."""


@dataclass(frozen=True)
class Sitting:
    """An exam on one plane. It is over once its time is, or once it is closed to be marked."""

    seed: int
    started: str
    """In UTC."""
    minutes: float | None
    """``None`` for practice without a limit."""
    pass_percent: int
    tasks: tuple[Task, ...]
    clock: Clock
    packs: tuple[str, ...] = ()
    """The folders of the packs that its tasks are from."""
    open: int | None = None
    """The index of the task whose cluster is there."""
    closed: bool = False

    @property
    def spent(self) -> float:
        """Seconds that have passed, of those there are."""
        spent = self.clock.now().spent
        return spent if self.minutes is None else min(spent, self.minutes * 60)

    @property
    def left(self) -> float | None:
        """Seconds that are left, at least 0; ``None`` without a limit."""
        return None if self.minutes is None else self.minutes * 60 - self.spent

    @property
    def over(self) -> bool:
        """Whether nothing more counts."""
        return self.closed or self.left == 0

    def with_task(self, index: int, **changes: Any) -> "Sitting":
        """The sitting with one task changed."""
        tasks = list(self.tasks)
        tasks[index] = replace(tasks[index], **changes)
        return replace(self, tasks=tuple(tasks))

    def save(self, plane: str) -> "Sitting":
        """Write it down with the time as it is now, synced to disk."""
        now = replace(self, clock=self.clock.now())
        write_json(Sessions(plane).home / FILE, asdict(now))
        return now


def find(plane: str) -> Sitting | None:
    """The exam that is sat on a plane, until it is marked.

    Raises:
        InvalidInput: what is written there is none of ours.

    """
    path = Sessions(plane).path / FILE
    try:
        value = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        tasks = tuple(Task(**task) for task in value.pop("tasks"))
        return Sitting(tasks=tasks, clock=Clock(**value.pop("clock")), packs=tuple(value.pop("packs")), **value)
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"read {path}", f"it is no exam ({error})", "Move it away and try again.") from error


def marked(plane: str) -> None:
    """The exam on a plane is no more; what was made of its tasks stays where it is."""
    (Sessions(plane).path / FILE).unlink(missing_ok=True)


def place(sitting: Sitting, number: int) -> int:
    """The index of the task with a number that people use, from 1.

    Raises:
        InvalidInput: there is none.

    """
    if not 1 <= number <= len(sitting.tasks):
        seen = f"this exam has the tasks 1 to {len(sitting.tasks)}"
        raise InvalidInput(f"find task {number}", seen, "See `ckslab exam status`.")
    return number - 1


def refuse_while_sat(plane: str, attempted: str) -> None:
    """Refuse what an exam does not allow.

    Raises:
        InvalidInput: an exam is being sat on the plane.

    """
    if find(plane) is not None:
        remedy = "Go on with `ckslab exam task`, or end it with `ckslab exam hand-in`."
        raise InvalidInput(attempted, f"an exam is being sat on plane {plane}", remedy)
