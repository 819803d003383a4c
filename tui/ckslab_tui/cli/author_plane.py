"""The plane that authors' verbs play on: never one that holds somebody's work, as each fix replaces its state."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from ckslab_tui.cli.streams import Progress, talk
from ckslab_tui.service import LabService, make_tools_ready

if TYPE_CHECKING:
    from ckslab_labs.lab import Lab
    from ckslab_labs.scenario.model import Scenario

PLANE = "author"


def ready_lab(service: LabService, scenarios: Collection["Scenario"], progress: Progress) -> "Lab":
    """The service's plane, running what the scenarios require.

    Raises:
        InvalidInput: a scenario is open on it, or it cannot do what one requires.

    """
    from ckslab_labs.errors import InvalidInput

    lab = service.lab
    for each in scenarios:
        lab.provider.refuse_unfit(each.id, each.spec.requires)
    session = lab.sessions.open()
    if session is not None:
        seen = f"{session.scenario_id} is open on it, and would be lost"
        raise InvalidInput(f"play fixes on plane {lab.name}", seen, "Leave out --plane, or run `ckslab stop`.")
    for each in scenarios:
        make_tools_ready(each, progress)
    with lab.exclusive():
        lab.prepare({capability for each in scenarios for capability in each.spec.requires}, progress)
    return lab


def tell_that_it_runs_on(lab: "Lab") -> None:
    """Say what was left running, so that the next try starts at once."""
    talk(f"plane {lab.name} keeps running for the next time; end it with: ckslab stop --plane {lab.name}")
