"""Writes a new scenario folder: one that loads, passes its own suite, and says with TODO what is left to write.

The folder is a copy of ``scaffold/``, which the tests hold to all of that. Nothing that exists is ever overwritten.
"""

import re
from pathlib import Path

from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.scenario.model import ID_PATTERN

_SCAFFOLD = Path(__file__).resolve().parent / "scaffold"
_PLACEHOLDER = "SCENARIO-ID"


def new(pack_dir: Path, id: str) -> Path:
    """Write a scenario folder into a pack.

    Args:
        pack_dir: the pack's folder; made when missing.
        id: the scenario's id, which is its folder's name.

    Returns:
        the new folder.

    Raises:
        InvalidInput: the id is none, or is taken.
        Infrastructure: the folder cannot be written.

    """
    attempted = f"write the scenario {id}"
    if not re.fullmatch(ID_PATTERN, id):
        seen = "an id is made of lower-case letters, digits and hyphens, at most 63"
        raise InvalidInput(attempted, seen, "Choose another, such as pods-run-as-root.")
    folder = pack_dir / id
    try:
        pack_dir.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        for source in sorted(_SCAFFOLD.rglob("*")):
            _copy(source, folder / source.relative_to(_SCAFFOLD), id)
    except FileExistsError as error:
        raise InvalidInput(attempted, f"{error.filename} exists", "Choose another id, or remove it.") from None
    except OSError as error:
        raise Infrastructure(attempted, f"{error.filename}: {error.strerror}", "Choose another place.") from error
    return folder


def _copy(source: Path, target: Path, id: str) -> None:
    if source.is_dir():
        target.mkdir()
    else:
        target.write_text(source.read_text(encoding="utf-8").replace(_PLACEHOLDER, id), encoding="utf-8")
