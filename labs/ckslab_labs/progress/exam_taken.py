"""An exam that was handed in, as it is written down: what came of it, by domain. Its evidence is in its report."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class DomainScore:
    """What came of one domain's tasks."""

    id: str
    tasks: int
    percent: float | None
    """None where nobody could tell."""


@dataclass(frozen=True)
class ExamTaken:
    """One exam, marked."""

    seed: int
    started: str
    """Times are ISO 8601, in UTC."""
    ended: str
    """When it was marked."""
    minutes: float | None
    """None for practice without a limit."""
    seconds: float
    """Of the exam's own clock."""
    tasks: int
    pass_percent: int
    percent: float | None
    """None where nobody could tell."""
    outcome: str
    """Of the whole: "passed", or why it is no pass."""
    domains: tuple[DomainScore, ...]

    @classmethod
    def of(cls, report: Mapping[str, Any], ended: str) -> "ExamTaken":
        """From the document of an exam's report."""
        alike = ("seed", "started", "minutes", "seconds", "pass_percent", "percent", "outcome")
        domains = tuple(DomainScore(**domain) for domain in report["domains"])
        return cls(**{name: report[name] for name in alike}, ended=ended, tasks=len(report["tasks"]), domains=domains)

    def as_dict(self) -> dict[str, Any]:
        """The exam in JSON."""
        return {**asdict(self), "domains": [asdict(domain) for domain in self.domains]}

    def as_row(self) -> dict[str, Any]:
        """The exam as the progress file has it: its domains are one text."""
        return {**asdict(self), "domains": json.dumps([asdict(domain) for domain in self.domains])}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "ExamTaken":
        """From what ``as_row`` gave.

        Raises:
            ValueError: somebody has changed it by hand.

        """
        try:
            domains = tuple(DomainScore(**domain) for domain in json.loads(row["domains"]))
        except (TypeError, ValueError) as error:
            raise ValueError(f"an exam's domains are not as they were written ({error})") from error
        return cls(**{**row, "domains": domains})
