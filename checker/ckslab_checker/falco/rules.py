"""A file of Falco rules, loaded as Falco loads it: which rules there are, and what is wrong with the file.

See https://falco.org/docs/concepts/rules/basic-elements/. Falco is taken to be set up with its plugins k8saudit and
json besides system calls, and with no other file of rules.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ckslab_checker.falco.conditions import (
    ABOUT_SYSTEM_CALLS,
    MAX_CHECKS,
    Compiled,
    Condition,
    Meets,
    Scope,
    WrongRule,
    compiled,
    parse,
)
from ckslab_checker.falco.fields import FIELDS, PRINTED_ONLY, Event
from ckslab_labs.binaries.golang import as_numbers

SOURCES = ("syscall", "k8s_audit")
"""Where events come from; a rule that names none is about system calls."""
AUDIT = "k8s_audit"
PRIORITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "info", "debug")
_NEEDED = ("condition", "output", "desc", "priority")
_PRINTED = re.compile(r"%(?:(?:tolower|toupper|basename)\()?([a-zA-Z]\w*(?:\.\w+)*)")
_ELEMENTS = ("rule", "macro", "list")
_MACRO = re.compile(r"[a-zA-Z]\w*")
_APPENDED = ("condition", "items")
_OVERRIDDEN = ("condition", "output", "desc", "priority", "tags", "enabled", "items", "warn_evttypes")
PLUGINS = ("k8saudit", "json")


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
    try:
        for number, item in enumerate(document, 1):
            file.add(number, item)
        return file.rules()
    except RecursionError:
        raise WrongRule("a condition in it is nested too deeply") from None


class _File:
    """What stands in a file, by name; what comes later may replace or add to what came before."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in _ELEMENTS}

    def add(self, number: int, item: object) -> None:
        """Take in one item of the array. Falco warns of what it does not know, and passes it over."""
        if item is None:
            return
        if not isinstance(item, dict):
            raise WrongRule(f"item {number} is not an object")
        _refuse_what_falco_lacks(item)
        kind = next((kind for kind in _ELEMENTS if kind in item), None)
        if kind is None:
            return
        name = item[kind]
        if not isinstance(name, str) or not name:
            raise WrongRule(f"the name of the {kind} in item {number} is no text")
        if kind == "macro" and not _MACRO.fullmatch(name):
            raise WrongRule(f"the macro {name!r} has a name that no condition can use")
        known = self._known[kind].pop(name, None)  # what is defined anew stands where it is defined anew
        self._known[kind][name] = _merged(kind, name, known, item)

    def rules(self) -> list[Rule]:
        """Compile everything; those that fire on audit events."""
        lists: dict[str, tuple[str, ...]] = {}
        for name, item in self._known["list"].items():
            lists[name] = _items(name, item, lists)
        macros: dict[str, Compiled | WrongRule] = {}
        scope = Scope(macros, lists)
        for name, item in self._known["macro"].items():
            condition = _condition("macro", item)
            try:
                macros[name] = compiled(condition, scope)
            except WrongRule as problem:  # only matters where it is used
                macros[name] = problem
        found = [_rule(item, scope) for item in self._known["rule"].values()]
        return [rule for rule in found if rule]


def _merged(kind: str, name: str, known: dict[str, Any] | None, item: dict[str, Any]) -> dict[str, Any]:
    if item.get("append") is True or "override" in item:
        return _changed(kind, name, known, item)
    if kind != "rule":
        return item
    if "enabled" in item and not any(key in item for key in _NEEDED):
        if known is None:
            raise WrongRule(f"the rule {name!r} is changed before it is there")
        return {**known, "enabled": item["enabled"]}
    if known is not None and known.get("source", "syscall") != item.get("source", "syscall"):
        raise WrongRule(f"the rule {name!r} is defined anew with another source")
    _refuse_incomplete(item)
    return item


