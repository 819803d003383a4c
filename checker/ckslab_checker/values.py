"""What stands at a place in a document, for the probes that look instead of asking for an effect."""

import json
from collections.abc import Sequence
from typing import Any

from ckslab_checker.text import clean_line

UNSET = object()
Place = Sequence[str | int]
"""Keys, and numbers of list items, down to a value."""


def at(value: Any, place: Place) -> Any:
    """The value at a place; ``UNSET`` where there is none."""
    for key in place:
        if isinstance(value, dict):
            value = value.get(key, UNSET)
        elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
        else:
            return UNSET
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal: true is not 1, and a key that is not set is null."""
    return _canonical(one) == _canonical(other)


def shown(value: Any) -> str:
    """A value as a learner reads it."""
    return "not set" if value is UNSET or value is None else clean_line(json.dumps(value))


def place(keys: Place) -> str:
    """A place as a learner reads it: ``.spec.containers[0].image``."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def yes(value: bool) -> str:
    """``yes`` or ``no``."""
    return "yes" if value else "no"


def _canonical(value: Any) -> str:
    return json.dumps(None if value is UNSET else value, sort_keys=True)
