"""Time goes on for an exam, whatever is done to the machine's clock."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ckslab_labs.exam import clock as module
from ckslab_labs.exam.clock import Clock


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine's clocks, to be turned."""
    turned = SimpleNamespace(wall=1000.0, boot=50.0)
    monkeypatch.setattr(time, "time", lambda: turned.wall)
    monkeypatch.setattr(time, "clock_gettime", lambda _: turned.boot)
    return turned


def test_within_a_boot_the_wall_clock_does_not_count(machine: SimpleNamespace) -> None:
    begun = Clock.begin()
    machine.wall, machine.boot = 0.0, 110.0
    assert begun.now().spent == 60.0


def test_after_a_reboot_the_wall_clock_counts(machine: SimpleNamespace) -> None:
    begun = replace(Clock.begin(), boot_id="another", spent=5.0)
    machine.wall, machine.boot = 1600.0, 3.0
    assert begun.now().spent == 605.0
    assert begun.now().boot_id == Clock.begin().boot_id


def test_a_clock_that_was_set_back_gives_no_time_back(machine: SimpleNamespace) -> None:
    begun = replace(Clock.begin(), boot_id="another", spent=5.0)
    machine.wall = 10.0
    assert begun.now().spent == 5.0


def test_it_adds_up_over_looks(machine: SimpleNamespace) -> None:
    clock = Clock.begin()
    for _ in range(3):
        machine.boot += 7.0
        clock = clock.now()
    assert clock.spent == 21.0


def test_this_machine_says_which_boot_it_is() -> None:
    assert len(Clock.begin().boot_id) == 36
    assert module.Clock.begin().now().spent < 5.0
