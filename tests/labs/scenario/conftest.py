"""A small sound scenario, to be broken in one way per test, and fake kinds of probe: labs knows no real one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from ckslab_labs.scenario.model import ProbeSpec

FILES = {
    "scenario.yaml": """\
apiVersion: ckslab/v1
kind: Scenario
metadata:
  id: open-door
  title: Everybody reads the secrets
  domain: cluster-hardening
  competencies: [rbac]
  version: 1
spec:
  difficulty: warm-up
  minutes: 5
  requires: [api]
  identities:
    dana: {user: dana, groups: [developers]}
    runner: {serviceAccount: build/runner}
  checks:
  - id: secrets-closed
    title: Dana cannot read secrets
    why: They are not hers.
    points: 2
    can-i: {as: dana, verbs: [get], expect: denied}
  - id: pods-open
    title: Runner still reads pods
    why: A fix that stops the work is not a fix.
    keeps: true
    can-i: {as: [runner, dana], verbs: [get], expect: allowed}
""",
    "task.md": "# Task\n\nClose the door.\n",
    "hints.md": "# Hints\n\n## Look\n\nWho may?\n\n## Do\n\nTake it away.\n",
    "why.md": "# Why\n\nBecause.\n",
    "suite.yaml": """\
cases:
- name: untouched
  expect: {secrets-closed: failed}
- name: reference
  do: [{apply: solution/}]
  expect: passed
- name: everything-deleted
  do:
  - delete: role/reader -n default
  - {apply: cases/other.yaml, as: dana}
  - put-file: {from: cases/answer.txt, to: answer.yaml}
  expect: {pods-open: failed}
""",
    "setup/10-role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}\n",
    "solution/role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}\n",
    "cases/other.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other}\n",
    "cases/answer.txt": "subjects: []\n",
}

Change = Callable[[str, str, str], None]


class CanI(ProbeSpec):
    """Ask who may do what.

    As real ones do, it takes one name or several.
    """

    kind = "can-i"
    as_: str | tuple[str, ...] = Field(alias="as")
    verbs: tuple[str, ...] = Field(min_length=1)
    expect: Literal["allowed", "denied"]
    limit: int | None = Field(default=None, ge=1)


class NoNewPowers(ProbeSpec):
    """Ask whether anybody can do more than before."""

    kind = "no-new-powers"


@pytest.fixture
def probes() -> Mapping[str, type[ProbeSpec]]:
    return {probe.kind: probe for probe in (CanI, NoNewPowers)}


@pytest.fixture
def make_scenario() -> Callable[[Path], Path]:
    """Writes the sound scenario into a folder, whose name becomes its id."""

    def make(folder: Path) -> Path:
        for name, text in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text.replace("open-door", folder.name), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def good_scenario(tmp_path: Path, make_scenario: Callable[[Path], Path]) -> Path:
    return make_scenario(tmp_path / "open-door")


@pytest.fixture
def change(good_scenario: Path) -> Change:
    """Replaces a text that occurs once in a file of the sound scenario."""

    def replace(name: str, old: str, new: str) -> None:
        text = (good_scenario / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        (good_scenario / name).write_text(text.replace(old, new), encoding="utf-8")

    return replace
