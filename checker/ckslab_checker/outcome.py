"""Outcomes, evidence and the report: plain values, rendered elsewhere.

A verdict and an accident never share a channel: ``failed`` is an answer of the cluster, ``error`` is the lack of one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of a check, or of a run."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Evidence:
    """One question put to the cluster, and its answer, as shown to the learner."""

    asked: str
    expected: str
    observed: str
    met: bool
    """Whether what was observed is what was expected."""


class CannotTell(Exception):
    """A probe got no answer it may judge by: our question was at fault, or the cluster's state moved under it."""


@dataclass(frozen=True)
class CheckResult:
    """One line of the report."""

    id: str
    title: str
    outcome: Outcome
    points: int
    max_points: int
    keeps: bool
    why: str
    evidence: tuple[Evidence, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A run of all checks of a scenario against one cluster."""

    scenario: str
    version: int
    provider: str
    seconds: float
    checks: tuple[CheckResult, ...]

    @property
    def outcome(self) -> Outcome:
        """``error`` if any check is, else ``failed``, else ``skipped``, else ``passed``."""
        outcomes = {check.outcome for check in self.checks}
        for outcome in (Outcome.ERROR, Outcome.FAILED, Outcome.SKIPPED):
            if outcome in outcomes:
                return outcome
        return Outcome.PASSED if self.checks else Outcome.ERROR

    @property
    def max_points(self) -> int:
        """Points to be had."""
        return sum(check.max_points for check in self.checks)

    @property
    def points(self) -> int | None:
        """Points of passed checks; 0 when a check that keeps failed; none at all when any has no verdict."""
        if not self.checks or any(c.outcome in (Outcome.ERROR, Outcome.SKIPPED) for c in self.checks):
            return None
        if any(c.keeps and c.outcome is Outcome.FAILED for c in self.checks):
            return 0
        return sum(c.points for c in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of a check run."""
        return {
            "scenario": self.scenario,
            "version": self.version,
            "provider": self.provider,
            "outcome": self.outcome.value,
            "points": self.points,
            "max_points": self.max_points,
            "seconds": round(self.seconds, 3),
            "checks": [_check_dict(check) for check in self.checks],
        }


def _check_dict(check: CheckResult) -> dict[str, Any]:
    return {
        "id": check.id,
        "title": check.title,
        "outcome": check.outcome.value,
        "points": check.points,
        "max_points": check.max_points,
        "keeps": check.keeps,
        "evidence": [
            {"asked": e.asked, "expected": e.expected, "observed": e.observed, "met": e.met} for e in check.evidence
        ],
        "notes": list(check.notes),
        "error": check.error,
    }
