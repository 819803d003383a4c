"""Folders as part of a snapshot: capture the regular files below one, and put them back.

Symbolic links are neither followed nor kept; what is new is removed, so that a backup file beside a manifest goes too.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from ckslab_labs.errors import InvalidInput
from ckslab_labs.files import write_atomic

MAX_TOTAL = 16 * 1024 * 1024
"""Bytes of all files together; a learner's files are texts."""


def capture_files(root: Path) -> dict[str, bytes]:
    """The regular files below ``root`` by their relative paths.

    Args:
        root: may be missing, which is an empty folder.

    Raises:
        InvalidInput: they are too large to keep.

    """
    files: dict[str, bytes] = {}
    total = 0
    attempted = f"keep the files in {root}"
    for path in _files(root):
        name = str(path.relative_to(root))
        try:
            total += path.stat().st_size
            if total > MAX_TOTAL:
                seen = f"there are more than {MAX_TOTAL // 2**20} MiB"
                raise InvalidInput(attempted, seen, "Remove what does not belong to the task.")
            files[name] = path.read_bytes()
        except OSError as error:
            raise InvalidInput(attempted, f"{name}: {error.strerror}", "Make it readable, or remove it.") from error
    return files


def files_differ(files: Mapping[str, bytes], root: Path) -> bool:
    """Whether ``restore_files`` would change anything."""
    present = {str(path.relative_to(root)): path for path in _files(root)}
    if present.keys() != files.keys() or _links(root):
        return True
    return any(present[name].read_bytes() != data for name, data in files.items())


def restore_files(files: Mapping[str, bytes], root: Path) -> None:
    """Make the regular files below ``root`` exactly these."""
    for path in _links(root):
        path.unlink()
    for path in _files(root):
        if str(path.relative_to(root)) not in files:
            path.unlink()
    for name, data in files.items():
        target = root / name
        if target.is_dir():
            shutil.rmtree(target)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not target.is_file() or target.read_bytes() != data:
            write_atomic(target, data)


def _files(root: Path) -> list[Path]:
    return [path for path in _all(root) if path.is_file() and not path.is_symlink()]


def _links(root: Path) -> list[Path]:
    return [path for path in _all(root) if path.is_symlink()]


def _all(root: Path) -> list[Path]:
    return sorted(root.rglob("*"))
