"""What a person has chosen for the app itself, kept from one start to the next: its theme."""

from pathlib import Path

from ckslab_labs.errors import LabError
from ckslab_labs.files import read_json, write_json
from ckslab_labs.paths import private_dir, state_home

FILE = "app.json"


def _file() -> Path:
    return state_home() / FILE


def kept_theme() -> str:
    """The name of the theme that was chosen last; empty where none was, or what is kept cannot be read."""
    try:
        value = read_json(_file())
    except (LabError, OSError):
        return ""
    name = value.get("theme") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def keep_theme(name: str) -> None:
    """Write down which theme was chosen.

    Raises:
        LabError: the state folder cannot be written to.

    """
    private_dir(_file().parent)
    write_json(_file(), {"theme": name})
