"""Keeps an exam's open task on disk every 30 s, and once more right before the time is over.

Run as ``python -m ckslab_labs.exam.keeper PLANE``. It ends with the exam or the plane; any command of the exam starts
another.
"""

import os
import sys
import time
from pathlib import Path

from ckslab_labs import background
from ckslab_labs.errors import Busy, LabError
from ckslab_labs.exam import sitting as sittings
from ckslab_labs.files import FileLock, is_locked
from ckslab_labs.lab import Lab
from ckslab_labs.session import Sessions

EVERY = 30.0
"""Seconds."""
MARGIN = 2.0
"""Seconds before the end, for the last time; to write a state down takes a tenth of one."""
LOOK = 0.5
"""Seconds between two looks whether the exam, and its plane, are still there."""
LOCK = ".keeper.lock"


def see_to_it(plane: str) -> None:
    """Start a keeper for the exam on a plane, unless one is there."""
    if is_locked(Sessions(plane).home / LOCK):
        return
    background.start("ckslab_labs.exam.keeper", plane, cwd=Path("/"))


def main() -> int:
    """Keep the exam on the plane whose name is the one argument; 0 also when somebody else does so already."""
    plane = sys.argv[1]
    if os.fork():  # nobody's child, as the plane's supervisor is
        os._exit(0)
    os.umask(0o077)
    try:
        with FileLock(Sessions(plane).home / LOCK, f"the exam on plane {plane}", wait=0.0):
            _keep_until_over(plane)
    except Busy:
        return 0
    return 0


def _keep_until_over(plane: str) -> None:
    lab, due = Lab(plane, provider="embedded"), time.monotonic() + EVERY
    while lab.provider.exists and (sitting := sittings.find(plane)) is not None and not sitting.over:
        left = sitting.left
        if time.monotonic() >= due or (left is not None and left < MARGIN):
            keep(lab)
            due = time.monotonic() + EVERY
        time.sleep(LOOK)


def keep(lab: Lab) -> None:
    """Write the open task's state down; where that cannot be done now, the next time will do."""
    try:
        with lab.exclusive():
            sitting = sittings.find(lab.name)
            if sitting is not None and sitting.open is not None and not sitting.over:
                lab.keep()
                sitting.save(lab.name)
    except LabError:
        return


if __name__ == "__main__":
    sys.exit(main())
