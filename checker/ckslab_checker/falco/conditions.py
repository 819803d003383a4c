"""Conditions of Falco rules: their grammar, what is wrong with one when it is loaded, and whether an event meets it.

The grammar follows https://falco.org/docs/concepts/rules/conditions/. An event without the field that is asked for
meets no comparison with it, `!=` included.
"""

import fnmatch
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lark import Lark, Token, Transformer, UnexpectedInput

from ckslab_checker.falco.fields import FIELDS, PRINTED_ONLY, Event, Values

Meets = Callable[[Event], bool]
MAX_DEPTH = 50
"""Parentheses within parentheses."""
MAX_CHECKS = 5000
"""In a condition with all its macros, and items in a list with all its lists."""
ABOUT_SYSTEM_CALLS = frozenset(
    ("evt", "proc", "fd", "fs", "thread", "user", "group", "container", "k8s", "syslog", "fdlist")
)
"""How fields of system calls begin."""

GRAMMAR = r"""
?start: or_expr
?or_expr: and_expr ("or" and_expr)*
?and_expr: not_expr ("and" not_expr)*
?not_expr: "not" not_expr -> negation
    | "(" or_expr ")"
    | field "exists" -> exists
    | field COMPARE _value -> compare
    | field AMONG _values -> among
    | NAME -> macro
field: FIELD [ARGUMENT]
    | CHANGE "(" field ")" -> changed
_value: QUOTED | BARE
_values: "(" [_value ("," _value)*] ")"

CHANGE.3: /(tolower|toupper|basename)(?=\s*\()/
FIELD.2: /[a-zA-Z]\w*(\.[a-zA-Z]\w*)+/
ARGUMENT: /\[[^\]]*\]/
COMPARE.2: /==|=|!=|<=|<|>=|>|(i?contains|bcontains|b?startswith|endswith|i?glob|regex)(?=[\s"'])/
AMONG.2: /(intersects|in|pmatch)(?=[\s(])/
NAME: /(?!(and|or|not|exists|in|intersects)\b)[a-zA-Z][\w-]*(?![.\w])/
QUOTED: /"([^"\\]|\\.)*"|'([^'\\]|\\.)*'/
BARE.-1: /[^\s(),="']+/
%ignore /\s+/
"""


class WrongRule(Exception):
    """A rule that is not loaded; the text says why, as Falco would."""


@dataclass(frozen=True)
class Asked:
    """A field as it stands in a condition."""

    name: str
    argument: str = ""
    changes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}[{self.argument}]" if self.argument else self.name


@dataclass(frozen=True)
class Check:
    """A comparison: of a field, by an operator, with values."""

    asked: Asked
    operator: str
    values: tuple[str, ...] = ()
    quoted: frozenset[str] = frozenset()
    """Those values that stand in quotes: they are no names of lists, and no numbers."""


@dataclass(frozen=True)
class Macro:
    """The name of a condition that stands elsewhere."""

    name: str


@dataclass(frozen=True)
class Joined:
    """Conditions joined by ``and`` or ``or``, or one that is negated by ``not``."""

    word: str
    parts: tuple["Condition", ...]


Condition = Check | Macro | Joined


class _Read(Transformer[Token, Condition]):
    def or_expr(self, parts: list[Condition]) -> Condition:
        return Joined("or", tuple(parts))

    def and_expr(self, parts: list[Condition]) -> Condition:
        return Joined("and", tuple(parts))

    def negation(self, parts: list[Condition]) -> Condition:
        return Joined("not", tuple(parts))

    def macro(self, parts: list[Token]) -> Condition:
        return Macro(str(parts[0]))

    def exists(self, parts: list[Asked]) -> Condition:
        return Check(parts[0], "exists")

    def compare(self, parts: tuple[Asked, Token, Token]) -> Condition:
        asked, operator, value = parts
        return Check(asked, "=" if operator == "==" else str(operator), (_plain(value),), _quoted(value))

    def among(self, parts: list[Asked | Token | None]) -> Condition:
        asked, operator, *values = parts
        assert isinstance(asked, Asked)
        tokens = [each for each in values if isinstance(each, Token)]
        return Check(asked, str(operator), tuple(map(_plain, tokens)), _quoted(*tokens))

    def field(self, parts: list[Token | None]) -> Asked:
        name, argument = parts
        return Asked(str(name), str(argument)[1:-1].strip("\"'") if argument else "")

    def changed(self, parts: tuple[Token, Asked]) -> Asked:
        change, asked = parts
        return Asked(asked.name, asked.argument, (str(change), *asked.changes))


def _quoted(*tokens: Token) -> frozenset[str]:
    return frozenset(_plain(token) for token in tokens if token.type == "QUOTED")


def _plain(token: Token) -> str:
    text = str(token)
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if token.type == "QUOTED" else text


@functools.cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=True)


