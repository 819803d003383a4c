"""The rules of ``suite.yaml`` that no model can hold: they span its cases, the scenario's checks and its files.

What the cases do is not done here; every manifest that they apply is read, so that a broken one is found before a
control plane is started.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.documents import Document, at, mappings, twice
from ckslab_labs.scenario.folder import NODE_FILES
from ckslab_labs.scenario.manifests import read_manifests
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.scenario.problems import Findings, Report, key_path, unknown

PLAYED = ("solution", "cases", "setup", "files")
"""The folders from which an action may take a file."""

_LEARNERS_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


def check_suite(document: Document, scenario: Scenario, findings: Findings) -> None:
    """Note everything that is wrong with a suite beside its shape."""
    rules = _Rules(scenario, partial(findings.add, "suite.yaml"), _files_of(scenario.folder))
    cases = mappings(document.get("cases"))
    for name in twice(case.get("name") for _, case in cases):
        rules.report("cases", f'two cases have the name "{name}"')
    applied = [Path("setup")]
    for index, case in cases:
        where = key_path(document, ("cases", index))
        rules.check_expect(case, where)
        for number, action in mappings(case.get("do")):
            applied += rules.check_action(action, f"{where}.do[{number}]")
    for path in dict.fromkeys(applied):
        _check_manifests(scenario.folder, path, findings)


@dataclass(frozen=True)
class _Rules:
    """The rules for one case and for one action; ``where`` is its key path."""

    scenario: Scenario
    report: Report
    there: frozenset[str]
    """The files and folders that an action may name."""

    def check_expect(self, case: Document, where: str) -> None:
        expect, ids = case.get("expect"), {check.id for check in self.scenario.spec.checks}
        if case.get("name") == "untouched" and case.get("do"):
            self.report(f"{where}.do", "the untouched start is played without any action; remove them")
        if expect == "passed" and not case.get("do"):
            self.report(f"{where}.expect", "an untouched start must not pass; name the checks that fail")
        if isinstance(expect, dict):
            for name in expect:
                if name not in ids:
                    self.report(f"{where}.expect.{name}", unknown("check", name, ids))
            if "failed" not in expect.values():
                self.report(f"{where}.expect", "names no check that fails; write passed for a right fix")

    def check_action(self, action: Document, where: str) -> Iterator[Path]:
        """Yield what an action applies, if it is there."""
        identity = action.get("as")
        if isinstance(identity, str) and identity not in self.scenario.identities:
            self.report(f"{where}.as", unknown("identity", identity, self.scenario.identities))
        for verb in ("apply", "replace"):
            path = action.get(verb)
            if isinstance(path, str) and self._may_name(path, f"{where}.{verb}"):
                yield Path(path)
        source, target = at(action, "put-file", "from"), at(action, "put-file", "to")
        if isinstance(source, str):
            self._may_name(source, f"{where}.put-file.from", plain_file=True)
        if isinstance(onto := at(action, "node-file", "from"), str):
            self._may_name(onto, f"{where}.node-file.from", plain_file=True)
        if isinstance(target, str) and not _LEARNERS_FILE.fullmatch(target):
            message = f'must be a plain relative name such as answer.yaml, not "{target}"'
            self.report(f"{where}.put-file.to", message)

    def _may_name(self, path: str, where: str, plain_file: bool = False) -> bool:
        """Whether a path stays inside the folders that are played, and leads somewhere; says so if not."""
        parts = PurePosixPath(path).parts
        if not parts or parts[0] not in PLAYED or ".." in parts:
            problem = f'must lie in {", ".join(f"{name}/" for name in PLAYED)}, not "{path}"'
        elif str(PurePosixPath(path)) not in self.there:
            problem = unknown("file", path, self.there)
        elif plain_file and not (self.scenario.folder / path).is_file():
            problem = f'"{path}" is a folder, not a file'
        else:
            return True
        self.report(where, problem)
        return False


def _files_of(folder: Path) -> frozenset[str]:
    roots = [folder / name for name in PLAYED if (folder / name).is_dir()]
    return frozenset(str(each.relative_to(folder)) for root in roots for each in (root, *root.rglob("*")))


def _check_manifests(folder: Path, path: Path, findings: Findings) -> None:
    """Read what playing a path would apply; what lies under ``files/`` or ``node/`` is a file, and not applied."""
    root = folder / path
    files = [each for each in sorted(root.rglob("*")) if each.is_file()] if root.is_dir() else [root]
    if not files:
        findings.add(f"{path}/", "", "holds nothing to apply")
    for file in files:
        name = file.relative_to(folder)
        if {"files", NODE_FILES} & set(name.parts) or (file.suffix != ".yaml" and file != root):
            continue
        try:
            read_manifests(file, str(name))
        except InvalidInput as error:
            findings.add_error(str(name), error)
