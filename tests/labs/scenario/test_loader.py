"""A sound scenario is read; one changed in one way is refused in words that say what to mend."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ckslab_labs.cluster.port import Capability, Identity
from ckslab_labs.errors import ExitCode
from ckslab_labs.scenario.loader import ScenarioProblems, load_scenario
from ckslab_labs.scenario.model import ProbeSpec

Probes = Mapping[str, type[ProbeSpec]]
Change = Callable[[str, str, str], None]

NO_PROBE = "spec.checks[secrets-closed]: has no probe; give one of can-i, no-new-powers"
CAN_I = "can-i: {as: dana, verbs: [get], expect: denied}"


@pytest.fixture
def problems(good_scenario: Path, probes: Probes) -> Callable[[], list[str]]:
    """What is wrong with the scenario, one line each."""

    def read() -> list[str]:
        with pytest.raises(ScenarioProblems) as caught:
            load_scenario(good_scenario, probes)
        return [str(problem) for problem in caught.value.problems]

    return read


@pytest.fixture
def in_yaml(problems: Callable[[], list[str]]) -> Callable[[], list[str]]:
    """The same for scenario.yaml alone, without the file's name."""

    def read() -> list[str]:
        found = problems()
        assert all(line.startswith("scenario.yaml: ") for line in found)
        return [line.removeprefix("scenario.yaml: ") for line in found]

    return read


def test_a_sound_scenario_is_read(good_scenario: Path, probes: Probes) -> None:
    scenario = load_scenario(good_scenario, probes)
    assert scenario.id == "open-door"
    assert scenario.folder == good_scenario
    assert scenario.metadata.competencies == ("rbac",)
    assert scenario.spec.requires == (Capability.API,)
    assert scenario.identities["runner"] == Identity.of_service_account("build", "runner")
    assert [check.id for check in scenario.spec.checks] == ["secrets-closed", "pods-open"]
    assert scenario.max_points == 2


def test_each_check_gets_the_probe_that_its_key_names(good_scenario: Path, probes: Probes) -> None:
    first, second = load_scenario(good_scenario, probes).spec.checks
    assert first.probe.model_dump(by_alias=True) == {"as": "dana", "verbs": ("get",), "expect": "denied", "limit": None}
    assert second.probe.model_dump(by_alias=True)["as"] == ("runner", "dana")


def test_a_scenario_of_a_pack_has_the_pack_in_its_id(good_scenario: Path, probes: Probes) -> None:
    assert load_scenario(good_scenario, probes, "workshop").id == "workshop/open-door"


def test_a_scenario_is_read_through_a_relative_path(
    good_scenario: Path, probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good_scenario)
    assert load_scenario(Path(), probes).folder == good_scenario


def test_all_problems_are_told_at_once(good_scenario: Path, probes: Probes, change: Change) -> None:
    (good_scenario / "why.md").unlink()
    (good_scenario / "hint.md").write_text("x")
    change("scenario.yaml", "title: Everybody", "titel: Everybody")
    change("scenario.yaml", "minutes: 5", "minutes: 500")
    change("scenario.yaml", "domain: cluster-hardening", "domain: cluster-hardning")
    change("scenario.yaml", CAN_I, CAN_I.replace("can-i", "can-y"))
    with pytest.raises(ScenarioProblems) as caught:
        load_scenario(good_scenario, probes)
    assert caught.value.exit_code is ExitCode.USAGE
    assert str(caught.value) == (
        f"cannot read the scenario {good_scenario}: 7 problems\n"
        "  why.md: is missing\n"
        '  hint.md: may not be in a scenario folder; did you mean "hints.md"?\n'
        '  scenario.yaml: spec.checks[secrets-closed].can-y: unknown kind of probe "can-y"; did you mean "can-i"?\n'
        "  scenario.yaml: metadata.title: is missing\n"
        '  scenario.yaml: metadata.titel: unknown key "titel"; did you mean "title"?\n'
        "  scenario.yaml: spec.minutes: must be 60 or less, not 500\n"
        '  scenario.yaml: metadata.domain: unknown domain "cluster-hardning"; did you mean "cluster-hardening"?\n'
        "Mend the files, then try again."
    )


# the folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, probes: Probes) -> None:
    with pytest.raises(ScenarioProblems) as caught:
        load_scenario(tmp_path / "nowhere", probes)
    message = f"cannot read the scenario {tmp_path}/nowhere: 1 problem\n  .: is not a folder\n"
    assert str(caught.value) == f"{message}Mend the files, then try again."


