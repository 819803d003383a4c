"""An exam in the app, as somebody has looked at it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.drawing import looks_as_it_did
from tests.tui.driving import running, settle, shown, until
from tests.tui.fakes import FakeService
from textual.pilot import Pilot

from ckslab_labs.exam.clock import Clock
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.exam_choice import ExamChoice
from ckslab_tui.app.reading import ReadingWindow
from ckslab_tui.exams import Wish

pytestmark = pytest.mark.asyncio
SPENT = 17 * 60.0
"""Seconds of the exam."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """An exam of which 17 minutes have passed, for as long as one looks."""
    monkeypatch.setattr(Clock, "now", lambda clock: clock)
    service = FakeService(Path("/files"))
    service.line = r"printf '(open-door) $ '; exec cat"
    service.about = replace(service.about, files=Path("/files"))
    service.room.begin(Wish(), lambda _: None)
    assert service.room.sitting is not None
    service.room.sitting = replace(service.room.sitting, clock=replace(service.room.sitting.clock, spent=SPENT))
    return service


async def sat(pilot: Pilot[None]) -> None:
    """Nothing more."""


async def flagged(pilot: Pilot[None]) -> None:
    await pilot.press("down", "f")
    await until(pilot, lambda: "⚑" in shown(pilot))


async def light(pilot: Pilot[None]) -> None:
    pilot.app.theme = "textual-light"
    await flagged(pilot)


async def leaving(pilot: Pilot[None]) -> None:
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmWindow))


async def handing_in(pilot: Pilot[None]) -> None:
    await pilot.press("d")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmWindow))


async def marked(pilot: Pilot[None]) -> None:
    await handing_in(pilot)
    await pilot.press("y")
    await until(pilot, lambda: isinstance(pilot.app.screen, ReadingWindow))


@pytest.mark.parametrize(
    ("name", "size", "pose"),
    [
        ("exam", (80, 24), sat),
        ("exam-flagged", (80, 24), flagged),
        ("exam-tiny", (20, 5), sat),
        ("exam-leaving", (80, 24), leaving),
        ("exam-handing-in", (80, 24), handing_in),
        ("exam-marked", (80, 24), marked),
    ],
)
async def test_the_exam_looks_as_it_did_when_somebody_looked_at_it(
    name: str, size: tuple[int, int], pose: Callable[..., object], service: FakeService, tmp_path: Path
) -> None:
    async with running(service, size) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: service.room.calls[-1:] == ["open None"])
        await settle(pilot)
        await pose(pilot)  # type: ignore[misc]
        await looks_as_it_did(pilot, name, tmp_path)


@pytest.mark.parametrize(("name", "pose"), [("exam-desk", flagged), ("exam-desk-light", light)])
async def test_the_desk_looks_as_it_did(
    name: str, pose: Callable[..., object], service: FakeService, tmp_path: Path
) -> None:
    async with running(service, (160, 45)) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: "(open-door) $" in shown(pilot))
        await pilot.press("f6")
        await pose(pilot)  # type: ignore[misc]
        await looks_as_it_did(pilot, name, tmp_path)


async def test_the_choice_looks_as_it_did(service: FakeService, tmp_path: Path) -> None:
    service.room.sitting = None
    async with running(service) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExamChoice))
        await looks_as_it_did(pilot, "exam-choice", tmp_path)
