"""Driving the app in tests: wait for what shall come true, and read the screen as a person does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from ckslab_tui.app.main import LabApp
from ckslab_tui.service import Service


@asynccontextmanager
async def running(service: Service, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The app on a terminal of that size, with nothing under way."""
    async with LabApp(service).run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[None]) -> None:
    """Wait until no work is under way and the screen shows its result."""
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
