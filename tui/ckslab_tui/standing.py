"""What attempts amount to: for a scenario, and for a domain of the curriculum. Plain arithmetic, nothing is read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ckslab_checker.text import clean_line
from ckslab_tui.views import Domain, Entry, Standing, State

if TYPE_CHECKING:
    from ckslab_labs.progress.attempt import Attempt
    from ckslab_labs.scenario.curriculum import Curriculum

PASSED = "passed"
"""The outcome that is a pass."""


def standings(
    entries: Iterable[Entry], attempts: Sequence["Attempt"], begun: Collection[str | None]
) -> dict[str, Standing]:
    """What was reached in each scenario.

    Args:
        entries: the scenarios.
        attempts: all there were, at whatever scenarios.
        begun: ids of scenarios that are open, or put aside, whether they were checked or not.

    """
    of: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        of.setdefault(attempt.scenario, []).append(attempt)
    return {entry.id: _standing(entry, of.get(entry.id, []), entry.id in begun) for entry in entries}


def _standing(entry: Entry, attempts: Sequence["Attempt"], begun: bool) -> Standing:
    counting = [attempt for attempt in attempts if attempt.version >= entry.version]
    passes = [attempt.seconds for attempt in counting if attempt.outcome == PASSED]
    return Standing(
        state=State.PASSED if passes else State.OPEN if begun or attempts else State.NEW,
        points=max((attempt.points or 0 for attempt in counting), default=0),
        best_seconds=min(passes, default=None),
        attempts=len(attempts),
    )


def domains(
    entries: Sequence[Entry], standings: Mapping[str, Standing], curriculum: "Curriculum"
) -> tuple[Domain, ...]:
    """The domains of the curriculum in its order, with scenarios or without; then those that only packs have."""
    known = {domain.id: (domain.title, domain.weight) for domain in curriculum.domains}
    foreign = {entry.domain: (entry.domain_title, None) for entry in entries if entry.domain not in known}
    return tuple(
        _domain(id, title, weight, [entry for entry in entries if entry.domain == id], standings)
        for id, (title, weight) in {**known, **foreign}.items()
    )


def _domain(
    id: str, title: str, weight: int | None, entries: Sequence[Entry], standings: Mapping[str, Standing]
) -> Domain:
    reached = [standings[entry.id] for entry in entries]
    return Domain(
        id=id,
        title=title,
        weight=weight,
        scenarios=len(entries),
        passed=sum(each.state is State.PASSED for each in reached),
        points=sum(min(each.points, entry.points) for each, entry in zip(reached, entries, strict=True)),
        max_points=sum(entry.points for entry in entries),
    )


def clock(seconds: float) -> str:
    """A time as on a stop-watch: ``2:41``, ``1:02:41``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(at: datetime) -> str:
    """A time as the clock on the wall shows it: ``2026-08-21 14:05``."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M")


def local(time: str) -> str:
    """A time that was written down, as the clock on the wall shows it; what is no time as it is."""
    try:
        return moment(datetime.fromisoformat(time))
    except ValueError:
        return clean_line(time)


def outcome_word(outcome: str) -> str:
    """An outcome as people read it; what none of ours is called as it is."""
    return "could not tell" if outcome == "error" else clean_line(outcome)


def counted(number: int, thing: str) -> str:
    """``1 attempt``, ``2 attempts``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def about(domain: Domain) -> str:
    """A domain and what was reached in it, on one line."""
    weight = "" if domain.weight is None else f" · {domain.weight} % of the exam"
    if not domain.scenarios:
        return f"{domain.title}{weight} · no scenario yet"
    reached = f"{domain.passed} of {domain.scenarios} passed · {domain.points} of {domain.max_points} points"
    return f"{domain.title}{weight} · {reached}"