def _refuse_incomplete(item: Mapping[str, Any]) -> None:
    name = item["rule"]
    if missing := [key for key in _NEEDED if item.get(key) in (None, "")]:
        raise WrongRule(f"the rule {name!r} has no {missing[0]}")
    if str(item["priority"]).lower() not in PRIORITIES:
        raise WrongRule(f"the rule {name!r} has an invalid priority, {item['priority']!r}")
    if "exceptions" in item:
        raise WrongRule(f"the rule {name!r} has exceptions, which are not emulated")


def _refuse_what_falco_lacks(item: Mapping[str, Any]) -> None:
    """A file may ask for an engine, and for plugins; Falco refuses it where it has not got them."""
    if as_numbers(f"{item.get('required_engine_version', 0)}.0") >= (1, 0, 0):
        raise WrongRule(f"it requires an engine that there is not yet, {item['required_engine_version']}")
    plugins = item.get("required_plugin_versions")
    for plugin in plugins if isinstance(plugins, list) else []:
        name = plugin.get("name") if isinstance(plugin, dict) else plugin
        if name not in PLUGINS or as_numbers(str(plugin.get("version", ""))) >= (1, 0, 0):
            raise WrongRule(f"it requires the plugin {name!r} as it is not there")


def _items(name: str, item: Mapping[str, Any], lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """With the items of other lists that stand above."""
    items = item.get("items")
    if not isinstance(items, list):
        raise WrongRule(f"the list {name!r} has no items")
    words = [_word(each) for each in items]
    found = [part for word in words for part in lists.get(word, (word,))]
    if len(found) > MAX_CHECKS:
        raise WrongRule(f"the list {name!r} comes to more than {MAX_CHECKS} items")
    return tuple(found)


def _rule(item: Mapping[str, Any], scope: Scope) -> Rule | None:
    name, source = item["rule"], item.get("source", "syscall")
    if source not in SOURCES:
        return None  # Falco warns of an unknown source, and passes the rule over
    condition = _condition("rule", item)
    try:
        made = compiled(condition, scope)
        wrong = [each for each in made.fields if (each.partition(".")[0] in ABOUT_SYSTEM_CALLS) is (source == AUDIT)]
        if wrong:
            known = min(wrong) in PRINTED_ONLY
            raise WrongRule(f"the field {min(wrong)} is {'not emulated in conditions' if known else 'nonexistent'}")
        if source == AUDIT:
            _check_output(str(item["output"]))
    except WrongRule as problem:
        if item.get("skip-if-unknown-filter") is True and "nonexistent" in str(problem):
            return None
        raise WrongRule(f"the rule {name!r} (source {source}): {problem}") from None
    enabled = str(item.get("enabled", True)).lower() == "true"
    return Rule(name, made.meets) if source == AUDIT and enabled else None


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
        ways = {key: "append" for key in content if key in _APPENDED}
        content = {key: content[key] for key in ways}
    changed = dict(known)
    for key, value in content.items():
        if key not in _OVERRIDDEN or ways.get(key) not in ("append", "replace"):
            raise WrongRule(f"the {kind} {name!r} has {key}, but its override does not name it, or cannot")
        if ways[key] == "replace":
            changed[key] = value
        elif isinstance(value, list):
            changed[key] = [*known.get(key, []), *value]
        else:
            changed[key] = f"{known.get(key, '')} {value}"
    if kind == "rule":
        _refuse_incomplete(changed)
    return changed


def _check_output(output: str) -> None:
    for name in _PRINTED.findall(output):
        if name not in FIELDS and name not in PRINTED_ONLY:
            raise WrongRule(f"its output prints the nonexistent field {name}")


def _word(item: object) -> str:
    return str(item).lower() if isinstance(item, bool) else str(item)


def firing(rules: Iterable[Rule], event: Event) -> list[str]:
    """The names of the rules that an event meets."""
    return [rule.name for rule in rules if rule.meets(event)]
