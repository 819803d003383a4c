"""Rules about what people read: a task must be fair, and must not give itself away."""

import re
from collections.abc import Iterator, Mapping

from ckslab_checker.lint.entry import Entry
from ckslab_labs.scenario.texts import hints

TIERS = 2
LAYERS: Mapping[str, re.Pattern[str]] = {
    "denied-by-rbac": re.compile(r"\bRBAC\b"),
    "denied-by-pod-security": re.compile(r"\bPod Security\b", re.IGNORECASE),
    "denied-by-policy": re.compile(r"polic(y|ies)", re.IGNORECASE),
    "denied-by-webhook": re.compile(r"webhook", re.IGNORECASE),
}
"""The words by which a task asks for a layer."""

_FLAGS = r"(?:\s+-\S+(?:\s+(?!-)\S+)??)*?"
_CHANGES = re.compile(
    rf"\bkubectl{_FLAGS}\s+(apply|create|delete|edit|patch|replace|set|label|annotate|auth\s+reconcile)\b"
)
_REFERENCES = re.compile(r"^##+ References\s*$(?P<body>.*?)(?=^##+ |\Z)", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"[A-Za-z0-9]+(?:[.:-][A-Za-z0-9]+)*")


def layers_are_asked_for(entry: Entry) -> Iterator[tuple[str, str]]:
    """Any layer may deny, unless the task says which."""
    task = entry.scenario.text("task.md")
    for check in entry.scenario.spec.checks:
        layer = LAYERS.get(str(getattr(check.probe, "expect", "")))
        if layer and not layer.search(task):
            yield (
                "scenario.yaml",
                f"{check.id} expects a layer that task.md does not ask for; expect denied",
            )


def hints_come_in_tiers(entry: Entry) -> Iterator[tuple[str, str]]:
    """The first hint points, the last one tells."""
    if len(hints(entry.scenario)) < TIERS:
        yield "hints.md", f"at least {TIERS} tiers are needed, each with a heading ## of its own"


def why_has_references(entry: Entry) -> Iterator[tuple[str, str]]:
    """What is claimed can be looked up."""
    found = _REFERENCES.search(entry.scenario.text("why.md"))
    if found is None or "https://" not in found["body"]:
        yield "why.md", "add a section ## References with at least one https:// link"


def no_text_names_the_answer(entry: Entry) -> Iterator[tuple[str, str]]:
    """What is read before the fix holds no name that only the solution brings, and no command that changes anything."""
    names = _names_of_the_solution(entry)
    for file, text in _read_before(entry):
        for name in sorted(names & set(_WORD.findall(text))):
            yield file, f"names {name}, which exists only in solution/"
    for command in sorted({" ".join(found[0].split()) for found in _CHANGES.finditer(entry.scenario.text("task.md"))}):
        yield "task.md", f"tells what to type ({command} ...); say what must hold instead"


def _names_of_the_solution(entry: Entry) -> set[str]:
    there = {manifest["metadata"]["name"] for _, manifest in entry.manifests("setup")}
    people = {name for short, who in entry.scenario.identities.items() for name in (short, who.user, *who.groups)}
    return {manifest["metadata"]["name"] for _, manifest in entry.manifests("solution")} - there - people


def _read_before(entry: Entry) -> Iterator[tuple[str, str]]:
    scenario = entry.scenario
    yield "task.md", scenario.text("task.md")
    yield "hints.md", next(iter(hints(scenario)), "")
    yield "scenario.yaml", " ".join([scenario.metadata.title, *(check.title for check in scenario.spec.checks)])


def nothing_is_left_to_do(entry: Entry) -> Iterator[tuple[str, str]]:
    """What ``ckslab author new`` leaves for the author to write is marked."""
    folder = entry.scenario.folder
    top = ((path.name, path) for path in sorted(folder.iterdir()) if path.is_file())
    for name, path in (*top, *entry.files("setup", "solution", "cases", "files")):
        if count := path.read_text(encoding="utf-8", errors="replace").count("TODO"):
            yield name, f"{count} TODO left"
