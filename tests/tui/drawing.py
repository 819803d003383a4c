"""Pictures of the screen, compared with what somebody has looked at.

A difference is no defect by itself: look at what was drawn, and accept it with ``CKSLAB_PICTURES=accept``.
"""

import os
import re
from pathlib import Path

from tests.tui.driving import settle
from textual.pilot import Pilot

from ckslab_tui.app.picture import without_fonts

PICTURES = Path(__file__).parent / "pictures"


async def looks_as_it_did(pilot: Pilot[None], name: str, folder: Path) -> None:
    """Draw the screen into the folder, and compare it with the picture of that name."""
    await settle(pilot)
    await pilot.pause()
    picture = without_fonts(pilot.app.export_screenshot(title=name, simplify=True))
    drawn = re.sub(r"terminal-\d+", "terminal", picture)  # a number made of all that is drawn: it hides what differs
    kept, new = PICTURES / f"{name}.svg", folder / f"{name}.svg"
    if os.environ.get("CKSLAB_PICTURES") == "accept":
        kept.write_text(drawn)
    new.write_text(drawn)
    assert drawn == kept.read_text(), f"look at {new}; CKSLAB_PICTURES=accept takes it for {kept.name}"
