"""Every scenario that a plane runs is run on kind as well, and gets the same verdicts."""

import pytest
from bench.kind import scenarios_of_a_plane

from ckslab_checker import engine
from ckslab_checker.catalogue import catalogue
from ckslab_checker.facts import context_for
from ckslab_checker.outcome import Outcome
from ckslab_checker.play import play
from ckslab_checker.suite import expected
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.loader import load_suite

SCENARIOS = [each.id for each in scenarios_of_a_plane()]
"""Those that both run; the suites of the others are played on kind as they are."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_untouched_and_reference_get_the_verdicts_that_the_suite_demands(name: str, kind_lab: Lab) -> None:
    scenario = catalogue().get(name)
    session = kind_lab.start(scenario)
    cases = {case.name: case for case in load_suite(scenario).cases}
    for case in (cases["untouched"], cases["reference"]):
        node = kind_lab.provider.node
        play(case.do, scenario.folder, kind_lab.objects, scenario.identities, session.files, node)
        report = engine.check(scenario, context_for(scenario, kind_lab, session, live=True), provider="kind")
        found = {check.id: (check.outcome, check.error) for check in report.checks}
        assert found == {check.id: (expected(case, check.id), None) for check in report.checks}, case.name
    assert report.outcome is Outcome.PASSED
