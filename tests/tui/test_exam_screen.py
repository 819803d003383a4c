"""Sitting an exam in the app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.labs.progress.test_store import EXAM
from tests.tui.driving import running, settle, shown, until
from tests.tui.fakes import FakeService, report, result
from textual.containers import VerticalScroll
from textual.pilot import Pilot

from ckslab_checker.marking import ExamReport, Marked
from ckslab_checker.outcome import Outcome
from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.exam import ExamScreen
from ckslab_tui.app.exam_choice import ExamChoice
from ckslab_tui.app.reading import ReadingWindow
from ckslab_tui.app.terminal import TerminalPane
from ckslab_tui.exams import Wish

pytestmark = pytest.mark.asyncio


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    """A service on which no exam is sat."""
    return FakeService(tmp_path)


@asynccontextmanager
async def at_the_desk(service: FakeService, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The app with an exam that is being sat, its first task open and nothing under way."""
    sit(service)
    async with running(service, size=size) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: "Exam 7" in shown(pilot))
        await settle(pilot)
        yield pilot


def sit(service: FakeService) -> None:
    """Have an exam that is being sat, with its first task open."""
    service.room.begin(Wish(), lambda _: None)
    service.room.calls.clear()


async def test_an_exam_is_chosen_and_begun(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExamChoice))
        assert "The exam: 16 tasks, 120 minutes" in shown(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: "Exam 7 · pass at 67 %" in shown(pilot))
        await settle(pilot)
        assert service.room.calls == ["begin 8", "open None"]
        assert "1:59:5" in shown(pilot)
        assert "Shut the door" in shown(pilot)
        assert "▸  1" in shown(pilot)
        assert "Cluster Setup" in shown(pilot)


async def test_a_task_that_another_app_has_left_is_opened_again(service: FakeService) -> None:
    async with at_the_desk(service) as pilot:
        assert service.room.sitting is not None
        service.room.sitting = replace(service.room.sitting, open=1)
        for number in (1, 2):
            await pilot.press("enter", "down")
            await settle(pilot)
            assert service.room.calls[-1] == f"open {number}"


async def test_none_is_begun_without_a_choice(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExamChoice))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        assert service.room.calls == []


async def test_an_exam_that_cannot_begin_leads_back_with_the_reason(service: FakeService) -> None:
    service.room.error = Infrastructure("start etcd", "no space", "Free some.")
    async with running(service) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExamChoice))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        assert "no space" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))


async def test_one_that_is_sat_goes_on_and_tasks_are_opened_and_flagged(service: FakeService) -> None:
    async with at_the_desk(service) as pilot:
        await pilot.press("down", "f")
        await until(pilot, lambda: "⚑" in shown(pilot))
        await settle(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "▸  2" in shown(pilot))
        assert "·  1" in shown(pilot)
        assert service.room.calls == ["open None", "open 2"]
        await settle(pilot)
        await pilot.press("f")
        await until(pilot, lambda: "⚑" not in shown(pilot))


async def test_it_is_handed_in_after_a_confirmation_and_the_report_is_read(service: FakeService) -> None:
    async with at_the_desk(service) as pilot:
        await pilot.press("d")
        await until(pilot, lambda: "2 of 3 tasks are not begun" in shown(pilot))
        await pilot.press("n")
        await pilot.press("d", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReadingWindow))
        assert "Exam 7: 0.0 %, failed" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        assert service.room.calls[-1] == "hand in"


@pytest.mark.parametrize("size", [(80, 24), (110, 40)])
async def test_long_lines_of_the_report_are_read_to_their_end(service: FakeService, size: tuple[int, int]) -> None:
    seen = f"{'a word or two ' * 20}THE-END"
    checks = report(result(0, Outcome.FAILED, observed=seen), result(1, Outcome.PASSED))
    service.room.document = ExamReport(
        7, "then", 120, 60.0, 67, (Marked(1, "open-door", "cluster-setup", checks),)
    ).as_dict()
    async with at_the_desk(service, size) as pilot:
        await pilot.press("d", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReadingWindow))
        pilot.app.screen.query_one(VerticalScroll).scroll_end(animate=False)
        await until(pilot, lambda: "THE-END" in shown(pilot))


