"""Makes the README's pictures: ``python -m ckslab_tui.app.picture FOLDER``.

The catalogue, and the task screen of a real scenario on a real plane, with the real evidence of the checker, and a real
shell beside it; nothing is drawn by hand. The plane is its own and is stopped again, and nobody's progress is shown.
"""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

from textual.pilot import Pilot

from ckslab_labs.errors import Infrastructure
from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.main import LabApp
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.app.terminal import TerminalPane
from ckslab_tui.cli.options import Settings
from ckslab_tui.cli.streams import Progress
from ckslab_tui.service import LabService
from ckslab_tui.views import Task

SCENARIO = "debug-rbac-update-kept"
PLANE = "picture"
SIZE = (160, 45)
CATALOGUE_SIZE = (120, 40)
PATIENCE = 30.0
"""Seconds to wait for whatever is to be seen next."""
SPENT = timedelta(minutes=3, seconds=12)
"""What the clock shows."""
PROMPT = f"({SCENARIO}) $"
DANA = "--as dana --as-group developers -n production"
TYPED = (
    f"PS1='{PROMPT} '; clear",  # the reader's own prompt is not everybody's business
    "k get roles -n production",
    "k describe role app-team -n production",
    f"k auth can-i update pods --subresource=ephemeralcontainers {DANA}",
)
"""Lines typed into the shell."""


def main() -> None:
    """Draw the pictures into the folder that is named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ckslab_tui.app.picture FOLDER")
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        service = LabService(Settings(plane=PLANE), counts=False)
        try:
            task = service.start(SCENARIO, Progress())
            pictures = {
                "task.svg": draw(LabApp(service), task, TYPED, PROMPT),
                "catalogue.svg": draw_catalogue(LabApp(service)),
            }
        finally:
            service.discard()
    for name, picture in pictures.items():
        (Path(sys.argv[1]) / name).write_text(picture, encoding="utf-8")


def draw_catalogue(app: LabApp) -> str:
    """The first screen once this machine was looked at, as SVG that loads nothing."""

    async def pose(pilot: Pilot[object]) -> None:
        screen = app.screen
        assert isinstance(screen, CatalogueScreen)
        await _until(lambda: bool(screen.entries) and screen.fitness is not None, lambda: "the catalogue is empty")

    return _drawn(app, CATALOGUE_SIZE, pose)


def draw(app: LabApp, task: Task, typed: Sequence[str], prompt: str) -> str:
    """The task screen after some lines in its shell and one run of the checks, as SVG that loads nothing.

    After each line it is waited until the last that is to be read is ``prompt``.

    Raises:
        Infrastructure: something did not come to be seen; says what is there instead.

    """
    screen = TaskScreen(app.service, task, lambda: task.started + SPENT)

    async def pose(pilot: Pilot[object]) -> None:
        await app.push_screen(screen)
        pane = screen.query_one(TerminalPane)

        def shell() -> str:
            return f"the shell shows only:\n{pane.text}"

        await _until(lambda: pane.running, shell)
        for line in typed:
            pane.paste(line)
            await pilot.press("enter")
            await _until(lambda: pane.text.rstrip().endswith(prompt), shell)
        await pilot.press("f6", "c")
        await _until(lambda: screen.report is not None and not screen.busy, shell)

    return _drawn(app, SIZE, pose)


def _drawn(app: LabApp, size: tuple[int, int], pose: Callable[[Pilot[object]], Awaitable[None]]) -> str:
    """The screen of an app once it has posed."""
    pictures: list[str] = []

    async def take(pilot: Pilot[object]) -> None:
        await _until(lambda: isinstance(app.screen, CatalogueScreen), lambda: "the catalogue does not open")
        await pose(pilot)
        await pilot.pause()
        pictures.append(app.export_screenshot(title="ckslab"))
        app.exit()

    app.run(headless=True, size=size, auto_pilot=take)
    if not pictures:
        raise Infrastructure("draw the picture", "the app ended before it was drawn", "See what it says above.")
    return without_fonts(pictures[0])


def without_fonts(svg: str) -> str:
    """The picture with whatever font the reader has, rather than one from elsewhere."""
    return re.sub(r"@font-face\s*{[^}]*}", "", svg)


async def _until(seen: Callable[[], bool], instead: Callable[[], str]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not seen():
        if asyncio.get_running_loop().time() > deadline:
            raise Infrastructure("draw the picture", instead(), "Look into TYPED.")
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    main()
