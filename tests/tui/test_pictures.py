"""A few states of the task screen, as somebody has looked at them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.tui.drawing import looks_as_it_did
from tests.tui.driving import open_task, shown, until
from tests.tui.fakes import FakeService, report, result
from textual.pilot import Pilot

from ckslab_checker.outcome import Outcome
from ckslab_labs.errors import Unreachable
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.reading import ReadingWindow
from ckslab_tui.app.task import TaskScreen

DOWN = Unreachable("ask the API server", "no answer from plane default", "Try again.")

pytestmark = pytest.mark.asyncio


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    service = FakeService(Path("/files"))
    service.line = r"printf '\033[1;32mgreen\033[0m and \033[7mreverse\033[0m \342\234\224\n$ '; exec cat"
    return service


async def failed(pilot: Pilot[None], service: FakeService, screen: TaskScreen) -> None:
    service.changed += 1
    await until(pilot, lambda: screen.report is not None)


async def passed(pilot: Pilot[None], service: FakeService, screen: TaskScreen) -> None:
    pilot.app.theme = "textual-light"
    service.answer = report(result(0, Outcome.PASSED, "denied by RBAC"), result(1, Outcome.PASSED))
    await failed(pilot, service, screen)


async def down(pilot: Pilot[None], service: FakeService, screen: TaskScreen) -> None:
    await failed(pilot, service, screen)
    service.answer = DOWN
    service.changed += 1
    await until(pilot, lambda: bool(screen.trouble))


async def error(pilot: Pilot[None], service: FakeService, screen: TaskScreen) -> None:
    service.answer = DOWN
    await pilot.press("c")
    await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))


async def hint(pilot: Pilot[None], service: FakeService, screen: TaskScreen) -> None:
    await pilot.press("h", "y")
    await until(pilot, lambda: isinstance(pilot.app.screen, ReadingWindow))


async def question(pilot: Pilot[None], service: FakeService, screen: TaskScreen) -> None:
    await pilot.press("r")
    assert isinstance(pilot.app.screen, ConfirmWindow)


@pytest.mark.parametrize(
    ("name", "size", "pose"),
    [
        ("narrow-failed", (80, 24), failed),
        ("narrow-hint", (80, 24), hint),
        ("narrow-question", (80, 24), question),
        ("tiny", (20, 5), failed),
        ("wide-no-verdict", (118, 30), down),
        ("wide-error", (118, 30), error),
        ("desk-failed", (160, 45), failed),
        ("desk-passed-light", (160, 45), passed),
    ],
)
async def test_the_screen_looks_as_it_did_when_somebody_looked_at_it(
    name: str, size: tuple[int, int], pose: Callable[..., object], service: FakeService, tmp_path: Path
) -> None:
    service.about = replace(service.about, files=Path("/files"))
    now = service.about.started + timedelta(minutes=3, seconds=12)
    async with open_task(service, size, lambda: now) as (pilot, screen):
        if size[0] >= 120:
            await until(pilot, lambda: "green and reverse" in shown(pilot))
        await pose(pilot, service, screen)  # type: ignore[misc]
        await looks_as_it_did(pilot, name, tmp_path)
