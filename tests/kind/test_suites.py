"""The proof of the scenarios that need real pods: their suites, on a real node.

A case takes seconds there, so a run plays all right fixes and a share of the wrong ones; `make test-kind-all` plays
every case.
"""

import os

import pytest

from ckslab_checker.catalogue import catalogue
from ckslab_checker.suite import run_suite
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded.provider import Embedded
from ckslab_labs.scenario.loader import load_suite
from ckslab_labs.scenario.model import Case, Scenario

ON_KIND_ONLY = [
    scenario.id for scenario in catalogue().read()[0] if not Embedded.offers.issuperset(scenario.spec.requires)
]
SHARE = int(os.environ.get("CKSLAB_KIND_SHARE", "8"))
"""One in so many of the wrong fixes is played."""


def chosen(scenario: Scenario) -> list[Case]:
    """The untouched start, all right fixes, and the share of the others."""
    cases = load_suite(scenario).cases
    wrong = [case for case in cases if not case.right and case.do]
    return [case for case in cases if case.right or not case.do or case in wrong[::SHARE]]


def test_there_are_scenarios_to_prove() -> None:
    assert len(ON_KIND_ONLY) >= 6


@pytest.mark.parametrize("scenario_id", ON_KIND_ONLY)
def test_every_right_fix_passes_and_near_misses_fail_as_named(scenario_id: str, kind_lab: Lab) -> None:
    kind_lab.sessions.set_open(None)  # another test's; its cluster is this one
    scenario = catalogue().get(scenario_id)
    kind_lab.prepare(scenario.spec.requires)
    result = run_suite(scenario, [kind_lab], cases=chosen(scenario))
    assert [f"{case.name}: {mismatch}" for case in result.cases for mismatch in case.mismatches] == []
    assert result.ok
