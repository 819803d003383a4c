"""The task screen while things change: it asks again by itself, and holds still."""

import gc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.tui.driving import open_task, settle, shown, until
from tests.tui.fakes import ENTRY, FakeService, report, result

from ckslab_checker.outcome import Outcome
from ckslab_labs.errors import Unreachable
from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.checks import CheckList

PASSED = report(result(0, Outcome.PASSED), result(1, Outcome.PASSED))

pytestmark = pytest.mark.asyncio


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    return FakeService(tmp_path)


def checks(service: FakeService) -> int:
    """How often it was asked, by whomever."""
    return service.calls.count("check")


async def test_a_change_is_checked_by_itself(service: FakeService) -> None:
    async with open_task(service) as (pilot, screen):
        await pilot.pause(0.1)
        assert checks(service) == 0
        service.changed += 1
        await until(pilot, lambda: "✘ failed · 0 of 3 points" in shown(pilot))
        service.answer = PASSED
        service.changed += 1
        await until(pilot, lambda: "✔ passed · 3 of 3 points" in shown(pilot))

        assert screen.report is not None
        assert checks(service) == 2
        await pilot.press("c")
        await until(pilot, lambda: checks(service) == 3)
        assert service.asked == [False, False, True]


async def test_what_changes_during_a_check_is_checked_once_more(service: FakeService) -> None:
    async with open_task(service) as (pilot, screen):
        service.gate.clear()
        service.changed += 1
        await until(pilot, lambda: checks(service) == 1)
        for _ in range(3):
            service.changed += 1
            await pilot.pause(0.02)
        service.gate.set()
        await until(pilot, lambda: checks(service) == 2)
        await settle(pilot)
        await pilot.pause(0.1)

        assert checks(service) == 2
        assert screen.report is not None


async def test_selection_and_scrolling_stay_and_nothing_flickers(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckslab_tui.app.task.UNNOTICED", 600.0)  # a slow machine may take long, and then it is said
    long = result(0, Outcome.FAILED, observed="\n".join(f"line {number}" for number in range(100)))
    service.answer = report(long, result(1, Outcome.FAILED))
    async with open_task(service, now=lambda: service.about.started) as (pilot, screen):
        service.changed += 1
        await until(pilot, lambda: screen.report is not None)
        evidence, text = screen.query_one("#evidence"), screen.query_one("#text")
        evidence.scroll_to(y=20, animate=False)
        await pilot.press("down", "up")
        evidence.scroll_to(y=20, animate=False)
        await pilot.pause()
        before = shown(pilot)
        for _ in range(3):
            service.gate.clear()
            service.changed += 1
            await until(pilot, lambda: bool(screen.busy))
            await pilot.pause()
            assert shown(pilot) == before
            service.gate.set()
            await settle(pilot)
            assert shown(pilot) == before

        assert evidence.scroll_y == 20
        assert text.scroll_y == 0
        assert screen.query_one(CheckList).highlighted == 0


async def test_a_long_check_says_what_it_asks_leaves_the_keys_alive_and_can_be_stopped(service: FakeService) -> None:
    async with open_task(service) as (pilot, screen):
        service.gate.clear()
        service.changed += 1
        await until(pilot, lambda: "checking … esc: stop" in shown(pilot))
        await pilot.press("down")
        assert screen.query_one(CheckList).highlighted == 1

        await pilot.press("escape")
        await until(pilot, lambda: not screen.busy)
        assert pilot.app.screen is screen
        assert "checking" not in shown(pilot)
        service.gate.set()
        await pilot.pause(0.1)
        assert screen.report is None

        await pilot.press("c")
        await settle(pilot)
        assert screen.report is not None
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, CatalogueScreen)


async def test_no_verdict_is_told_in_place_and_the_last_one_stays(service: FakeService) -> None:
    async with open_task(service) as (pilot, screen):
        failed = service.answer
        service.changed += 1
        await until(pilot, lambda: screen.report is not None)
        service.answer = Unreachable("start kube-apiserver", "unknown flag: --x", "Mend its manifest.")
        service.changed += 1
        await until(pilot, lambda: "no verdict: unknown flag: --x. Mend its manifest." in shown(pilot))
        assert pilot.app.screen is screen
        await until(pilot, lambda: "before: ✘ failed · 0 of 3 points" in shown(pilot))
        await until(pilot, lambda: "✘ failed           3 p  Strangers cannot enter" in shown(pilot))

        service.answer = failed
        service.changed += 1
        await until(pilot, lambda: "no verdict" not in shown(pilot))


async def test_a_defect_during_a_check_is_told_too(service: FakeService) -> None:
    async with open_task(service) as (pilot, screen):
        service.answer = ZeroDivisionError("ours")
        service.changed += 1
        await until(pilot, lambda: "ZeroDivisionError: ours" in shown(pilot))
        assert pilot.app.screen is screen


async def test_nothing_is_watched_after_the_screen_is_left(service: FakeService) -> None:
    async with open_task(service) as (pilot, _):
        await pilot.press("q")
        await until(pilot, lambda: not [worker for worker in pilot.app.workers if worker.group == "watch"])
        service.changed += 1
        await pilot.pause(0.1)

        assert checks(service) == 0


async def test_the_clock_counts_from_the_start_until_the_pass_and_from_a_reset_again(service: FakeService) -> None:
    now = service.about.started + timedelta(minutes=7, seconds=1)
    async with open_task(service, now=lambda: now) as (pilot, screen):
        assert "07:01 of 7 min" in shown(pilot)
        now += timedelta(minutes=1)
        service.answer = PASSED
        service.changed += 1
        await until(pilot, lambda: screen.report is not None)
        now += timedelta(hours=2)
        await pilot.pause(1.1)
        assert "08:01 of 7 min" in shown(pilot)

        service.about = replace(service.about, started=now)
        await pilot.press("r", "y")
        await until(pilot, lambda: service.calls[-1] == "reset")
        now += timedelta(hours=1, seconds=5)
        await until(pilot, lambda: "1:00:05 of 7 min" in shown(pilot))


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (160, 45)])
async def test_a_window_of_any_size_loses_neither_verdict_nor_selection(
    service: FakeService, size: tuple[int, int]
) -> None:
    async with open_task(service) as (pilot, screen):
        service.changed += 1
        await until(pilot, lambda: screen.report is not None)
        await pilot.press("down")
        await pilot.resize_terminal(*size)
        await pilot.pause()
        await pilot.resize_terminal(100, 30)
        await pilot.pause()

        assert screen.query_one(CheckList).highlighted == 1
        assert "✘ failed · 0 of 3 points" in shown(pilot)
        assert ENTRY.title in shown(pilot)


async def test_the_collector_no_longer_looks_at_what_was_loaded_once_there_is_a_verdict(service: FakeService) -> None:
    gc.unfreeze()  # an earlier test's
    async with open_task(service) as (pilot, screen):
        await pilot.pause()
        assert gc.get_freeze_count() == 0
        await pilot.press("c")
        await until(pilot, lambda: screen.report is not None)
        spared = gc.get_freeze_count()
        assert spared > 50_000
        await pilot.press("c")
        await until(pilot, lambda: checks(service) == 2)
        await settle(pilot)
        assert gc.get_freeze_count() <= spared  # what is made later is garbage one day