def test_an_empty_folder_names_everything_that_belongs_there(tmp_path: Path, probes: Probes) -> None:
    with pytest.raises(ScenarioProblems) as caught:
        load_scenario(tmp_path, probes)
    assert [problem.file for problem in caught.value.problems] == [
        *("scenario.yaml", "task.md", "hints.md", "why.md", "suite.yaml", "setup/", "solution/"),
    ]
    assert {problem.message for problem in caught.value.problems} == {"is missing"}


def test_a_stray_file_is_refused(good_scenario: Path, problems: Callable[[], list[str]]) -> None:
    (good_scenario / "notes.txt").write_text("x")
    assert problems() == [
        "notes.txt: may not be in a scenario folder; only these may: scenario.yaml, task.md, hints.md, why.md, "
        "suite.yaml, setup/, solution/, cases/, files/, node/"
    ]


def test_a_hidden_file_is_stray_too(good_scenario: Path, problems: Callable[[], list[str]]) -> None:
    (good_scenario / ".suite.yaml.swp").write_text("x")
    assert problems() == ['.suite.yaml.swp: may not be in a scenario folder; did you mean "suite.yaml"?']


def test_a_file_that_setup_would_not_apply_is_refused(good_scenario: Path, problems: Callable[[], list[str]]) -> None:
    (good_scenario / "setup" / "20-pod.yml").write_text("x")
    (good_scenario / "solution" / "more").mkdir()
    assert problems() == [
        "setup/20-pod.yml: is not read; manifests end in .yaml",
        "solution/more/: is not read; manifests lie in solution/ itself",
    ]


def test_a_solution_may_hold_learners_files(good_scenario: Path, probes: Probes) -> None:
    (good_scenario / "solution" / "files").mkdir()
    (good_scenario / "solution" / "files" / "audit.conf").write_text("x")
    assert load_scenario(good_scenario, probes).id == "open-door"


def test_an_empty_setup_is_refused(good_scenario: Path, problems: Callable[[], list[str]]) -> None:
    (good_scenario / "setup" / "10-role.yaml").unlink()
    assert problems() == ["setup/: holds nothing that is read"]


def test_a_file_in_place_of_a_folder_is_refused(good_scenario: Path, problems: Callable[[], list[str]]) -> None:
    (good_scenario / "files").write_text("x")
    assert problems() == ["files: must be a folder"]


def test_a_folder_in_place_of_a_file_is_refused(good_scenario: Path, problems: Callable[[], list[str]]) -> None:
    (good_scenario / "scenario.yaml").unlink()
    (good_scenario / "scenario.yaml").mkdir()
    assert problems() == ["scenario.yaml: must be a plain file"]


@pytest.mark.parametrize("name", ["task.md", "scenario.yaml", "setup/20-secret.yaml", "cases"])
def test_a_symbolic_link_is_refused_wherever_it_leads(
    name: str, good_scenario: Path, tmp_path: Path, problems: Callable[[], list[str]]
) -> None:
    target = tmp_path / "elsewhere"
    if (good_scenario / name).exists():
        (good_scenario / name).rename(target)
    (good_scenario / name).symlink_to(target)
    assert problems() == [f"{name}: symbolic links are not followed; put the file itself there"]


def test_a_link_to_a_scenario_folder_is_refused(good_scenario: Path, tmp_path: Path, probes: Probes) -> None:
    (tmp_path / "link").symlink_to(good_scenario)
    with pytest.raises(ScenarioProblems, match=r"\.: is not a folder"):
        load_scenario(tmp_path / "link", probes)


def test_a_pipe_is_refused_and_not_waited_for(good_scenario: Path, problems: Callable[[], list[str]]) -> None:
    (good_scenario / "scenario.yaml").unlink()
    os.mkfifo(good_scenario / "scenario.yaml")
    os.mkfifo(good_scenario / "cases" / "pipe")
    assert problems() == ["cases/pipe: must be a plain file", "scenario.yaml: must be a plain file"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"# Hints\n", 'holds no hint; start each with a heading "## ..."'),
        (b"## A\n\xff", "byte 6 is not UTF-8. Save it as UTF-8 text."),
        (b"## A\n\x1b[2J", "line 2: it holds the control character '\\x1b'. Remove it."),
        (b"## A\n" + b"x" * 2**21, "it is larger than 2048 KiB. Split it, or shorten it."),
    ],
)
def test_a_text_that_cannot_be_shown_is_refused(
    content: bytes, message: str, good_scenario: Path, problems: Callable[[], list[str]]
) -> None:
    (good_scenario / "hints.md").write_bytes(content)
    assert problems() == [f"hints.md: {message}"]


