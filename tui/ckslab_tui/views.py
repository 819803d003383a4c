"""What both front ends show, as plain values: no Kubernetes, no pydantic, nothing that costs an import.

They are made by the service out of scenarios and sessions; a test makes them by hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckslab_labs.binaries.doctor import Finding
    from ckslab_labs.progress.exam_taken import ExamTaken


@dataclass(frozen=True)
class Entry:
    """A scenario in the catalogue."""

    id: str
    title: str
    domain: str
    domain_title: str
    competencies: tuple[str, ...]
    difficulty: str
    minutes: int
    points: int
    requires: tuple[str, ...]
    version: int

    @property
    def pack(self) -> str:
        """The name of its pack; empty for those that ship with ckslab."""
        return self.id.rpartition("/")[0]

    def as_dict(self) -> dict[str, Any]:
        """The entry in the JSON of ``list``."""
        return {
            "id": self.id,
            "title": self.title,
            "domain": self.domain,
            "competencies": list(self.competencies),
            "difficulty": self.difficulty,
            "minutes": self.minutes,
            "points": self.points,
            "requires": list(self.requires),
            "version": self.version,
        }


@dataclass(frozen=True)
class Broken:
    """A scenario folder that does not load, and everything that is wrong with it."""

    folder: str
    problems: tuple[str, ...]


class State(StrEnum):
    """How far the learner is with a scenario."""

    NEW = "new"
    OPEN = "open"
    """Begun, and not passed."""
    PASSED = "passed"


@dataclass(frozen=True)
class Standing:
    """What the learner has reached in a scenario as it is now: what an older version of it gave does not count."""

    state: State = State.NEW
    points: int = 0
    """The most of one attempt."""
    best_seconds: float | None = None
    """Of work until the quickest pass."""
    attempts: int = 0
    """Of every version."""


@dataclass(frozen=True)
class Domain:
    """A domain of the curriculum, and what the learner has reached in its scenarios."""

    id: str
    title: str
    weight: int | None
    """Its share of the exam, in percent; none where the curriculum has no such domain."""
    scenarios: int
    passed: int
    points: int
    max_points: int

    def as_dict(self) -> dict[str, Any]:
        """The domain in the JSON of ``progress``."""
        return asdict(self)


@dataclass(frozen=True)
class Catalogue:
    """All scenarios there are; ``open`` is the one open on the plane, those put ``aside`` can be gone on with."""

    entries: tuple[Entry, ...]
    broken: tuple[Broken, ...] = ()
    open: str | None = None
    aside: frozenset[str] = frozenset()
    standings: Mapping[str, Standing] = field(default_factory=dict)
    """By the scenario's id; new where there is none."""
    domains: tuple[Domain, ...] = ()
    exams: tuple["ExamTaken", ...] = ()
    """Those that were marked, the oldest first."""
    remark: str = ""
    """What is to be known of the progress: that it cannot be read, or was not written, and why."""

    def standing(self, entry: Entry) -> Standing:
        """What the learner has reached in a scenario."""
        return self.standings.get(entry.id, Standing())

    def by_domain(self) -> dict[str, tuple[Entry, ...]]:
        """The entries under their domains' titles, in order."""
        titles = dict.fromkeys(entry.domain_title for entry in self.entries)
        return {title: tuple(e for e in self.entries if e.domain_title == title) for title in titles}


@dataclass(frozen=True)
class Fitness:
    """What this machine has and lacks."""

    facts: Mapping[str, Sequence["Finding"]] = field(default_factory=dict)
    """The doctor's findings, by the provider that they are about."""
    to_build: tuple[str, ...] = ()
    """The programs of a control plane that are not there yet."""
    minutes: float = 0.0
    """How long they take to build, roughly."""
    unfit: Mapping[str, str] = field(default_factory=dict)
    """Why scenarios cannot run here, by their ids."""


@dataclass(frozen=True)
class CheckLine:
    """A check before it has been asked."""

    id: str
    title: str
    why: str
    points: int
    keeps: bool


@dataclass(frozen=True)
class Task:
    """An open scenario: what to do, where, and what will be asked."""

    entry: Entry
    plane: str
    text: str
    checks: tuple[CheckLine, ...]
    kubeconfig: Path
    files: Path
    hints: int
    """How many tiers of hints there are."""
    hints_used: int
    started: datetime
    """When work began; later by the time for which it was put aside."""
    checkpoint: datetime | None = None
    """When the learner has kept a state to come back to."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``start``, ``task`` and ``reset``."""
        return {
            **self.entry.as_dict(),
            "plane": self.plane,
            "task": self.text,
            "checks": [{"id": c.id, "title": c.title, "points": c.points, "keeps": c.keeps} for c in self.checks],
            "kubeconfig": str(self.kubeconfig),
            "files": str(self.files),
            "hints": self.hints,
            "hints_used": self.hints_used,
            "checkpoint": self.checkpoint.isoformat(timespec="seconds") if self.checkpoint else None,
        }


@dataclass(frozen=True)
class Hint:
    """One tier of hints."""

    scenario: str
    number: int
    of: int
    text: str


@dataclass(frozen=True)
class Solution:
    """The reference fix and the reason: shown after a pass, or when asked for."""

    scenario: str
    files: dict[str, str]
    """Text by path under ``solution/``."""
    why: str
