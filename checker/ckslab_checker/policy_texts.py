"""The texts that policies go by: a policy can only spare what it names, so each is tried as a name, a label, an image.

Read from CEL's string literals (https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-and-bytes-values),
from the names of objects in rules, from the objects that a binding gives as parameters, and from regular expressions,
of which an example is made. Nothing in here decides anything: a text that is of no use is an answer of the API server
that says nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ckslab_checker.installed import Installed, values
from ckslab_labs.cluster.objects import CannotResolve, Objects

LONGEST = 200
MOST = 60
"""Texts that are tried, in the order in which they stand in policies and parameters."""
_LITERAL = re.compile(
    r"""(?P<raw>\b[bB]?[rR])?
        (?P<quote>\"\"\"|'''|"|')
        (?P<text>(?:\\.|(?!(?P=quote)).)*)
        (?P=quote)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|.)", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_SEPARATORS = re.compile(r"[\s,;]+")


def texts(found: Installed, objects: Objects) -> list[str]:
    """Every text that the policies quote, or that stands in their parameters: each once, none too odd to send."""
    literals = [text for expression in values(found, "expression") for text in quoted(str(expression))]
    literals += [str(name) for names in values(found, "resourceNames") for name in names]
    parameters = [part for value in _parameters(found, objects) for part in (value, *_SEPARATORS.split(value))]
    known = [text.strip() for text in (*literals, *parameters)]
    several = dict.fromkeys(text for each in known for text in (each, example(each)))
    return [text for text in several if 0 < len(text) <= LONGEST and text.isascii() and text.isprintable()][:MOST]


def quoted(expression: str) -> list[str]:
    """The string literals of a CEL expression, as what they stand for."""
    return [
        match["text"] if match["raw"] else _ESCAPE.sub(_unescaped, match["text"])
        for match in _LITERAL.finditer(expression)
    ]


def example(text: str) -> str:
    """Something that a text matches, should it be a plain regular expression; other texts as they are."""
    sample = text.removeprefix("^").removesuffix("$").partition("|")[0]
    sample = re.sub(r"\[\^?(\\?.)[^\]]*\](?:[+*?]|\{[\d,]+\})?", r"\1", sample)
    sample = re.sub(r"\\d[+*?]?", "1", re.sub(r"\\w[+*?]?", "a", sample))
    sample = re.sub(r"\.[+*]\??", "x", sample)
    return re.sub(r"\\([^a-zA-Z0-9])", r"\1", re.sub(r"(?<!\\)[()?+*]", "", sample))


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "uUx" and len(code) > 1:
        return chr(min(int(code[1:], 16), 0x10FFFF))
    return chr(int(code, 8)) if code.isdigit() and len(code) == 3 else _LETTERS.get(code, code)


def _parameters(found: Installed, objects: Objects) -> Iterator[str]:
    """The texts of the objects that bindings give as parameters to policies that take some."""
    for kind in ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"):
        kinds = {each["metadata"]["name"]: each["spec"].get("paramKind") for each in found.get(kind, ())}
        for binding in found.get(f"{kind}Binding", ()):
            taken, reference = kinds.get(binding["spec"].get("policyName")), binding["spec"].get("paramRef")
            if taken and reference:
                with suppress(CannotResolve):
                    yield from _leaves(_referred(objects, taken, reference))


def _referred(objects: Objects, kind: Mapping[str, Any], reference: Mapping[str, Any]) -> Iterable[Any]:
    word = f"{kind['kind']}.{kind['apiVersion'].rpartition('/')[0]}"
    there = objects.list(word)
    named = [each for each in there if _is_referred(each["metadata"], reference)]
    return [{key: value for key, value in each.items() if key != "metadata"} for each in named]


def _is_referred(metadata: Mapping[str, Any], reference: Mapping[str, Any]) -> bool:
    """Whether it may be the one; a reference by labels may mean any."""
    return all(reference.get(key) in (None, metadata.get(key)) for key in ("name", "namespace"))


def _leaves(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _leaves(value)
    elif isinstance(part, Iterable):
        for value in part:
            yield from _leaves(value)