# scenario.yaml ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty. Write one YAML document into it."),
        ("- a\n", "must be a mapping"),
        ("a: 1\na: 2\n", 'line 2, column 1: the key "a" stands here again, first in line 1. Keep one of the two.'),
        ("[" * 20_000, "line 1, column 41: lists and mappings are nested more than 40 deep. Flatten the structure."),
    ],
)
def test_what_is_not_plain_yaml_is_refused(
    text: str, message: str, good_scenario: Path, problems: Callable[[], list[str]]
) -> None:
    (good_scenario / "scenario.yaml").write_text(text)
    assert problems() == [f"scenario.yaml: {message}"]


def test_an_empty_mapping_names_every_missing_key(good_scenario: Path, in_yaml: Callable[[], list[str]]) -> None:
    (good_scenario / "scenario.yaml").write_text("{}")
    assert in_yaml() == [
        "apiVersion: is missing",
        "kind: is missing",
        "metadata: is missing",
        "spec: is missing",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ckslab/v1", "ckslab/v2", ['apiVersion: must be "ckslab/v1", not "ckslab/v2"']),
        ("kind: Scenario", "kind: Lab", ['kind: must be "Scenario", not "Lab"']),
        ("id: open-door", "id: shut-door", ['metadata.id: must be the folder\'s name, "open-door", not "shut-door"']),
        (
            "id: open-door",
            "id: Open Door",
            [
                'metadata.id: must be lower-case letters, digits and "-", at most 63, not "Open Door"',
                'metadata.id: must be the folder\'s name, "open-door", not "Open Door"',
            ],
        ),
        ("title: Everybody reads the secrets", "title: 1.3", ["metadata.title: must be text, not 1.3"]),
        ("title: Everybody reads the secrets", "title:", ["metadata.title: must be text, not nothing"]),
        ("title: Everybody reads the secrets", "title: ''", ['metadata.title: must not be empty, not ""']),
        (
            "[rbac]",
            "[rback, rbac]",
            ['metadata.competencies: unknown competency "rback"; did you mean "rbac"?'],
        ),
        ("[rbac]", "rbac", ['metadata.competencies: must be a list, not "rbac"']),
        ("[rbac]", "[]", ["metadata.competencies: must not be empty, not an empty list"]),
        ("[rbac]", "[1]", ["metadata.competencies[0]: must be text, not 1"]),
        ("version: 1", "version: 0", ["metadata.version: must be 1 or more, not 0"]),
        ("version: 1", "version: true", ["metadata.version: must be a whole number, not true"]),
        ("version: 1", 'version: "1"', ['metadata.version: must be a whole number, not "1"']),
        (
            "difficulty: warm-up",
            "difficulty: easy",
            ['spec.difficulty: must be "warm-up", "exam" or "hard", not "easy"'],
        ),
        (
            "requires: [api]",
            "requires: [nodez]",
            [
                'spec.requires[0]: must be "api", "controllers", "nodes", "control-plane-files", "audit", "kubelet" '
                'or "network-policy", not "nodez"'
            ],
        ),
        (
            "identities:",
            "identites:",
            [
                'spec.identites: unknown key "identites"; did you mean "identities"?',
                'spec.checks[secrets-closed].can-i.as: unknown identity "dana"; known here: none',
                'spec.checks[pods-open].can-i.as: unknown identity "runner"; known here: none',
                'spec.checks[pods-open].can-i.as: unknown identity "dana"; known here: none',
            ],
        ),
        (
            "{user: dana, groups: [developers]}",
            "{user: dana, group: [developers]}",
            ['spec.identities.dana.group: unknown key "group"; did you mean "groups"?'],
        ),
        (
            "{user: dana, groups: [developers]}",
            "{groups: [developers]}",
            ["spec.identities.dana: give either user (with groups) or serviceAccount"],
        ),
        (
            "{serviceAccount: build/runner}",
            "{serviceAccount: runner}",
            ['spec.identities.runner.serviceAccount: must be namespace/name, not "runner"'],
        ),
        (
            "{serviceAccount: build/runner}",
            "{service_account: build/runner}",
            [
                'spec.identities.runner.service_account: unknown key "service_account"; did you mean "serviceAccount"?',
            ],
        ),
        (
            "    dana: {user",
            "    Dana Doe: {user: d}\n    dana: {user",
            ['spec.identities.Dana Doe: must be lower-case letters, digits and "-", at most 63, not "Dana Doe"'],
        ),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(
    old: str, new: str, expected: list[str], change: Change, in_yaml: Callable[[], list[str]]
) -> None:
    change("scenario.yaml", old, new)
    assert in_yaml() == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "points: 2",
            "poinst: 2",
            [
                'spec.checks[secrets-closed].poinst: unknown key "poinst"; did you mean "points"?',
                "spec.checks[secrets-closed]: give points, or keeps: true",
            ],
        ),
        ("points: 2", "keeps: true\n    points: 2", ["spec.checks[secrets-closed]: a check that keeps has no points"]),
        ("    why: They are not hers.\n", "", ["spec.checks[secrets-closed].why: is missing"]),
        (
            "id: pods-open",
            "id: secrets-closed",
            ['spec.checks: two checks have the id "secrets-closed"'],
        ),
        (f"    {CAN_I}\n", "", [NO_PROBE]),
        (
            CAN_I,
            f"{CAN_I}\n    no-new-powers: {{}}",
            ["spec.checks[secrets-closed]: has 2 probes (can-i, no-new-powers); a check has exactly one"],
        ),
        (
            CAN_I,
            "no-new-power: {}",
            [
                'spec.checks[secrets-closed].no-new-power: unknown kind of probe "no-new-power"; '
                'did you mean "no-new-powers"?'
            ],
        ),
        (
            CAN_I,
            "shell: {}",
            ['spec.checks[secrets-closed].shell: unknown kind of probe "shell"; known here: can-i, no-new-powers'],
        ),
        (
            CAN_I,
            f"{CAN_I}\n    probe: {{}}",
            [
                'spec.checks[secrets-closed].probe: unknown key "probe"; known here: id, keeps, points, title, why',
            ],
        ),
        (CAN_I, "can-i:", ["spec.checks[secrets-closed].can-i: must be a mapping, not nothing"]),
        (
            "as: dana, verbs: [get]",
            "as: dan, verbs: [get]",
            ['spec.checks[secrets-closed].can-i.as: unknown identity "dan"; did you mean "dana"?'],
        ),
        (
            "as: [runner, dana]",
            "as: [runner, olga]",
            ['spec.checks[pods-open].can-i.as: unknown identity "olga"; known here: dana, runner'],
        ),
        (
            "as: dana, verbs",
            "as: 7, verbs",
            ["spec.checks[secrets-closed].can-i.as: must be text or a list, not 7"],
        ),
        ("[runner, dana]", "[runner, 7]", ["spec.checks[pods-open].can-i.as[1]: must be text, not 7"]),
        (
            "as: dana, verbs: [get]",
            "as: dana, verb: [get]",
            [
                "spec.checks[secrets-closed].can-i.verbs: is missing",
                'spec.checks[secrets-closed].can-i.verb: unknown key "verb"; did you mean "verbs"?',
            ],
        ),
        (
            "as: dana, verbs: [get]",
            "as: dana, verbs: []",
            ["spec.checks[secrets-closed].can-i.verbs: must not be empty, not an empty list"],
        ),
        (
            "expect: denied",
            "expect: refused",
            ['spec.checks[secrets-closed].can-i.expect: must be "allowed" or "denied", not "refused"'],
        ),
        (
            "expect: denied",
            "expect: denied, limit: 0",
            ["spec.checks[secrets-closed].can-i.limit: must be 1 or more, not 0"],
        ),
        (
            "expect: denied",
            "expect: denied, as_: dana",
            ['spec.checks[secrets-closed].can-i.as_: unknown key "as_"; did you mean "as"?'],
        ),
    ],
)
def test_a_wrong_check_is_refused_by_its_id(
    old: str, new: str, expected: list[str], change: Change, in_yaml: Callable[[], list[str]]
) -> None:
    change("scenario.yaml", old, new)
    assert in_yaml() == expected


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ("checks: []", ["spec.checks: must not be empty, not an empty list"]),
        ("checks: {}", ["spec.checks: must be a list, not an empty mapping"]),
        ("checks: [1]", ["spec.checks[0]: must be a mapping, not 1"]),
        ("checks:", ["spec.checks: must be a list, not nothing"]),
    ],
)
def test_checks_of_another_shape_are_refused(
    checks: str, expected: list[str], good_scenario: Path, in_yaml: Callable[[], list[str]]
) -> None:
    path = good_scenario / "scenario.yaml"
    path.write_text(path.read_text().split("  checks:")[0] + f"  {checks}\n")
    assert in_yaml() == expected
