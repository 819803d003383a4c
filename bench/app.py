"""The app: its start, its keys while checks run, the way from a change to a verdict, and 500 checks in a row."""

import asyncio
import fcntl
import os
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from textual.pilot import Pilot

from bench.result import Result
from ckslab_checker.catalogue import catalogue
from ckslab_checker.play import play
from ckslab_labs.scenario.model import Action
from ckslab_tui.app.checks import CheckList
from ckslab_tui.app.main import LabApp
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.cli.options import Settings
from ckslab_tui.port import untold
from ckslab_tui.service import LabService

SCENARIO = "debug-rbac-update-kept"
ADMISSION = "debug-policy-fails-open"
PLANE = "bench-app"
SIZE = (100, 30)
SOAK, WARM = 500, 100
"""How many checks in a row, and after how many nothing may grow any more."""
LISTED = b"Developers can attach a debug container"
"""What is to be read once the catalogue is there."""


class Restless(LabService):
    """A service on which something changes as soon as there is a verdict."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.changed = 0

    def changes(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Yield at once, and whenever ``changed`` was counted up."""
        seen = -1
        while not stopped():
            if self.changed != seen:
                seen = self.changed
                yield True
            time.sleep(0.001)


def measure() -> list[Result]:
    """Start-up in a terminal, then everything on a plane of its own."""
    first, whole = zip(*(_start() for _ in range(5)), strict=True)
    service = Restless(Settings(plane=PLANE))
    try:
        service.start(ADMISSION, untold)
        admission = asyncio.run(_verdicts(ADMISSION, 10))
        service.start(SCENARIO, untold)
        return [
            Result("app: start to first paint", first, limit=0.5),
            Result("app: start to the list of scenarios", whole, limit=2.0),
            Result("app: change to verdict, RBAC", asyncio.run(_verdicts(SCENARIO, 10)), limit=1.0),
            Result("app: change to verdict, admission policy", admission, limit=2.0),
            Result("app: a minute of watching, nothing changed", [_watching(10) * 6], "s CPU", limit=1.0),
            *asyncio.run(_soak(service)),
        ]
    finally:
        service.discard()


def _start() -> tuple[float, float]:
    """Seconds from the command to the first thing drawn, and to the scenarios."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *reversed(SIZE), 0, 0))
    program = Path(sys.executable).with_name("ckslab")
    began = time.perf_counter()
    with subprocess.Popen([program], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as app:
        os.close(theirs)
        seen, first = b"", 0.0
        while LISTED not in seen:
            seen += os.read(ours, 65536)
            if not first and b"ckslab" in seen:
                first = time.perf_counter() - began
        whole = time.perf_counter() - began
        os.write(ours, b"\x11")
        while app.poll() is None:
            try:
                os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    return first, whole


async def _verdicts(id: str, rounds: int) -> list[float]:
    """Seconds from a fix, or from a fix that is undone, until the screen shows the other verdict."""
    service = LabService(Settings(plane=PLANE))
    scenario, session = catalogue().get(id), service.lab.session()
    samples = []
    async with LabApp(service).run_test(size=SIZE) as pilot:
        screen = await _task(pilot, service)
        await pilot.press("c")
        await _until(pilot, lambda: _outcome(screen) == "failed")
        for number in range(rounds):
            await asyncio.sleep(0.3 + number * 0.03)  # at any moment between two looks
            folder, wanted = (("solution/", "passed"), ("setup/", "failed"))[number % 2]
            began = time.perf_counter()
            await asyncio.to_thread(
                play, [Action(apply=folder)], scenario.folder, service.lab.objects, {}, session.files
            )
            await _until(pilot, lambda wanted=wanted: _outcome(screen) == wanted)  # type: ignore[misc]
            samples.append(time.perf_counter() - began)
    return samples


def _watching(seconds: float) -> float:
    """Seconds of CPU that watching takes in so many seconds without a change."""
    service = LabService(Settings(plane=PLANE))
    until = time.monotonic() + seconds
    began = time.process_time()
    for _ in service.changes(lambda: time.monotonic() > until):
        pass
    return time.process_time() - began


async def _soak(service: Restless) -> list[Result]:
    """Keys while checks run without a pause, and what 500 of them leave behind."""
    keys: list[float] = []
    async with LabApp(service).run_test(size=SIZE) as pilot:
        screen = await _task(pilot, service)
        checks = screen.query_one(CheckList)
        marks: dict[int, tuple[float, int]] = {}
        for number in range(1, SOAK + 1):
            before = screen.report
            service.changed += 1
            await _until(pilot, lambda: bool(screen.busy))
            selected = checks.highlighted
            began = time.perf_counter()
            pilot.app.simulate_key("down" if number % 2 else "up")
            await _until(pilot, lambda selected=selected: checks.highlighted != selected)  # type: ignore[misc]
            keys.append(time.perf_counter() - began)
            await _until(pilot, lambda before=before: screen.report is not before and not screen.busy)  # type: ignore[misc]
            marks[number] = (_resident(), len(list(Path("/proc/self/fd").iterdir())))
    grown = (marks[SOAK][0] - marks[WARM][0]) / (SOAK - WARM)
    return [
        Result("app: key to reaction while a check runs", keys, limit=0.05),
        Result(f"app: memory that a check leaves behind, of {SOAK}", [grown], "kB", limit=5),
        Result(
            f"app: file descriptors after {SOAK} checks, more than before", [marks[SOAK][1] - marks[WARM][1]], "", 0
        ),
    ]


async def _task(pilot: Pilot[None], service: LabService) -> TaskScreen:
    """The task, opened once the first screen is there."""
    await _until(pilot, lambda: len(pilot.app.screen_stack) > 1)
    screen = TaskScreen(service, service.current())
    await pilot.app.push_screen(screen)
    return screen


def _outcome(screen: TaskScreen) -> str:
    return screen.report.outcome if screen.report else ""


async def _until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("the app does not get there")
        await asyncio.sleep(0.001)


def _resident() -> float:
    """Memory of this process, in kB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1024


if __name__ == "__main__":
    from bench.result import table

    print(table(measure()))
