"""Makes the README's picture: ``python -m ckslab_tui.app.picture OUT.svg``.

The task screen of a real scenario on a real plane, with the real evidence of the checker; nothing is drawn by hand. The
plane is its own and is stopped again.
"""

import re
import sys
from pathlib import Path

from textual.pilot import Pilot

from ckslab_tui.app.main import LabApp
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.cli.options import Settings
from ckslab_tui.cli.streams import Progress
from ckslab_tui.service import LabService
from ckslab_tui.views import Task

SCENARIO = "debug-rbac-update-kept"
PLANE = "picture"
SIZE = (118, 34)


def main() -> None:
    """Draw the picture into the file that is named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ckslab_tui.app.picture OUT.svg")
    service = LabService(Settings(plane=PLANE), counts=False)
    try:
        task = service.start(SCENARIO, Progress())
        picture = draw(LabApp(service), task)
    finally:
        service.discard()
    Path(sys.argv[1]).write_text(picture, encoding="utf-8")


def draw(app: LabApp, task: Task) -> str:
    """The task screen after one run of the checks, as SVG that loads nothing from elsewhere."""
    pictures: list[str] = []

    async def pose(pilot: Pilot[object]) -> None:
        await app.workers.wait_for_complete()
        await app.push_screen(TaskScreen(app.service, task))
        await pilot.press("c")
        await app.workers.wait_for_complete()
        await pilot.pause()
        pictures.append(app.export_screenshot(title="ckslab"))
        app.exit()

    app.run(headless=True, size=SIZE, auto_pilot=pose)
    return re.sub(r"@font-face\s*{[^}]*}", "", pictures[0])


if __name__ == "__main__":
    main()
