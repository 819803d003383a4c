"""Processes of ours that go on by themselves: a plane's supervisor, and the keeper of an exam."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

INTERPRETER = (sys.executable, "-E", "-P")
"""Takes nothing from PYTHON... variables, nor from the folder it stands in. It finds what the user has installed for
nobody else, ckslab perhaps: ``-I`` would hide that."""


def start(
    module: str, argument: str, *, cwd: Path, output: IO[bytes] | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run a module that forks, so that what goes on is nobody's child, and wait for the fork.

    Args:
        module: by its whole name.
        argument: its one argument.
        cwd: where it stands.
        output: what it says goes there; nowhere unless given.
        env: its environment; this process's unless given.

    """
    target = output or subprocess.DEVNULL
    subprocess.run(
        [*INTERPRETER, "-m", module, argument],
        stdin=subprocess.DEVNULL,
        stdout=target,
        stderr=target,
        env=env,
        cwd=cwd,
        start_new_session=True,
        check=False,
    )
