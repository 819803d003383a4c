"""The proof of the scenarios that need real pods: all cases of their suites, on a real node."""

import pytest

from ckslab_checker.catalogue import catalogue
from ckslab_checker.suite import run_suite
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded.provider import Embedded

ON_KIND_ONLY = [
    scenario.id for scenario in catalogue().read()[0] if not Embedded.offers.issuperset(scenario.spec.requires)
]


@pytest.mark.parametrize("scenario_id", ON_KIND_ONLY)
def test_every_right_fix_passes_and_every_near_miss_fails_as_named(scenario_id: str, kind_lab: Lab) -> None:
    kind_lab.sessions.set_open(None)  # another test's; its cluster is this one
    scenario = catalogue().get(scenario_id)
    kind_lab.prepare(scenario.spec.requires)
    result = run_suite(scenario, kind_lab)
    assert [f"{case.name}: {mismatch}" for case in result.cases for mismatch in case.mismatches] == []
    assert result.ok
