"""What is wrong with a scenario folder, in words that its author understands.

A reader collects problems instead of stopping at the first. Pydantic finds most of them; its messages speak of tuples
and models and are translated here, with the nearest known word where one was probably misspelt. Nothing in here reads
a file.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.model import ID_PATTERN, OBJECT_PATTERN, SERVICE_ACCOUNT_PATTERN

Report = Callable[[str, str], None]
"""Takes the key path of a problem in a document, and what is wrong there."""


Place = tuple[int | str, ...]
"""Where something is in a document: keys of mappings, places in lists."""


@dataclass(frozen=True)
class Problem:
    """One thing to mend.

    Args:
        file: relative to the scenario's folder; ``.`` is the folder itself.
        key: where in the file, as ``spec.checks[some-id].points``; empty where the whole file is meant.
        message: what is wrong, and what to write instead where that is known.

    """

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.message) if part)


class ScenarioProblems(InvalidInput):
    """A scenario folder that cannot be used, with everything that is wrong with it."""

    def __init__(self, folder: Path, problems: Iterable[Problem]) -> None:
        self.folder = folder
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"read the scenario {folder}", f"{count}{lines}", "Mend the files, then try again.")

    def __str__(self) -> str:
        return f"cannot {self.attempted}: {self.seen}\n{self.remedy}"


@dataclass
class Findings:
    """The problems found so far in one scenario folder."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)

    def add(self, file: str, key: str, message: str) -> None:
        """Note one problem; arguments as for ``Problem``."""
        self.problems.append(Problem(file, key, message))

    def about(self, file: str) -> bool:
        """Whether anything was noted about a file."""
        return any(problem.file == file for problem in self.problems)

    def add_error(self, file: str, error: InvalidInput) -> None:
        """Note that a file could not be read."""
        self.add(file, "", f"{error.seen}. {error.remedy}")

    def stop_if_any(self) -> None:
        """Raise ``ScenarioProblems`` if anything was noted."""
        if self.problems:
            raise ScenarioProblems(self.folder, self.problems)


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """``unknown key "titel"; did you mean "title"?``, or the list of known words where none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known) or 'none'}"
    return f'unknown {what} "{word}"; {hint}'


def key_path(data: Any, location: Iterable[int | str]) -> str:
    """A location in a document as an author reads it: list items that have an id or a name go by it."""
    path = ""
    for part in location:
        if isinstance(part, str):
            path += f".{part}" if path else part
        else:
            path += f"[{_label(data, part)}]"
        data = _child(data, part)
    return path


def explain(error: ValidationError, data: Any, schema: Mapping[str, Any], report: Report, prefix: str = "") -> None:
    """Report what pydantic found, one problem for each place in the document.

    Args:
        error: what pydantic raised for ``data``.
        data: the document.
        schema: the JSON Schema of the model; says which keys are known.
        report: called with key path and message.
        prefix: the key path of ``data`` itself.

    """
    found: dict[Place, list[str]] = {}
    of_union = set()
    for detail in error.errors(include_url=False):
        place = _place(data, detail)
        if detail["type"] == "too_short" and detail["input"]:
            continue  # its items were bad, and are reported themselves
        found.setdefault(place, []).append(_message(detail, place, schema))
        if len(place) < len(detail["loc"]):
            of_union.add(place)
    for place, messages in found.items():
        deeper = any(other[: len(place)] == place and other != place for other in found)
        if place in of_union and deeper:  # another branch of the union got further, and says it better
            continue
        path = key_path(data, place)
        report(f"{prefix}.{path}" if prefix and path else prefix or path, _either(messages))


def _either(messages: list[str]) -> str:
    """``must be text, not 7`` and ``must be a list, not 7`` as ``must be text or a list, not 7``."""
    first, *others = dict.fromkeys(messages)
    words, comma, shown = first.partition(", not ")
    more = (other.removesuffix(comma + shown).removeprefix("must be ") for other in others)
    return " or ".join((words, *more)) + comma + shown


def _child(data: Any, part: int | str) -> Any:
    try:
        return data[part]
    except (LookupError, TypeError):
        return None


def _label(data: Any, index: int) -> str:
    item = _child(data, index)
    names = (item.get("id"), item.get("name")) if isinstance(item, dict) else ()
    return next((name for name in names if isinstance(name, str)), str(index))


def _place(data: Any, detail: ErrorDetails) -> Place:
    """Pydantic's location without the names it gives to branches of a union, which are not in the document."""
    place: list[int | str] = []
    for index, part in enumerate(detail["loc"]):
        there = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if there or (detail["type"] == "missing" and index == len(detail["loc"]) - 1):
            place.append(part)
            data = _child(data, part)
    return tuple(place)


_PATTERNS = {
    ID_PATTERN: 'must be lower-case letters, digits and "-", at most 63',
    SERVICE_ACCOUNT_PATTERN: "must be namespace/name",
    OBJECT_PATTERN: "must be kind/name, with -n namespace where it has one",
}
_WORDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}


def _message(detail: ErrorDetails, place: Place, schema: Mapping[str, Any]) -> str:
    """Plain words for one error."""
    kind, ctx = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return unknown("key", str(place[-1]), _known_keys(schema, place[:-1]))
    if kind in ("value_error", "assertion_error"):
        return str(ctx["error"])
    if kind == "string_pattern_mismatch":
        words = _PATTERNS.get(ctx["pattern"], f"must match {ctx['pattern']}")
    elif kind in _WORDS:
        words = _WORDS[kind].format(**{**ctx, "expected": str(ctx.get("expected", "")).replace("'", '"')})
    else:
        words = detail["msg"]
    return f"{words}, not {_shown(detail['input'])}"


def _shown(found: Any) -> str:
    if found is None:
        return "nothing"
    if isinstance(found, dict):
        return "a mapping" if found else "an empty mapping"
    if isinstance(found, list | tuple):
        return "a list" if found else "an empty list"
    if isinstance(found, bool):
        return str(found).lower()
    return f'"{found[:60]}"' if isinstance(found, str) else str(found)


def _known_keys(schema: Mapping[str, Any], place: Iterable[int | str]) -> list[str]:
    """The keys that a JSON Schema knows at a place."""
    node = _resolved(schema, schema)
    for part in place:
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            others = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
            node = node.get("properties", {}).get(part) or others[0]
        node = _resolved(schema, node)
    return list(node.get("properties", {}))


def _resolved(schema: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """A node with its reference followed; of several branches the first with keys or items."""
    if not isinstance(node, Mapping):
        return {}
    if "$ref" in node:
        return _resolved(schema, schema["$defs"][node["$ref"].rsplit("/", 1)[1]])
    branches = [_resolved(schema, branch) for branch in node.get("anyOf", ())]
    return next((branch for branch in branches if "properties" in branch or "items" in branch), node)
