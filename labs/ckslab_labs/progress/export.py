"""Progress as a file of JSON, to be taken along: for the learner, who may want it elsewhere or in another program."""

import json
from pathlib import Path
from typing import Any

from ckslab_labs.errors import InvalidInput
from ckslab_labs.files import write_atomic
from ckslab_labs.progress.store import ProgressFile
from ckslab_labs.session import now


def export(progress: ProgressFile, file: Path, force: bool) -> dict[str, Any]:
    """Write everything into a file of JSON.

    Args:
        progress: what to write.
        file: made, readable by its owner only.
        force: replace a file that is there.

    Returns:
        what was written.

    Raises:
        InvalidInput: the place is taken, or no place for a file; or see ``ProgressFile.attempts``.
        Infrastructure: the disk is full; nothing is left.

    """
    document = _document(progress)
    data = json.dumps(document, indent=2).encode() + b"\n"
    claimed = _claim(file, force)
    try:
        write_atomic(file, data)
    except BaseException:
        if claimed:
            file.unlink(missing_ok=True)
        raise
    return document


def _document(progress: ProgressFile) -> dict[str, Any]:
    return {
        "apiVersion": "ckslab/v1",
        "kind": "Progress",
        "exported": now(),
        "attempts": [attempt.as_dict() for attempt in progress.attempts()],
        "exams": [exam.as_dict() for exam in progress.exams()],
        "solutions": sorted(progress.solutions()),
    }


def _claim(file: Path, force: bool) -> bool:
    """Make the file, empty, where there is none; True where it is there by us, and nobody else's."""
    attempted = f"write your progress to {file}"
    try:
        file.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        if not file.is_file():  # a device would be replaced by a file
            raise InvalidInput(attempted, "it is no plain file", "Name another file.") from None
        if not force:
            raise InvalidInput(attempted, "it is there already", "Name another file, or add --force.") from None
        return False
    except OSError as error:
        raise InvalidInput(attempted, error.strerror or str(error), "Name a file in a folder of yours.") from error
    return True
