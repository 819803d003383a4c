"""The proof of every scenario: all cases of its suite, played for real on a control plane."""

import pytest

from ckslab_checker.catalogue import catalogue
from ckslab_checker.lint import lint
from ckslab_checker.suite import run_suite
from ckslab_labs.binaries.catalog import DEFAULT_KUBERNETES, KUBERNETES
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded.provider import Embedded

IDS = catalogue().ids()
ON_A_PLANE = [id for id in IDS if Embedded.offers >= set(catalogue().get(id).spec.requires)]
"""The others need real pods: their suites are played on kind, see ``tests/kind``."""


def test_there_are_scenarios_to_prove() -> None:
    assert len(ON_A_PLANE) >= 7


@pytest.mark.parametrize("scenario_id", IDS)
def test_a_scenario_has_nothing_to_lint(scenario_id: str) -> None:
    assert lint(catalogue().get(scenario_id)) == []


@pytest.mark.plane
@pytest.mark.parametrize("scenario_id", ON_A_PLANE)
def test_every_right_fix_passes_and_every_near_miss_fails_as_named(scenario_id: str, lab: Lab, lab_beside: Lab) -> None:
    result = run_suite(catalogue().get(scenario_id), [lab, lab_beside])
    assert [f"{case.name}: {mismatch}" for case in result.cases for mismatch in case.mismatches] == []
    assert result.ok
    if lab.plane.kubernetes == KUBERNETES[DEFAULT_KUBERNETES].version:
        assert result.left_out == ()
