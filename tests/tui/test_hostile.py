"""Texts that want to be more than texts, on every screen and at every place that shows any."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.driving import open_task, settle, shown, until
from tests.tui.fakes import ENTRY, FakeService, report, result
from textual.pilot import Pilot
from textual.widgets import OptionList

from ckslab_checker.marking import ExamReport, Marked
from ckslab_checker.outcome import Outcome
from ckslab_labs.errors import LabError, Unreachable
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.main import LabApp
from ckslab_tui.app.reading import ReadingWindow
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.exams import Wish
from ckslab_tui.views import Broken, Solution

MARKUP = (
    "[@click=app.quit]x[/]",
    "[link='file:///etc/passwd']x[/link]",
    "[/x]",
    "[bold",
    "$text-error",
    "~~~~~~~~\n# [x](javascript:alert) ![i](file:///etc/passwd) <b>&lt;",
)
ACTING = (
    "\x1b]0;title\x07 \x1b[2J",
    "\x1b]52;c;aGk=\x07",
    "\x9b2J\x9d0;title\x9c",
    "a\u202eb\u2066c\u200bd",
    "a\u2028b\x85c\x0b\x0cd\re\tf\x00g",
    "\ud800",
)
HOSTILE = {
    "markup": "\n".join(MARKUP),
    "click": MARKUP[0],
    "acting": "\n".join(ACTING),
    "long": "x" * 10_000,
    "wide": "漢" * 5_000,
    "accents": "a" + "\u0301" * 10_000,
    "high": "\n" * 3_000 + "end",
}
SIZES = ((100, 30), (20, 5), (160, 45))

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE),
]


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    return FakeService(tmp_path)


async def look(pilot: Pilot[None]) -> None:
    """Look at the screen in every size, and click on it."""
    here = pilot.app.screen
    for size in SIZES:
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert pilot.app.is_running
        assert_harmless(pilot)
    for y in (1, 3):
        await pilot.click(offset=(18, y))
        assert pilot.app.is_running
        if pilot.app.screen is not here:  # a click on the footer is a key
            pilot.app.pop_screen()


def assert_harmless(pilot: Pilot[None]) -> None:
    raw = shown(pilot).replace("\n", "")
    assert raw.isprintable(), ascii([c for c in raw if not c.isprintable()])


async def test_in_the_catalogue(service: FakeService, text: str) -> None:
    entry = replace(ENTRY, title=text, domain_title=text, competencies=(text,))
    service.listed = replace(service.listed, entries=(entry,), broken=(Broken(text, (text,)),))
    async with LabApp(service).run_test() as pilot:
        await settle(pilot)
        assert_harmless(pilot)
        await pilot.click(offset=(12, 2))
        assert pilot.app.is_running


async def test_while_a_scenario_is_opened_and_where_that_fails(service: FakeService, text: str) -> None:
    service.start_error, service.says = Unreachable(text, text, text), text
    service.gate.clear()
    async with LabApp(service).run_test() as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Opening" in shown(pilot))
        await pilot.pause(0.05)
        assert_harmless(pilot)
        service.gate.set()
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        await look(pilot)


async def test_in_the_task_its_checks_and_their_evidence(service: FakeService, text: str) -> None:
    lines = tuple(replace(line, title=text, why=text) for line in service.about.checks)
    service.about = replace(
        service.about, entry=replace(ENTRY, title=text), text=text, checks=lines, files=Path(text.replace("\0", ""))
    )
    first = replace(result(0, Outcome.FAILED, observed=text), notes=(text,), title=text)
    service.answer = report(first, result(1, Outcome.ERROR, error=text))
    async with open_task(service) as (pilot, screen):
        service.changed += 1
        await until(pilot, lambda: screen.report is not None)
        await look(pilot)
        screen.query_one("#evidence").scroll_end(animate=False)
        await look(pilot)


async def test_where_there_is_no_verdict_and_in_the_titles_of_what_is_asked(service: FakeService, text: str) -> None:
    service.says, service.answer = text, Unreachable(text, text, text)
    async with open_task(service) as (pilot, screen):
        service.gate.clear()
        await pilot.press("c")
        await until(pilot, lambda: "checking" in shown(pilot))
        await look(pilot)
        service.gate.set()
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        await pilot.press("escape")
        service.changed += 1
        await until(pilot, lambda: bool(screen.trouble))
        await look(pilot)


async def _hint(pilot: Pilot[None]) -> None:
    await pilot.press("h", "y")


async def _solution(pilot: Pilot[None]) -> None:
    await pilot.press("o", "y")


@pytest.mark.parametrize("open_window", [_hint, _solution])
async def test_in_hints_and_solutions(
    service: FakeService, text: str, open_window: Callable[[Pilot[None]], Awaitable[None]]
) -> None:
    service.hints = [text, text]
    service.solved = Solution(text, {text: text}, text)
    async with open_task(service) as (pilot, _):
        await open_window(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, ReadingWindow))
        await pilot.pause()
        assert_harmless(pilot)
        await look(pilot)


async def test_in_the_terminals_own_words(service: FakeService, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def shell(command: str | None = None) -> None:
        raise LabError("open a shell", text, text)

    monkeypatch.setattr(service, "shell", shell)
    async with open_task(service, (160, 45)) as (pilot, screen):
        await until(pilot, lambda: "Cannot open a shell" in shown(pilot))
        assert isinstance(screen, TaskScreen)
        await look(pilot)


async def test_in_an_exam_its_errors_and_its_report(service: FakeService, text: str) -> None:
    room = service.room
    tasks = tuple(replace(task, domain=text) for task in room.paper.tasks)
    room.paper = replace(room.paper, tasks=tasks)
    service.about = replace(
        service.about, entry=replace(ENTRY, title=text), text=text, files=Path(text.replace("\0", ""))
    )
    first = replace(result(0, Outcome.FAILED, observed=text), title=text)
    judged = Marked(1, text, text, report(first, result(1, Outcome.ERROR, error=text)))
    room.document = ExamReport(7, text, 120, 60.0, 67, (judged, Marked(2, text, text, None, text))).as_dict()
    room.begin(Wish(), lambda _: None)
    async with LabApp(service).run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await until(pilot, lambda: "Exam 7" in shown(pilot))
        await settle(pilot)
        await look(pilot)
        await pilot.resize_terminal(100, 30)
        await settle(pilot)
        room.error = LabError("open the task", text, text)
        tasks_list = pilot.app.screen.query_one("#tasks", OptionList)
        tasks_list.focus()
        assert room.sitting is not None
        tasks_list.highlighted = 0 if room.sitting.open else 1  # a click may have opened another
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        assert_harmless(pilot)
        await pilot.press("escape", "d", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReadingWindow))
        await pilot.pause()
        assert_harmless(pilot)
