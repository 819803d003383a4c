"""Each rule has a sample that breaks it and nothing else; the sample is a good scenario with one change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ckslab_checker import author
from ckslab_checker.lint import RULES, Finding, lint, lint_folder, rule_name
from ckslab_checker.probes import PROBES
from ckslab_labs.scenario.loader import ScenarioProblems, load_scenario


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario in which there is nothing to find."""
    made = author.new(tmp_path, "sample")
    for path in made.rglob("*"):
        if path.is_file():
            path.write_text(path.read_text().replace("TODO: ", ""))
    return made


def change(file: str, old: str, new: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        path = folder / file
        assert old in path.read_text(), f"{file} holds no {old!r}"
        path.write_text(path.read_text().replace(old, new))

    return mutate


def add(file: str, text: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    return mutate


KEEPS_NOTHING = "    keeps: true\n"
POD = """
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: workshop}
spec: {nodeName: node-1, containers: [{name: web, image: "%s"%s}]}
"""
GOOD_IMAGE = "registry.k8s.io/pause:3.10.1"
OBJECT_CHECK = """
  - id: role-is-there
    title: The role is there
    why: It is a sample.
    keeps: true
    object: {because: "%s", kind: Role, name: team, namespace: workshop, exists: true}
"""
ROLE_IS_DELETED = change(
    "suite.yaml",
    "expect: {team-still-sees-pods: failed}",
    "expect: {team-still-sees-pods: failed, role-is-there: failed}",
)
DENIED_BY_RBAC = change(
    "scenario.yaml",
    "can-i: {as: tara, namespace: workshop, verbs: [get, list, watch], resources: [secrets], expect: denied}",
    "request: {as: tara, method: GET, path: /api/v1/namespaces/workshop/secrets, expect: denied-by-rbac}",
)


def both(*mutations: Callable[[Path], None]) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        for mutation in mutations:
            mutation(folder)

    return mutate


BROKEN = [
    pytest.param(
        "a-check-keeps",
        change("scenario.yaml", KEEPS_NOTHING, "    points: 1\n"),
        "scenario.yaml",
        "no check keeps; add one for the work that must go on, with keeps: true",
        id="a-check-keeps",
    ),
    pytest.param(
        "the-suite-is-complete",
        change("suite.yaml", "- name: untouched", "- name: start"),
        "suite.yaml",
        "no case untouched; add one that does nothing and names the checks that fail",
        id="no-untouched",
    ),
    pytest.param(
        "the-suite-is-complete",
        change("suite.yaml", "- name: reference", "- name: the-fix"),
        "suite.yaml",
        "no case reference that passes; add one with do: [{apply: solution/}] and expect: passed",
        id="no-reference",
    ),
    pytest.param(
        "the-suite-is-complete",
        change(
            "suite.yaml",
            "[{apply: solution/}]\n  expect: passed",
            "[{replace: cases/other-names.yaml}]\n  expect: passed",
        ),
        "suite.yaml",
        "no case reference that passes; add one with do: [{apply: solution/}] and expect: passed",
        id="reference-plays-something-else",
    ),
    pytest.param(
        "the-suite-is-complete",
        change(
            "suite.yaml",
            "- name: rule-removed\n  do:\n  - patch: {object: role/team -n workshop, type: json, "
            "patch: [{op: remove, path: /rules/1}]}\n  expect: passed\n",
            "",
        ),
        "suite.yaml",
        "1 right fixes beside the reference; at least 2 are needed",
        id="few-right-fixes",
    ),
    pytest.param(
        "the-suite-is-complete",
        change(
            "suite.yaml",
            "- name: only-get-removed\n  do:\n  - patch: {object: role/team -n workshop, type: json, "
            "patch: [{op: replace, path: /rules/1/verbs, value: [list, watch]}]}\n"
            "  expect: {team-cannot-read-secrets: failed}\n",
            "",
        ),
        "suite.yaml",
        "2 wrong fixes beside untouched; at least 3 are needed",
        id="few-wrong-fixes",
    ),
    pytest.param(
        "every-check-fails-and-passes",
        change("suite.yaml", ", nobody-gains-power: failed", ""),
        "suite.yaml",
        "nobody-gains-power fails in no case; add a wrong fix that it must catch",
        id="never-fails",
    ),
    pytest.param(
        "wrong-fixes-score-too-little",
        both(
            change("scenario.yaml", "points: 1", "points: 3"),
            add("scenario.yaml", OBJECT_CHECK.replace("keeps: true", "points: 1") % "nothing else can tell this here"),
            change("suite.yaml", "expect: {team-still-sees-pods: failed}", "expect: {role-is-there: failed}"),
            change(
                "suite.yaml", "nobody-gains-power: failed}", "nobody-gains-power: failed, team-still-sees-pods: failed}"
            ),
        ),
        "suite.yaml",
        "role-deleted is wrong and scores 3 of 4 points; give the checks that it fails more weight",
        id="wrong-fixes-score-too-little",
    ),
    pytest.param(
        "requires-what-its-probes-need",
        change("scenario.yaml", "requires: [api]", "requires: [nodes]"),
        "scenario.yaml",
        "team-cannot-read-secrets needs api; add it to spec.requires",
        id="requires-what-its-probes-need",
    ),
    pytest.param(
        "access-is-not-gained-elsewhere",
        both(
            change(
                "scenario.yaml",
                "    no-new-powers: {}\n",
                OBJECT_CHECK.split("keeps: true\n")[1] % "nothing else can tell here",
            ),
        ),
        "scenario.yaml",
        "team-cannot-read-secrets takes a power away; add a check with no-new-powers: {} and keeps: true",
        id="access-is-not-gained-elsewhere",
    ),
    pytest.param(
        "objects-are-the-last-resort",
        both(add("scenario.yaml", OBJECT_CHECK % "easier"), ROLE_IS_DELETED),
        "scenario.yaml",
        "role-is-there: because must say, in a sentence, why no effect can be asked for",
        id="objects-are-the-last-resort",
    ),
    pytest.param(
        "images-are-of-the-list",
        add("setup/access.yaml", POD % ("nginx:latest", "")),
        "setup/access.yaml",
        "the image nginx:latest is not in labs/ckslab_labs/images.yaml",
        id="image-of-the-setup",
    ),
    pytest.param(
        "images-are-of-the-list",
        add("solution/role.yaml", POD % (GOOD_IMAGE, ", imagePullPolicy: Always")),
        "solution/role.yaml",
        f"the image {GOOD_IMAGE} must be pulled IfNotPresent",
        id="pull-policy",
    ),
    pytest.param(
        "images-are-of-the-list",
        change(
            "suite.yaml",
            "patch: [{op: remove, path: /rules/1}]",
            "patch: [{op: remove, path: /rules/1, value: {containers: [{image: x}]}}]",
        ),
        "suite.yaml",
        "the image x is not in labs/ckslab_labs/images.yaml",
        id="image-of-a-patch",
    ),
    pytest.param(
        "every-file-is-used",
        add("cases/forgotten.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"),
        "cases/forgotten.yaml",
        "no case plays it; remove it, or add its case",
        id="every-file-is-used",
    ),
    pytest.param(
        "layers-are-asked-for",
        DENIED_BY_RBAC,
        "scenario.yaml",
        "team-cannot-read-secrets expects a layer that task.md does not ask for; expect denied",
        id="layers-are-asked-for",
    ),
    pytest.param(
        "hints-come-in-tiers",
        change("hints.md", "## What to do\n", ""),
        "hints.md",
        "at least 2 tiers are needed, each with a heading ## of its own",
        id="hints-come-in-tiers",
    ),
    pytest.param(
        "why-has-references",
        change("why.md", "## References", "## See also"),
        "why.md",
        "add a section ## References with at least one https:// link",
        id="no-references",
    ),
    pytest.param(
        "why-has-references",
        change("why.md", "https://", ""),
        "why.md",
        "add a section ## References with at least one https:// link",
        id="no-link",
    ),
    pytest.param(
        "no-text-names-the-answer",
        both(
            change("solution/role.yaml", "name: team\n", "name: pod-viewer\n"), add("task.md", "\nUse `pod-viewer`.\n")
        ),
        "task.md",
        "names pod-viewer, which exists only in solution/",
        id="a-name-in-the-task",
    ),
    pytest.param(
        "no-text-names-the-answer",
        both(
            change("solution/role.yaml", "name: team\n", "name: pod-viewer\n"),
            change("hints.md", "point, without", "see pod-viewer, without"),
        ),
        "hints.md",
        "names pod-viewer, which exists only in solution/",
        id="a-name-in-the-first-hint",
    ),
    pytest.param(
        "no-text-names-the-answer",
        add("task.md", "\nRun `kubectl -n workshop edit role team`.\n"),
        "task.md",
        "tells what to type (kubectl -n workshop edit ...); say what must hold instead",
        id="a-command-in-the-task",
    ),
    pytest.param(
        "nothing-is-left-to-do",
        add("why.md", "\nTODO: more.\n"),
        "why.md",
        "1 TODO left",
        id="nothing-is-left-to-do",
    ),
]


@pytest.mark.parametrize(("rule", "break_it", "file", "message"), BROKEN)
def test_a_rule_finds_what_its_sample_breaks(
    folder: Path, rule: str, break_it: Callable[[Path], None], file: str, message: str
) -> None:
    break_it(folder)
    assert Finding(rule, file, message) in lint(load_scenario(folder, PROBES))


def test_every_rule_has_a_sample() -> None:
    assert {rule_name(rule) for rule in RULES} == {str(parameters.values[0]) for parameters in BROKEN}


def test_there_is_nothing_to_find_in_a_good_scenario(folder: Path) -> None:
    assert lint_folder(folder) == []


@pytest.mark.parametrize(
    "break_it",
    [
        add("task.md", "\nAsk with `kubectl auth can-i create pods -n workshop --as=tara`, and `kubectl get role`.\n"),
        both(DENIED_BY_RBAC, add("task.md", "\nRBAC must deny it.\n")),
        both(
            change("solution/role.yaml", "name: team\n", "name: pod-viewer\n"),
            add("hints.md", "\nName it pod-viewer.\n"),
        ),
        add("setup/access.yaml", POD % (GOOD_IMAGE, ", imagePullPolicy: IfNotPresent")),
        both(add("scenario.yaml", OBJECT_CHECK % "nothing but the object can tell this"), ROLE_IS_DELETED),
    ],
)
def test_what_a_rule_allows_is_not_found(folder: Path, break_it: Callable[[Path], None]) -> None:
    break_it(folder)
    assert lint_folder(folder) == []


def test_all_findings_come_at_once(folder: Path) -> None:
    for mutation in (
        add("why.md", "\nTODO\n"),
        change("hints.md", "## What to do\n", ""),
        change("why.md", "## References", "## Links"),
    ):
        mutation(folder)
    assert [finding.rule for finding in lint_folder(folder)] == [
        "hints-come-in-tiers",
        "why-has-references",
        "nothing-is-left-to-do",
    ]


def test_a_folder_that_does_not_load_is_one_list_of_findings_too(folder: Path) -> None:
    change("scenario.yaml", "minutes: 5", "minutes: soon")(folder)
    (folder / "notes.txt").write_text("stray")
    findings = lint_folder(folder)
    assert {finding.rule for finding in findings} == {"format"}
    assert {finding.file for finding in findings} == {"scenario.yaml", "notes.txt"}


def test_a_suite_that_does_not_load_stops_the_lint(folder: Path) -> None:
    change("suite.yaml", "expect: passed", "expect: perhaps")(folder)
    scenario = load_scenario(folder, PROBES)
    with pytest.raises(ScenarioProblems):
        lint(scenario)


def test_a_finding_reads_as_one_line() -> None:
    assert str(Finding("some-rule", "task.md", "mend it")) == "task.md: mend it [some-rule]"
