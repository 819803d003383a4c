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
    # One path however it was reached: a plane's processes are found by the folder in their environment.
    return platformdirs.user_state_path("ckslab").resolve()


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
    try:
        for missing in [folder for folder in reversed(path.parents) if not folder.exists()]:
            missing.mkdir(mode=0o700, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _cannot_use(path, error) from error
    refuse_foreign(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o700)
    return path


def refuse_foreign(path: Path) -> None:
    """Refuse a folder that is there and not one's own.

    Raises:
        InvalidInput: it cannot be looked at, is no folder, is a symbolic link, or belongs to another user.

    """
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot_use(path, error) from error
    attempted = f"use the folder {path}"
    if not stat.S_ISDIR(seen.st_mode):
        raise InvalidInput(attempted, "it is a symbolic link, or no folder", "Move it away and try again.")
    if seen.st_uid != os.geteuid():
        seen_text = f"it belongs to another user (uid {seen.st_uid}, you are {os.geteuid()})"
        raise InvalidInput(attempted, seen_text, "Set XDG_STATE_HOME to a folder of your own.")


def _cannot_use(path: Path, error: OSError) -> InvalidInput:
    remedy = "Choose a writable place with XDG_STATE_HOME and XDG_CACHE_HOME."
    return InvalidInput(f"use the folder {path}", error.strerror or str(error), remedy)