async def test_what_is_not_written_down_is_said_while_it_is_so_and_at_the_end(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckslab_tui.app.exam.LOOK_SECONDS", 0.05)
    async with at_the_desk(service) as pilot:
        service.room.remarked = "The open task was [b]last[/b] written down 4 min ago"
        await until(pilot, lambda: service.room.remarked in shown(pilot))
        service.room.remarked = ""
        await until(pilot, lambda: "written down" not in shown(pilot))
        service.room.remarked = "This exam is not in your progress"
        await pilot.press("d", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReadingWindow))
        await until(pilot, lambda: service.room.remarked in shown(pilot))


async def test_the_choice_tells_what_came_of_the_last_one(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    service.listed = replace(service.listed, exams=(replace(EXAM, percent=1.0), EXAM))
    async with running(service) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: "The last one: 2026-01-01 11:50, passed with 72.5 %" in shown(pilot))


async def test_when_the_time_is_over_it_says_so_once(service: FakeService) -> None:
    sit(service)
    assert service.room.sitting is not None
    late = replace(service.room.sitting.clock, spent=120 * 60.0)
    service.room.sitting = replace(service.room.sitting, clock=late)
    service.room.error = None
    async with running(service) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmWindow))
        assert "The time is over. Hand the exam in?" in shown(pilot)
        await pilot.press("n")
        await pilot.pause(1.3)
        assert isinstance(pilot.app.screen, ExamScreen)
        assert "the time is over" in shown(pilot)


async def test_a_task_that_cannot_be_opened_says_why_and_the_exam_goes_on(service: FakeService) -> None:
    async with at_the_desk(service) as pilot:
        service.room.error = InvalidInput("open task 2", "[@click=app.quit]it[/] broke", "Mend it.")
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        assert "[@click=app.quit]it[/] broke" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExamScreen))


async def test_leaving_says_that_the_clock_goes_on(service: FakeService) -> None:
    async with at_the_desk(service) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: "It goes on, and so does its clock" in shown(pilot))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        assert service.room.sitting is not None


async def test_each_task_has_a_terminal_of_its_own(service: FakeService) -> None:
    service.line = "echo task $$; cat"
    async with at_the_desk(service, (140, 40)) as pilot:
        await until(pilot, lambda: bool(pilot.app.screen.query(TerminalPane)))
        first = pilot.app.screen.query_one(TerminalPane)
        await until(pilot, lambda: first.running and first.has_focus)
        await pilot.press("f6")
        await until(pilot, lambda: not first.has_focus)
        await settle(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmWindow) or "▸  2" in shown(pilot))
        if isinstance(pilot.app.screen, ConfirmWindow):  # cat is at work
            await pilot.press("y")
        await until(pilot, lambda: pilot.app.screen.query_one(TerminalPane) is not first)
        await until(pilot, lambda: not first.running)


async def test_keys_after_the_one_that_leaves_the_terminal_are_not_the_shells(service: FakeService) -> None:
    async with at_the_desk(service, (140, 40)) as pilot:
        await until(pilot, lambda: bool(pilot.app.screen.query(TerminalPane)))
        pane = pilot.app.screen.query_one(TerminalPane)
        await until(pilot, lambda: pane.running and pane.has_focus)
        await settle(pilot)
        await pilot.press("f6", "down", "f")
        await until(pilot, lambda: "⚑" in shown(pilot))
        assert service.room.sitting is not None
        assert [task.flagged for task in service.room.sitting.tasks] == [False, True, False]


async def test_the_open_task_is_not_opened_again(service: FakeService) -> None:
    async with at_the_desk(service, (140, 40)) as pilot:
        await until(pilot, lambda: bool(pilot.app.screen.query(TerminalPane)))
        pane = pilot.app.screen.query_one(TerminalPane)
        await until(pilot, lambda: pane.has_focus)
        await settle(pilot)
        await pilot.press("f6", "enter")
        await until(pilot, lambda: pane.has_focus)
        assert service.room.calls == ["open None"]
