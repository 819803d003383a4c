"""Where ckslab keeps things: state (planes, learners' files) and cache (binaries, baselines), by the XDG rules.

Nothing here may create a file outside these two folders; the user's kubeconfig and kubectl caches are never touched.
"""

import os
import stat
from pathlib import Path

import platformdirs

from ckslab_labs.errors import InvalidInput


def state_home() -> Path:
    """``$XDG_STATE_HOME/ckslab``: planes, sessions, learners' files."""
    return platformdirs.user_state_path("ckslab")


def cache_home() -> Path:
    """``$XDG_CACHE_HOME/ckslab``: what can be made again (binaries, baselines)."""
    return platformdirs.user_cache_path("ckslab")


def private_dir(path: Path) -> Path:
    """Make ``path`` (and its parents) and keep it to its owner, mode 0700.

    Returns:
        ``path``.

    Raises:
        InvalidInput: it cannot be made, is no folder, is a symbolic link, or belongs to another user.

    """
    attempted = f"use the folder {path}"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = path.lstat()
    except OSError as error:
        remedy = "Choose a writable place with XDG_STATE_HOME and XDG_CACHE_HOME."
        raise InvalidInput(attempted, error.strerror or str(error), remedy) from error
    if not stat.S_ISDIR(seen.st_mode):
        raise InvalidInput(attempted, "it is a symbolic link, or no folder", "Move it away and try again.")
    if seen.st_uid != os.geteuid():
        seen_text = f"it belongs to another user (uid {seen.st_uid}, you are {os.geteuid()})"
        raise InvalidInput(attempted, seen_text, "Set XDG_STATE_HOME to a folder of your own.")
    if stat.S_IMODE(seen.st_mode) & 0o077:
        path.chmod(0o700)
    return path
