"""From the core's scenarios and sessions to what people see of them; the core is imported when it is needed."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ckslab_tui.views import CheckLine, Entry, Task

if TYPE_CHECKING:
    from ckslab_labs.scenario.model import Scenario
    from ckslab_labs.session import Session

LEVELS = ("warm-up", "exam", "hard")
"""Of difficulty, the easiest first."""


def task_of(scenario: "Scenario", session: "Session", plane: str) -> Task:
    """A scenario that is open on a plane."""
    from ckslab_labs.scenario.texts import hints
    from ckslab_labs.session import now

    return Task(
        entry=entry_of(scenario),
        plane=plane,
        text=scenario.text("task.md"),
        checks=tuple(CheckLine(c.id, c.title, c.why, c.points, c.keeps) for c in scenario.spec.checks),
        kubeconfig=session.kubeconfig,
        files=session.files,
        hints=len(hints(scenario)),
        hints_used=session.hints,
        started=datetime.now(UTC) - timedelta(seconds=session.seconds(now())),
        checkpoint=session.checkpoint_kept(),
    )


def entry_of(scenario: "Scenario") -> Entry:
    """A scenario in the catalogue."""
    from ckslab_labs.scenario.curriculum import curriculum

    titles = curriculum().titles()
    about = scenario.metadata
    return Entry(
        id=scenario.id,
        title=about.title,
        domain=about.domain,
        domain_title=titles.get(about.domain, about.domain),
        competencies=about.competencies,
        difficulty=scenario.spec.difficulty,
        minutes=scenario.spec.minutes,
        points=scenario.max_points,
        requires=tuple(capability.value for capability in scenario.spec.requires),
        version=about.version,
    )


def in_curriculum_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """By domain as the curriculum has them, then by difficulty."""
    from ckslab_labs.scenario.curriculum import curriculum

    order = {domain: index for index, domain in enumerate(curriculum().domain_ids())}
    return tuple(sorted(entries, key=lambda e: (order.get(e.domain, len(order)), LEVELS.index(e.difficulty), e.id)))
