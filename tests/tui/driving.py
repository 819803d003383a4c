"""Driving the app in tests: wait for what shall come true, and read the screen as a person does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from ckslab_tui.app.clock import Now, utc_now
from ckslab_tui.app.main import LabApp
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.port import Service


@asynccontextmanager
async def running(service: Service, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The app on a terminal of that size, with nothing under way."""
    async with LabApp(service).run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[None]) -> None:
    """Wait until no work is under way and the screen shows its result."""
    await until(pilot, lambda: len(pilot.app.screen_stack) > 1)  # the first screen comes after a first picture
    calls = [worker for worker in pilot.app.workers if worker.group == "service"]  # to watch has no end
    if calls:  # none would mean all
        await pilot.app.workers.wait_for_complete(calls)
    await pilot.pause()


async def until(pilot: Pilot[None], condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until the condition holds."""
    for _ in range(int(seconds * 100)):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"did not come true; the screen is {pilot.app.screen}\n{shown(pilot)}")


def shown(pilot: Pilot[None]) -> str:
    """The screen as a person sees it, line by line."""
    lines = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


@asynccontextmanager
async def open_task(
    service: Service, size: tuple[int, int] = (100, 30), now: Now = utc_now
) -> AsyncIterator[tuple[Pilot[None], TaskScreen]]:
    """The app with a task open: with a terminal beside it where the window is wide."""
    async with LabApp(service).run_test(size=size) as pilot:
        await settle(pilot)
        screen = TaskScreen(service, service.current(), now)
        await pilot.app.push_screen(screen)
        await pilot.pause()
        yield pilot, screen
