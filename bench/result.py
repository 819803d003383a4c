"""One figure, its limit, and the table of all."""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter


@dataclass(frozen=True)
class Result:
    """A measured figure.

    ``limit`` is ``None`` for what is measured beside ours, to compare with; ``at_least`` turns the limit round.
    """

    name: str
    samples: Sequence[float]
    unit: str = "s"
    limit: float | None = None
    at_least: bool = False

    @property
    def median(self) -> float:
        """The middle of the samples."""
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        """The value that 95 % of the samples do not exceed; of a few samples, the largest."""
        return sorted(self.samples)[min(len(self.samples) - 1, int(len(self.samples) * 0.95))]

    @property
    def ok(self) -> bool | None:
        """Whether the median keeps the limit; ``None`` where there is none."""
        if self.limit is None:
            return None
        return self.median >= self.limit if self.at_least else self.median <= self.limit


def times(work: Callable[[], object], runs: int, before: Callable[[], object] | None = None) -> list[float]:
    """Seconds of ``work``, so many times; ``before`` runs before each and is not counted."""
    samples = []
    for _ in range(runs):
        if before is not None:
            before()
        start = perf_counter()
        work()
        samples.append(perf_counter() - start)
    return samples


def table(results: Sequence[Result]) -> str:
    """All figures, a line each."""
    lines = [f"{'':58} {'median':>9} {'p95':>9} {'limit':>9}  runs"]
    for result in results:
        sign = "≥" if result.at_least else "≤"
        limit = "" if result.limit is None else f"{sign} {result.limit:g}"
        verdict = {True: "ok", False: "OVER", None: "beside"}[result.ok]
        figures = f"{result.median:9.3f} {result.p95:9.3f} {limit:>9}"
        lines.append(f"{result.name + ' [' + result.unit + ']':58} {figures}  {len(result.samples):4} {verdict}")
    return "\n".join(lines)


def save(results: Sequence[Result], path: Path) -> None:
    """Write the figures for other programs to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"name": r.name, "value": round(r.median, 4), "unit": r.unit, "limit": r.limit, "ok": r.ok} for r in results
    ]
    path.write_text(json.dumps(rows, indent=1) + "\n")
