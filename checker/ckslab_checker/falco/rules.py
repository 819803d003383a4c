"""A file of Falco rules, loaded as Falco loads it: which rules there are, and what is wrong with the file.

See https://falco.org/docs/concepts/rules/basic-elements/. Falco is taken to be set up with its plugins k8saudit and
json besides system calls, and with no other file of rules.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ckslab_checker.falco.conditions import Check, Condition, Macro, Meets, WrongRule, compiled, parse
from ckslab_checker.falco.fields import FIELDS, PRINTED_ONLY, Event

SOURCES = ("syscall", "k8s_audit")
"""Where events come from; a rule that names none is about system calls."""
AUDIT = "k8s_audit"
PRIORITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "info", "debug")
ABOUT_SYSTEM_CALLS = ("evt", "proc", "fd", "fs", "thread", "user", "group", "container", "k8s", "syslog", "fdlist")
"""How fields of system calls begin."""
_NEEDED = ("condition", "output", "desc", "priority")
_PRINTED = re.compile(r"%(?:\w+\()?([a-zA-Z]\w*(?:\.\w+)+)")
_ELEMENTS = ("rule", "macro", "list")
_IGNORED = ("required_engine_version", "required_plugin_versions")


@dataclass(frozen=True)
class Rule:
    """A rule about audit events that is loaded and enabled."""

    name: str
    meets: Meets


def load(document: object) -> list[Rule]:
    """The rules of a file that can fire on audit events.

    Args:
        document: what the file holds, as YAML says.

    Raises:
        WrongRule: Falco would not load the file; says which part of it, and why.

    """
    if not isinstance(document, list):
        raise WrongRule("rules content is not a YAML array of objects")
    file = _File()
    for number, item in enumerate(document, 1):
        file.add(number, item)
    return file.rules()


class _File:
    """What stands in a file, by name; what comes later may replace or add to what came before."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in _ELEMENTS}

    def add(self, number: int, item: object) -> None:
        """Take in one item of the array."""
        if not isinstance(item, dict):
            raise WrongRule(f"item {number} is not an object")
        kind = next((kind for kind in _ELEMENTS if kind in item), None)
        if kind is None:
            if not any(key in item for key in _IGNORED):
                raise WrongRule(f"item {number} is neither a rule nor a macro nor a list")
            return
        name = item[kind]
        if not isinstance(name, str) or not name:
            raise WrongRule(f"the name of the {kind} in item {number} is no text")
        known = self._known[kind]
        if item.get("append") is True or "override" in item:
            known[name] = _changed(kind, name, known.get(name), item)
        elif kind == "rule" and name in known and not any(key in item for key in _NEEDED):
            known[name] = {**known[name], "enabled": item.get("enabled", True)}
        else:
            known[name] = item

    def rules(self) -> list[Rule]:
        """Compile everything; those that fire on audit events."""
        lists = {name: tuple(self._items(name)) for name in self._known["list"]}
        macros = {name: _condition("macro", item) for name, item in self._known["macro"].items()}
        found = [self._rule(item, macros, lists) for item in self._known["rule"].values()]
        return [rule for rule in found if rule]

    def _items(self, name: str, within: tuple[str, ...] = ()) -> Iterable[str]:
        items = self._known["list"][name].get("items")
        if not isinstance(items, list):
            raise WrongRule(f"the list {name!r} has no items")
        for item in items:
            if isinstance(item, str) and item in self._known["list"] and item not in (*within, name):
                yield from self._items(item, (*within, name))
            else:
                yield _word(item)

    def _rule(
        self, item: Mapping[str, Any], macros: Mapping[str, Condition], lists: Mapping[str, tuple[str, ...]]
    ) -> Rule | None:
        name = item["rule"]
        if missing := [key for key in _NEEDED if key not in item]:
            raise WrongRule(f"the rule {name!r} has no {missing[0]}")
        if str(item["priority"]).lower() not in PRIORITIES:
            raise WrongRule(f"the rule {name!r} has an invalid priority, {item['priority']!r}")
        if "exceptions" in item:
            raise WrongRule(f"the rule {name!r} has exceptions, which are not emulated")
        source = item.get("source", "syscall")
        if source not in SOURCES:
            return None  # Falco warns of an unknown source, and passes the rule over
        condition = _condition("rule", item)
        try:
            if source != AUDIT:
                _refuse_audit_fields(condition, macros)
                return None
            meets = compiled(condition, macros, lists)
            _check_output(str(item["output"]))
        except WrongRule as problem:
            if item.get("skip-if-unknown-filter") is True and "nonexistent" in str(problem):
                return None
            raise WrongRule(f"the rule {name!r} (source {source}): {problem}") from None
        return Rule(name, meets) if item.get("enabled", True) is True else None


def _condition(kind: str, item: Mapping[str, Any]) -> Condition:
    text = item.get("condition")
    if not isinstance(text, str):
        raise WrongRule(f"the {kind} {item[kind]!r} has no condition")
    try:
        return parse(text)
    except WrongRule as problem:
        raise WrongRule(f"the {kind} {item[kind]!r}: {problem}") from None


def _changed(kind: str, name: str, known: dict[str, Any] | None, item: Mapping[str, Any]) -> dict[str, Any]:
    """An element with what a later item says of it: ``append: true``, or ``override`` key by key."""
    if known is None:
        raise WrongRule(f"the {kind} {name!r} is changed before it is there")
    content = {key: value for key, value in item.items() if key not in (kind, "append", "override")}
    ways = item.get("override")
    if not isinstance(ways, dict):
        ways = dict.fromkeys(content, "append")
    changed = dict(known)
    for key, value in content.items():
        if ways.get(key) == "append" and isinstance(value, list):
            changed[key] = [*known.get(key, []), *value]
        elif ways.get(key) == "append":
            changed[key] = f"{known.get(key, '')} {value}"
        elif ways.get(key) == "replace":
            changed[key] = value
        else:
            raise WrongRule(f"the {kind} {name!r} has {key}, but its override does not name it")
    return changed


def _refuse_audit_fields(condition: Condition, macros: Mapping[str, Condition]) -> None:
    """A rule about system calls knows no field of audit events; an undefined macro stops any rule."""
    for part, value in _parts(condition, macros):
        if part == "macro":
            raise WrongRule(f"undefined macro {value!r} used in filter")
        if value.partition(".")[0] not in ABOUT_SYSTEM_CALLS:
            raise WrongRule(f"the field {value} is nonexistent")


def _parts(
    condition: Condition, macros: Mapping[str, Condition], within: tuple[str, ...] = ()
) -> Iterable[tuple[str, str]]:
    """The fields that are asked, as ("field", name), and the macros that are not there, as ("macro", name)."""
    if isinstance(condition, Check):
        yield "field", condition.asked.name
    elif isinstance(condition, Macro):
        if condition.name not in macros or condition.name in within:
            yield "macro", condition.name
        else:
            yield from _parts(macros[condition.name], macros, (*within, condition.name))
    else:
        for part in condition.parts:
            yield from _parts(part, macros, within)


def _check_output(output: str) -> None:
    for name in _PRINTED.findall(output):
        if name not in FIELDS and name not in PRINTED_ONLY:
            raise WrongRule(f"its output prints the nonexistent field {name}")


def _word(item: object) -> str:
    return str(item).lower() if isinstance(item, bool) else str(item)


def firing(rules: Iterable[Rule], event: Event) -> list[str]:
    """The names of the rules that an event meets."""
    return [rule.name for rule in rules if rule.meets(event)]
