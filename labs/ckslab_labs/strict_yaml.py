"""YAML without surprises: the only way that ckslab reads YAML which somebody wrote.

PyYAML's safe loader does not stop an alias bomb, a merge-key bomb or a list 20,000 deep; it lets the last of two equal
keys win, and reads ``NO`` as false, ``1.30`` as 1.3, ``0644`` as 420 and ``12:30:45`` as 45045. Here the parser's
events are judged one by one, before anything is built from them, so hostile input costs nothing; and a word that
kubectl (YAML 1.1) and YAML 1.2 would read differently, or that would lose its spelling, is refused instead of guessed
at. PyYAML's own composer and constructor must not be used: they recurse, and they follow aliases.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ckslab_labs.errors import InvalidInput
from ckslab_labs.yaml_events import events

MAX_BYTES = 2 * 1024 * 1024
MAX_NODES = 100_000
MAX_DEPTH = 40
MAX_DOCUMENTS = 1_000

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What no text may hold: control characters (a terminal would obey them), half characters, stray byte-order marks."""

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_AMBIGUOUS = re.compile(
    r"""y | n | yes | no | on | off | true | false | null          # TRUE, Yes, NO, ...
      | [-+]? 0 ( b[01_]+ | o?[0-7_]+ | x[0-9a-f_]+ )               # 0644, 0o644, 0x1F
      | [-+]? [0-9][0-9_]* ( :[0-5]?[0-9] )+ ( \.[0-9_]* )?         # 12:30:45, base 60
      | [-+]? ( [0-9][0-9_]* ( \.[0-9_]* )? | \.[0-9][0-9_]* ) ( e[-+]?[0-9]+ )?   # 1_000, +1, 1.30, 1e3
      | [-+]? \. ( inf | nan )""",
    re.VERBOSE | re.IGNORECASE,
)


class BadYaml(InvalidInput):
    """A text that is not YAML, or not the plain YAML that is asked for here."""


def load(text: str | bytes, *, source: str) -> Any:
    """Read a text that holds exactly one document.

    Args:
        text: UTF-8 where it is bytes.
        source: what to call the text in errors, usually a file's name.

    Returns:
        dicts with text keys, lists, str, int, float, bool, None.

    Raises:
        BadYaml: with line, column, and what to do.

    """
    reader = _Reader(source, max_documents=1)
    documents = list(reader.documents(text))
    if not documents:
        raise reader.refuse("it is empty", "Write one YAML document into it.")
    return documents[0]


def load_all(text: str | bytes, *, source: str, max_documents: int = MAX_DOCUMENTS) -> list[Any]:
    """Read every document of a text; one without content is ``None``. Otherwise as ``load``."""
    return list(_Reader(source, max_documents).documents(text))


@dataclass
class _Open:
    """A list or mapping that is being read: what was read, the key that waits for its value, and where each key is."""

    value: Any
    key: str | None = None
    lines: dict[str, int] = field(default_factory=dict)