def parse(text: str) -> Condition:
    """A condition's parts.

    Raises:
        WrongRule: it has another form.

    """
    if text.count("(") > 40 * MAX_DEPTH or _depth(text) > MAX_DEPTH:
        raise WrongRule("its condition is nested too deeply")
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as problem:
        near = text[max(0, (problem.pos_in_stream or 0) - 10) : (problem.pos_in_stream or 0) + 20].strip()
        raise WrongRule(f"its condition cannot be parsed near {near!r}") from None
    return _Read().transform(tree)


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        deepest = max(deepest, depth)
    return deepest


@dataclass(frozen=True)
class Scope:
    """What a condition can name: the macros that stand above it, each compiled already or the reason why not; lists."""

    macros: Mapping[str, "Compiled | WrongRule"]
    lists: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Compiled:
    """A condition that can be asked: what it comes to, and how many checks that are."""

    meets: Meets
    size: int
    fields: frozenset[str]


def compiled(condition: Condition, scope: Scope) -> Compiled:
    """A condition with its macros and lists in their places.

    Raises:
        WrongRule: it asks for a macro or a field that there is not, asks a field what it cannot be asked, or is too
            large.

    """
    if isinstance(condition, Macro):
        found = scope.macros.get(condition.name)
        if found is None:
            raise WrongRule(f"undefined macro {condition.name!r} used in filter")
        if isinstance(found, WrongRule):
            raise found
        return found
    if isinstance(condition, Joined):
        parts = [compiled(part, scope) for part in condition.parts]
        size = sum(part.size for part in parts)
        if size > MAX_CHECKS:
            raise WrongRule(f"its condition comes to more than {MAX_CHECKS} checks")
        fields = frozenset().union(*(part.fields for part in parts))
        return Compiled(_joined(condition.word, [part.meets for part in parts]), size, fields)
    values = [
        item
        for value in condition.values
        for item in (scope.lists.get(value, (value,)) if value not in condition.quoted else (value,))
    ]
    return Compiled(_check(condition, tuple(values)), 1, frozenset({condition.asked.name}))


def _joined(word: str, parts: Sequence[Meets]) -> Meets:
    if word == "not":
        (part,) = parts
        return lambda event: not part(event)
    join = all if word == "and" else any
    return lambda event: join(part(event) for part in parts)


def _check(check: Check, values: tuple[str, ...]) -> Meets:
    asked = check.asked
    if asked.name.partition(".")[0] in ABOUT_SYSTEM_CALLS:
        return lambda _: False  # asked in rules about system calls only, see ``rules``
    if asked.name not in FIELDS:
        why = "is not emulated in conditions" if asked.name in PRINTED_ONLY else "is nonexistent"
        raise WrongRule(f"the field {asked} {why}")
    field = FIELDS[asked.name]
    if field.argument is True and not asked.argument:
        raise WrongRule(f"the field {asked} needs an argument in brackets")
    if field.argument is False and asked.argument:
        raise WrongRule(f"the field {asked.name} takes no argument")
    many = field.many and not asked.argument
    if many and check.operator not in _OF_MANY:
        raise WrongRule(f"the list field {asked} can be asked {', '.join(_OF_MANY)}, and not {check.operator}")
    if check.operator in _TEXT and len(values) != 1:
        raise WrongRule(f"the field {asked} is compared with a list, where one value must stand")
    if check.operator in _OF_NUMBERS and (check.quoted or not _NUMBER.fullmatch(values[0])):
        raise WrongRule(f"the field {asked} is compared by {check.operator} with {values[0]!r}, which is no number")
    compare = _comparison(check.operator, values, str(asked))

    def meets(event: Event) -> bool:
        found = field.read(event, asked.argument)
        for change in reversed(asked.changes):
            found = None if found is None else tuple(_CHANGES[change](value) for value in found)
        return compare(found)

    return meets


_OF_NUMBERS = ("<", "<=", ">", ">=")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
_OF_MANY = ("exists", "in", "intersects", "pmatch")
_CHANGES: Mapping[str, Callable[[str], str]] = {
    "tolower": str.lower,
    "toupper": str.upper,
    "basename": lambda value: value.rpartition("/")[2],
}
_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "=": str.__eq__,
    "!=": str.__ne__,
    "<": str.__lt__,
    "<=": str.__le__,
    ">": str.__gt__,
    ">=": str.__ge__,
    "contains": lambda found, asked: asked in found,
    "icontains": lambda found, asked: asked.lower() in found.lower(),
    "startswith": str.startswith,
    "endswith": str.endswith,
    "glob": fnmatch.fnmatchcase,
    "iglob": lambda found, asked: fnmatch.fnmatchcase(found.lower(), asked.lower()),
}


def _comparison(operator: str, values: tuple[str, ...], asked: str) -> Callable[[Values], bool]:
    if operator == "exists":
        return lambda found: bool(found)
    if operator == "in":
        return lambda found: bool(found) and set(found or ()) <= set(values)
    if operator == "intersects":
        return lambda found: bool(set(found or ()) & set(values))
    if operator not in _TEXT:
        raise WrongRule(f"the operator {operator} of {asked} is not emulated")
    compare = _TEXT[operator]
    return lambda found: bool(found) and compare((found or ("",))[0], values[0])
