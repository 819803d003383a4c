"""Small readers of documents that may have any shape: what they ask for and do not find is simply not there.

The loader's own rules use them, so that one rule speaks up even where another, or the model, has refused the document.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ckslab_labs import strict_yaml
from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.problems import Findings
from ckslab_labs.scenario.texts import read_bytes

Document = dict[str, Any]


def read_document(folder: Path, name: str, findings: Findings) -> Document | None:
    """The mapping in a YAML file of a scenario; ``None``, and a finding, where there is none."""
    try:
        document = strict_yaml.load(read_bytes(folder / name, name), source=name)
    except InvalidInput as error:
        if not findings.about(name):  # that it is missing, for one
            findings.add_error(name, error)
        return None
    if not isinstance(document, dict):
        findings.add(name, "", "must be a mapping")
        return None
    return document


def as_json(value: Any) -> str:
    """A document as JSON, in which a strict model takes a list for a tuple and a text for an enum."""
    return json.dumps(value)


def at(document: Any, *keys: str) -> Any:
    """The value under nested keys."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def listed(document: Any, *keys: str) -> list[Any]:
    """The items of the list under nested keys; none where there is no list."""
    found = at(document, *keys)
    return found if isinstance(found, list) else []


def texts(value: Any) -> list[str]:
    """The texts in a list or among the keys of a mapping; a single text is a list of one."""
    items = [value] if isinstance(value, str) else value if isinstance(value, list | dict) else []
    return [item for item in items if isinstance(item, str)]


def mappings(value: Any) -> list[tuple[int, Document]]:
    """The mappings in a list, with their places."""
    return [(i, item) for i, item in enumerate(value) if isinstance(item, dict)] if isinstance(value, list) else []


def twice(names: Iterable[Any]) -> list[str]:
    """The texts that occur more than once."""
    return [name for name, count in Counter(n for n in names if isinstance(n, str)).items() if count > 1]
