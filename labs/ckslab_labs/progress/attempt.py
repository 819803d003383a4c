"""An attempt: one run of the checks that a learner asked for, as it is written down."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Attempt:
    """One run of the checks of a scenario."""

    scenario: str
    version: int
    """Of the scenario."""
    provider: str
    started: str
    """When the learner began, from the untouched start; times are ISO 8601, in UTC."""
    ended: str
    """When the checks were asked for."""
    seconds: float
    """Of work from the one to the other; without the time for which the scenario was put aside."""
    outcome: str
    """Of the run: "passed", or why it is no pass."""
    points: int | None
    """None where no verdict could be had."""
    max_points: int
    hints: int
    """The tiers of hints that were seen since the start."""
    solution: bool
    """Whether the solution had been shown by then, for whatever attempt."""

    def as_dict(self) -> dict[str, Any]:
        """The attempt in JSON."""
        return asdict(self)
