"""A learner's files: laid out in a session's folder, kept with a snapshot, never removed or overwritten unasked."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ckslab_labs.errors import InvalidInput
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.provider import Progress
from ckslab_labs.session import Session, now
from ckslab_labs.snapshot.files import capture_files, files_differ, restore_files
from ckslab_labs.snapshot.snapshot import Snapshot


def with_files_of(session: Session | None, snapshot: Snapshot) -> Snapshot:
    """A snapshot with the learner's files of a session; without where there is none, or they are too large to keep."""
    try:
        return replace(snapshot, learner=capture_files(session.files)) if session else snapshot
    except InvalidInput:  # somebody keeps more than texts there
        return snapshot


def put_files(wanted: Mapping[str, bytes] | None, folder: Path, progress: Progress) -> None:
    """Make a session's folder hold these files; what is there and differs is kept beside them, and told.

    Args:
        wanted: a scenario's files, or a snapshot's; ``None``, and all stays as it is.
        folder: the session's.
        progress: told where earlier files are.

    """
    if wanted is not None and (moved := lay_out_files(wanted, folder / "files", folder / "kept")):
        progress(f"your earlier files are kept in {moved}")


def lay_out_files(wanted: Mapping[str, bytes], files: Path, kept: Path) -> Path | None:
    """Make a learner's folder hold these files: a scenario's ``files/``, or those of a snapshot.

    Args:
        wanted: the files by their relative paths.
        files: the learner's folder.
        kept: where what the learner had there is moved to, when it differs.

    Returns:
        where it was moved to, or None.

    """
    moved = None
    if _differs(wanted, files) and _holds_files(files):
        moved = _unused(private_dir(kept) / now().replace(":", ""))
        files.rename(moved)
    restore_files(wanted, private_dir(files))
    return moved


def _differs(wanted: Mapping[str, bytes], files: Path) -> bool:
    try:
        return files_differ(wanted, files)
    except OSError:  # what cannot be read is the learner's own doing, and kept like anything else
        return True


def _holds_files(folder: Path) -> bool:
    return any(path.is_symlink() or not path.is_dir() for path in folder.rglob("*"))


def _unused(path: Path) -> Path:
    """The path, with a number where it is taken: two resets may fall into one second."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(each for each in itertools.chain([path], numbered) if not each.exists())
