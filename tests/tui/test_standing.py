"""What attempts amount to."""

from dataclasses import replace

import pytest
from tests.labs.progress.test_store import ATTEMPT
from tests.tui.fakes import ENTRY, OTHER

from ckslab_labs.progress.attempt import Attempt
from ckslab_labs.scenario.curriculum import curriculum
from ckslab_tui.standing import about, clock, domains, standings
from ckslab_tui.views import Domain, Standing, State

PASS = replace(ATTEMPT, scenario=ENTRY.id, seconds=161.0)
FAIL = replace(PASS, outcome="failed", points=1, seconds=20.0)
UNTOLD = replace(PASS, outcome="error", points=None, seconds=10.0)


def reached(*attempts: Attempt, begun: tuple[str, ...] = ()) -> Standing:
    return standings([ENTRY, OTHER], attempts, begun)[ENTRY.id]


def test_a_scenario_that_nobody_opened_is_new() -> None:
    assert reached(replace(PASS, scenario="another")) == Standing(State.NEW, 0, None, 0)


def test_one_that_was_opened_or_checked_and_not_passed_is_open() -> None:
    assert reached(begun=(ENTRY.id,)) == Standing(State.OPEN, 0, None, 0)
    assert reached(UNTOLD) == Standing(State.OPEN, 0, None, 1)
    assert reached(FAIL, UNTOLD) == Standing(State.OPEN, 1, None, 2)


def test_one_that_was_passed_stays_passed_with_its_best_points_and_its_quickest_pass() -> None:
    quicker = replace(PASS, seconds=60.0)
    assert reached(FAIL, PASS, quicker, FAIL, begun=(ENTRY.id,)) == Standing(State.PASSED, 3, 60.0, 4)


def test_a_pass_of_an_older_version_does_not_count_and_one_of_a_newer_does() -> None:
    assert reached(replace(PASS, version=0)) == Standing(State.OPEN, 0, None, 1)
    assert reached(replace(PASS, version=2)) == Standing(State.PASSED, 3, 161.0, 1)


def test_domains_are_those_of_the_curriculum_with_their_weights_and_then_those_of_packs() -> None:
    foreign = replace(ENTRY, id="pack/odd", domain="odd", domain_title="odd")
    entries = [ENTRY, OTHER, foreign]
    found = domains(entries, standings(entries, [PASS], ()), curriculum())

    assert [(each.title, each.weight) for each in found] == [
        *((domain.title, domain.weight) for domain in curriculum().domains),
        ("odd", None),
    ]
    assert found[1] == Domain("cluster-hardening", "Cluster Hardening", 15, 1, 1, 3, 3)
    assert found[2] == Domain("system-hardening", "System Hardening", 10, 1, 0, 0, 5)
    assert found[0].scenarios == 0


def test_points_of_a_newer_version_are_no_more_than_there_are() -> None:
    entries = [ENTRY]
    found = domains(entries, standings(entries, [replace(PASS, version=2, points=30)], ()), curriculum())

    assert (found[1].points, found[1].max_points) == (3, 3)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (161, "2:41"), (3599.4, "59:59"), (3761, "1:02:41")]
)
def test_a_time_reads_as_on_a_stop_watch(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_domain_is_told_on_one_line() -> None:
    assert about(Domain("x", "Odd", None, 2, 1, 3, 8)) == "Odd · 1 of 2 passed · 3 of 8 points"
    assert about(Domain("x", "Odd", 20, 0, 0, 0, 0)) == "Odd · 20 % of the exam · no scenario yet"