@dataclass
class _Reader:
    source: str
    max_documents: int
    nodes: int = 0

    def refuse(self, seen: str, remedy: str, mark: Any = None) -> BadYaml:
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return BadYaml(f"read {self.source}", f"{where}{seen}", remedy)

    def documents(self, text: str | bytes) -> Iterator[Any]:
        """Yield each document's value."""
        count = 0
        root = _Open([])
        stack = [root]
        for event in self._events(self._decoded(text)):
            if isinstance(event, yaml.DocumentStartEvent):
                count += 1
                self._check_document(event, count)
            elif isinstance(event, yaml.DocumentEndEvent):
                yield root.value.pop()
            elif isinstance(event, yaml.NodeEvent):
                self._check_node(event)
                self._add(stack, event)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                stack.pop()

    def _decoded(self, text: str | bytes) -> str:
        if len(text) > MAX_BYTES:
            raise self.refuse(f"it is larger than {MAX_BYTES // 1024} KiB", "Split it, or shorten it.")
        try:
            decoded = text.decode() if isinstance(text, bytes) else text
        except UnicodeDecodeError as error:
            raise self.refuse(f"byte {error.start + 1} is not UTF-8", "Save it as UTF-8 text.") from None
        decoded = decoded.removeprefix("\ufeff")
        if found := UNPRINTABLE.search(decoded):
            line = decoded.count("\n", 0, found.start()) + 1
            raise self.refuse(f"line {line}: it holds the control character {found[0]!a}", "Remove it.")
        return decoded

    def _events(self, text: str) -> Iterator[yaml.Event]:
        try:
            yield from events(text)
        except yaml.MarkedYAMLError as error:
            problem = " ".join(part for part in (error.problem, error.context) if part)
            remedy = "Mend the YAML there; often an indent, a missing quote or a tab."
            raise self.refuse(problem, remedy, error.problem_mark or error.context_mark) from None

    def _check_document(self, event: yaml.DocumentStartEvent, count: int) -> None:
        if count > self.max_documents:
            wanted = "one document" if self.max_documents == 1 else f"{self.max_documents} documents"
            raise self.refuse(f"more than {wanted}", "Remove what follows the line ---.", event.start_mark)
        if event.version or event.tags:
            raise self.refuse("a line that starts with %", "Remove the %YAML or %TAG line.", event.start_mark)

    def _check_node(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.refuse(f"more than {MAX_NODES} values", "Split the file.", event.start_mark)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            seen = f"anchors and aliases are not read here ({sign}{event.anchor[:40]})"
            raise self.refuse(seen, "Write the value out where it is needed.", event.start_mark)
        if event.tag is not None:
            seen = f"tags are not read here ({event.tag[:40]})"
            raise self.refuse(seen, "Remove the tag; put text that looks like a number in quotes.", event.start_mark)

    def _add(self, stack: list[_Open], event: Any) -> None:
        """Put an event's value where it belongs; a list or mapping stays open on the stack."""
        into = stack[-1]
        scalar = isinstance(event, yaml.ScalarEvent)
        if isinstance(into.value, dict) and into.key is None:
            into.key = self._key(into, event)
            return
        value: Any = self._scalar(event) if scalar else {} if isinstance(event, yaml.MappingStartEvent) else []
        if into.key is None:
            into.value.append(value)
        else:
            into.value[into.key] = value
            into.key = None
        if not scalar:
            if len(stack) > MAX_DEPTH:
                seen = f"lists and mappings are nested more than {MAX_DEPTH} deep"
                raise self.refuse(seen, "Flatten the structure.", event.start_mark)
            stack.append(_Open(value))

    def _key(self, into: _Open, event: Any) -> str:
        mark = event.start_mark
        if not isinstance(event, yaml.ScalarEvent):
            raise self.refuse("a list or mapping stands as a key", "Write a text as the key.", mark)
        key = self._scalar(event)
        if not isinstance(key, str):
            raise self.refuse(f'the key "{event.value}" is not text', f'Put it in quotes: "{event.value}".', mark)
        if key == "<<":
            raise self.refuse("merge keys (<<) are not read here", "Write the keys out.", mark)
        if key in into.lines:
            seen = f'the key "{key[:40]}" stands here again, first in line {into.lines[key]}'
            raise self.refuse(seen, "Keep one of the two.", mark)
        into.lines[key] = mark.line + 1
        return key

    def _scalar(self, event: Any) -> str | int | float | bool | None:
        text: str = event.value
        if not event.implicit[0]:  # quoted, or a block: text, whatever it looks like
            if found := UNPRINTABLE.search(text):
                seen = f"a text holds the control character {found[0]!a}"
                raise self.refuse(seen, "Remove it.", event.start_mark)
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text) and repr(float(text)) == text:
            return float(text)
        if _AMBIGUOUS.fullmatch(text):
            seen = f"{text[:40]} can be read in more than one way"
            remedy = "Put it in quotes if it is text; write numbers plainly (42, 1.5), and true, false or null in full."
            raise self.refuse(seen, remedy, event.start_mark)
        return text


_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
