"""Which scenarios an author's verb works on: those named, or all."""

from typing import TYPE_CHECKING

import click

from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_labs.scenario.model import Scenario


def require_some(ids: tuple[str, ...], every: bool) -> None:
    """Refuse a command that names nothing, and one that names something beside --all."""
    if bool(ids) == every:
        raise click.UsageError("give either the id of a scenario or --all", click.get_current_context())


def selected(service: LabService, ids: tuple[str, ...], every: bool) -> "list[Scenario]":
    """The scenarios, read.

    Raises:
        InvalidInput: there is no such scenario, or there is none at all.
        ScenarioProblems: one is broken.

    """
    from ckslab_labs.errors import InvalidInput

    require_some(ids, every)
    scenarios = service.scenarios()
    if not every:
        return [scenarios.get(id) for id in ids]
    if not (found := scenarios.all()):
        raise InvalidInput("find scenarios", "there are none", "Give a --pack.")
    return found
