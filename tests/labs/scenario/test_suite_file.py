"""A suite's own rules: what its cases name must exist, and an untouched start must not pass."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ckslab_labs.scenario.loader import ScenarioProblems, load_scenario, load_suite
from ckslab_labs.scenario.model import ProbeSpec, Scenario

Change = Callable[[str, str, str], None]
Read = Callable[[], list[str]]

DELETED = "cases[everything-deleted]"


@pytest.fixture
def scenario(good_scenario: Path, probes: Mapping[str, type[ProbeSpec]]) -> Scenario:
    return load_scenario(good_scenario, probes)


@pytest.fixture
def problems(scenario: Scenario) -> Read:
    def read() -> list[str]:
        with pytest.raises(ScenarioProblems) as caught:
            load_suite(scenario)
        return [str(problem) for problem in caught.value.problems]

    return read


def test_a_sound_suite_is_read(scenario: Scenario) -> None:
    untouched, reference, deleted = load_suite(scenario).cases
    assert (untouched.name, untouched.right, untouched.do) == ("untouched", False, ())
    assert (reference.name, reference.right) == ("reference", True)
    assert deleted.expect == {"pods-open": "failed"}
    assert deleted.do[0].delete == "role/reader -n default"
    assert (deleted.do[1].apply, deleted.do[1].as_) == ("cases/other.yaml", "dana")
    assert deleted.do[2].put_file == {"from": "cases/answer.txt", "to": "answer.yaml"}


def test_a_patch_is_read_whatever_it_holds(scenario: Scenario, change: Change) -> None:
    patch = "patch: {object: role/reader, type: json, patch: [{op: remove, path: /rules/0}], subresource: status}"
    change("suite.yaml", "apply: solution/", patch)
    assert load_suite(scenario).cases[1].do[0].patch == {
        "object": "role/reader",
        "type": "json",
        "patch": [{"op": "remove", "path": "/rules/0"}],
        "subresource": "status",
    }


def test_a_missing_suite_is_told(good_scenario: Path, problems: Read) -> None:
    (good_scenario / "suite.yaml").unlink()
    assert problems() == ["suite.yaml: no such file or directory. Put a readable file there."]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("cases:", "case:", ["cases: is missing", 'case: unknown key "case"; did you mean "cases"?']),
        ("name: everything-deleted", "name: reference", ['cases: two cases have the name "reference"']),
        (
            "name: reference",
            "nam: reference",
            ["cases[1].name: is missing", 'cases[1].nam: unknown key "nam"; did you mean "name"?'],
        ),
        (
            "{secrets-closed: failed}",
            "{secret-closed: failed}",
            ['cases[untouched].expect.secret-closed: unknown check "secret-closed"; did you mean "secrets-closed"?'],
        ),
        (
            "{secrets-closed: failed}",
            "{secrets-closed: error}",
            [
                'cases[untouched].expect.secrets-closed: must be "passed" or "failed", not "error"',
                "cases[untouched].expect: names no check that fails; write passed for a right fix",
            ],
        ),
        (
            "{secrets-closed: failed}",
            "{secrets-closed: passed}",
            ["cases[untouched].expect: names no check that fails; write passed for a right fix"],
        ),
        (
            "{secrets-closed: failed}",
            "passed",
            ["cases[untouched].expect: an untouched start must not pass; name the checks that fail"],
        ),
        ("expect: passed", "expect: passd", ['cases[reference].expect: must be "passed" or a mapping, not "passd"']),
        ("expect: passed", "expect: [passed]", ['cases[reference].expect: must be "passed" or a mapping, not a list']),
        (
            "  expect: {secrets-closed: failed}",
            "  expect: {secrets-closed: failed}\n  do: [{apply: solution/}]",
            ["cases[untouched].do: the untouched start is played without any action; remove them"],
        ),
        ("as: dana", "as: dan", [f'{DELETED}.do[1].as: unknown identity "dan"; did you mean "dana"?']),
        (
            "apply: cases/other.yaml",
            "aply: cases/other.yaml",
            [
                f'{DELETED}.do[1].aply: unknown key "aply"; did you mean "apply"?',
            ],
        ),
        (
            "{apply: cases/other.yaml, as: dana}",
            "{as: dana}",
            [f"{DELETED}.do[1]: give exactly one of apply, replace, delete, patch, put-file, node-file"],
        ),
        (
            "{apply: cases/other.yaml, as: dana}",
            "{apply: cases/other.yaml, replace: cases/other.yaml}",
            [f"{DELETED}.do[1]: give exactly one of apply, replace, delete, patch, put-file, node-file"],
        ),
        (
            "apply: cases/other.yaml",
            "apply: cases/othr.yaml",
            [f'{DELETED}.do[1].apply: unknown file "cases/othr.yaml"; did you mean "cases/other.yaml"?'],
        ),
        (
            "apply: cases/other.yaml",
            "replace: cases/../../other.yaml",
            [f'{DELETED}.do[1].replace: must lie in solution/, cases/, setup/, files/, not "cases/../../other.yaml"'],
        ),
        (
            "apply: cases/other.yaml",
            "apply: /etc/passwd",
            [f'{DELETED}.do[1].apply: must lie in solution/, cases/, setup/, files/, not "/etc/passwd"'],
        ),
        (
            "delete: role/reader -n default",
            "delete: role reader",
            [f'{DELETED}.do[0].delete: must be kind/name, with -n namespace where it has one, not "role reader"'],
        ),
        (
            "delete: role/reader -n default",
            "patch: {object: role/reader, type: merge, patch: text}",
            [f'{DELETED}.do[0].patch.patch: must be a mapping or a list, not "text"'],
        ),
        (
            "delete: role/reader -n default",
            "patch: {object: role/reader, tipe: merge, patch: {}}",
            [
                f"{DELETED}.do[0].patch.type: is missing",
                f'{DELETED}.do[0].patch.tipe: unknown key "tipe"; did you mean "type"?',
            ],
        ),
        (
            "from: cases/answer.txt",
            "from: cases",
            [f'{DELETED}.do[2].put-file.from: "cases" is a folder, not a file'],
        ),
        (
            "to: answer.yaml",
            "to: ../answer.yaml",
            [f'{DELETED}.do[2].put-file.to: must be a plain relative name such as answer.yaml, not "../answer.yaml"'],
        ),
        (
            "to: answer.yaml",
            "too: answer.yaml",
            [
                f"{DELETED}.do[2].put-file.to: is missing",
                f'{DELETED}.do[2].put-file.too: unknown key "too"; did you mean "to"?',
            ],
        ),
    ],
)
def test_a_wrong_suite_is_refused_where_it_is_wrong(
    old: str, new: str, expected: list[str], change: Change, problems: Read
) -> None:
    change("suite.yaml", old, new)
    assert problems() == [f"suite.yaml: {line}" for line in expected]


def test_every_manifest_that_is_applied_is_read(good_scenario: Path, problems: Read) -> None:
    (good_scenario / "setup" / "20-pod.yaml").write_text("kind: Pod\n")
    (good_scenario / "cases" / "other.yaml").write_text("a: &x 1\n")
    assert problems() == [
        "setup/20-pod.yaml: document 1 has no apiVersion. A manifest needs apiVersion, kind and metadata.name as text.",
        "cases/other.yaml: line 1, column 4: anchors and aliases are not read here (&x). "
        "Write the value out where it is needed.",
    ]


def test_an_empty_folder_cannot_be_applied(good_scenario: Path, change: Change, problems: Read) -> None:
    (good_scenario / "cases" / "empty").mkdir()
    change("suite.yaml", "apply: solution/", "apply: cases/empty/")
    assert problems() == ["cases/empty/: holds nothing to apply"]


def test_a_folder_with_nothing_but_learners_files_can_be_applied(
    good_scenario: Path, change: Change, scenario: Scenario
) -> None:
    (good_scenario / "cases" / "answers" / "files").mkdir(parents=True)
    (good_scenario / "cases" / "answers" / "files" / "answer.yaml").write_text("subjects: []\n")
    change("suite.yaml", "apply: solution/", "apply: cases/answers/")
    assert load_suite(scenario).cases[1].do[0].apply == "cases/answers/"


def test_a_manifest_in_a_sub_folder_of_a_case_is_read_too(good_scenario: Path, change: Change, problems: Read) -> None:
    (good_scenario / "cases" / "both" / "more").mkdir(parents=True)
    (good_scenario / "cases" / "both" / "more" / "x.yaml").write_text("a: NO")
    change("suite.yaml", "apply: solution/", "apply: cases/both")
    assert problems() == [
        "cases/both/more/x.yaml: line 1, column 4: NO can be read in more than one way. Put it in quotes if it is "
        "text; write numbers plainly (42, 1.5), and true, false or null in full."
    ]
