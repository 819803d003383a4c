"""The rules of ``suite.yaml`` that no model can hold: they span its cases, the scenario's checks and its files.

What the cases do is not done here; every manifest that they apply is read, so that a broken one is found before a
control plane is started.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.documents import Document, at, mappings, twice
from ckslab_labs.scenario.manifests import manifest_files, read_manifests
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.scenario.problems import Findings, Report, key_path, unknown

PLAYED = ("solution", "cases", "setup", "files")
"""The folders from which an action may take a file."""

_LEARNERS_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


def check_suite(document: Document, scenario: Scenario, findings: Findings) -> None:
    """Note everything that is wrong with a suite beside its shape."""
    report = partial(findings.add, "suite.yaml")
    cases = mappings(document.get("cases"))
    for name in twice(case.get("name") for _, case in cases):
        report("cases", f'two cases have the name "{name}"')
    applied = [Path("setup")]
    for index, case in cases:
        where = key_path(document, ("cases", index))
        _check_expect(case, scenario, where, report)
        for number, action in mappings(case.get("do")):
            applied += _check_action(action, scenario, f"{where}.do[{number}]", report)
    for path in dict.fromkeys(applied):
        _check_manifests(scenario.folder, path, findings)


def _check_expect(case: Document, scenario: Scenario, where: str, report: Report) -> None:
    expect, ids = case.get("expect"), {check.id for check in scenario.spec.checks}
    if case.get("name") == "untouched" and case.get("do"):
        report(f"{where}.do", "the untouched start is played without any action; remove them")
    if expect == "passed" and not case.get("do"):
        report(f"{where}.expect", "an untouched start must not pass; name the checks that fail")
    if isinstance(expect, dict):
        for name in expect:
            if name not in ids:
                report(f"{where}.expect.{name}", unknown("check", name, ids))
        if "failed" not in expect.values():
            report(f"{where}.expect", "names no check that fails; write passed for a right fix")


def _check_action(action: Document, scenario: Scenario, where: str, report: Report) -> Iterator[Path]:
    """Yield what an action applies, if it is there."""
    identity = action.get("as")
    if isinstance(identity, str) and identity not in scenario.identities:
        report(f"{where}.as", unknown("identity", identity, scenario.identities))
    for verb in ("apply", "replace"):
        path = action.get(verb)
        if isinstance(path, str):
            if problem := _path_problem(scenario.folder, path):
                report(f"{where}.{verb}", problem)
            else:
                yield Path(path)
    source, target = at(action, "put-file", "from"), at(action, "put-file", "to")
    if isinstance(source, str) and (problem := _path_problem(scenario.folder, source, plain_file=True)):
        report(f"{where}.put-file.from", problem)
    if isinstance(target, str) and not _LEARNERS_FILE.fullmatch(target):
        report(f"{where}.put-file.to", f'must be a plain relative name such as answer.yaml, not "{target}"')


def _path_problem(folder: Path, path: str, plain_file: bool = False) -> str | None:
    """Why an action cannot use a path; it must stay inside the scenario's folder, and exist."""
    parts = PurePosixPath(path).parts
    if not parts or parts[0] not in PLAYED or ".." in parts:
        return f'must lie in {", ".join(f"{name}/" for name in PLAYED)}, not "{path}"'
    there = {str(each.relative_to(folder)) for name in PLAYED for each in (folder / name).rglob("*")}
    if len(parts) > 1 and str(PurePosixPath(path)) not in there:
        return unknown("file", path, there)
    if plain_file and not (folder / path).is_file():
        return f'"{path}" is a folder, not a file'
    return None


def _check_manifests(folder: Path, path: Path, findings: Findings) -> None:
    files = manifest_files(folder / path)
    if not files and not (folder / path / "files").is_dir():
        findings.add(f"{path}/", "", "holds no *.yaml to apply")
    for file in files:
        name = str(file.relative_to(folder))
        try:
            read_manifests(file, name)
        except InvalidInput as error:
            findings.add_error(name, error)
