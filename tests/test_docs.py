"""The documents are held to the project: what they link to, type and list must exist."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from ckslab_checker.probes import PROBES
from ckslab_labs.scenario.model import Action, Case, Check, IdentitySpec, Metadata, Spec
from ckslab_tui.cli.root import VERBS, ckslab

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md")))

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PRIVATE = (
    re.compile(r"(?<![\w.-])/(?:work|root|home)/"),  # a path of somebody's machine
    re.compile(r"\bshared[/]"),  # a folder that only the makers have
)


def tracked() -> list[Path]:
    """What git holds, or would hold after the next commit."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


def code_of(document: str) -> list[str]:
    """The lines and spans of a document that are set as code."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = "".join(FENCE.findall(text)).splitlines()
    return [*map(str.strip, blocks), *(" ".join(span.split()) for span in SPAN.findall(FENCE.sub("", text)))]


def typed(document: str, program: str) -> Iterator[list[str]]:
    """The words that follow a program's name, wherever a line of code begins with it."""
    for line in code_of(document):
        if found := re.match(rf"(?:\$ )?{program} ([a-z-].*)", line.partition(" #")[0]):
            yield shlex.split(found[1])


def anchors(document: Path) -> set[str]:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_into_the_project_leads_somewhere(document: str) -> None:
    broken = []
    for link in LINK.findall((ROOT / document).read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if not re.match(r"https?:", link) and not (target.exists() and (not anchor or anchor in anchors(target))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_a_document_types_exists_with_its_options(document: str) -> None:
    assert [wrong for words in typed(document, "ckslab") if (wrong := mistake(words))] == []


def mistake(words: list[str]) -> str | None:
    """What is wrong with the arguments of a command line of ours; options may stand after the verb only."""
    command: click.Command = ckslab
    for depth, word in enumerate(words):
        if isinstance(command, click.Group) and not word.startswith("-"):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return f"ckslab {' '.join(words[: depth + 1])}: no such command"
            command = found
    known = {"--help", "-h"} | {option for parameter in command.params for option in parameter.opts}
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in known]
    return f"ckslab {' '.join(words)}: no option {unknown[0]}" if unknown else None


def test_the_readme_names_every_verb() -> None:
    assert {words[0] for words in typed("README.md", "ckslab")} >= set(VERBS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_a_document_types_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {words[0] for words in typed(document, "make")} <= targets


@pytest.mark.parametrize("model", [Metadata, Spec, IdentitySpec, Check, Case, Action, *PROBES.values()])
def test_the_reference_of_the_format_names_every_key(model: type[BaseModel]) -> None:
    spans = set(code_of("docs/scenario-format.md"))
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert keys - spans - {"probe"} == set()


@pytest.mark.parametrize("kind", sorted(PROBES))
def test_the_reference_of_the_format_has_a_section_for_every_probe(kind: str) -> None:
    assert kind in anchors(ROOT / "docs/scenario-format.md")


def test_no_file_names_a_path_of_the_machine_it_was_made_on() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for pattern in PRIVATE for match in pattern.finditer(text)]
    assert found == []
