import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster, binding, pod, role, rule

from ckslab_checker.answers import SUBJECTS_FORM, WrongForm, read_subjects
from ckslab_checker.context import Context, StartFacts
from ckslab_checker.outcome import Evidence
from ckslab_checker.principals import Subject
from ckslab_checker.probes.subjects import Subjects
from ckslab_labs.cluster.port import Identity

IDENTITIES = {"dana": Identity.of_user("dana", ("developers",))}
PROBE = Subjects(
    file="answer.yaml", verbs=("patch", "update"), resource="pods/ephemeralcontainers", namespace="production"
)
BOOTSTRAP = "kubernetes.io/bootstrapping=rbac-defaults"

PATCHER = role("patcher", rule("patch", "pods/ephemeralcontainers"), namespace="production")
UPDATER = role("updater", rule("update", "*/ephemeralcontainers"))
NARROW = role("narrow", rule("patch", "pods/ephemeralcontainers", names="web"), namespace="production")
LOOKS_LIKE_IT = role("looks-like-it", rule("create get", "pods/ephemeralcontainers"), rule("*", "pods pods/*"))
ALL = role("cluster-admin", rule("*", "*", groups="*"))
WORLD = [
    pod("web", "production"),
    PATCHER,
    UPDATER,
    NARROW,
    LOOKS_LIKE_IT,
    ALL,
    binding("patchers", PATCHER, "User dana", namespace="production"),
    binding("updaters", UPDATER, "Group support"),
    binding("narrow", NARROW, "ServiceAccount build/runner", namespace="production"),
    binding("harmless", LOOKS_LIKE_IT, "User eli", "Group developers", "ServiceAccount build/builder"),
    binding("elsewhere", UPDATER, "User stan", namespace="staging"),
    binding("cluster-admin", ALL, "Group system:masters", label=BOOTSTRAP),
    binding("collector", ALL, "ServiceAccount kube-system/generic-garbage-collector", label=BOOTSTRAP),
    binding("kubeadm:cluster-admins", ALL, "Group kubeadm:cluster-admins"),
    binding("agent", ALL, "ServiceAccount kube-system/agent"),
]
RIGHT = """
subjects:
- {kind: User, name: dana}
- {kind: Group, name: support}
- {kind: ServiceAccount, name: runner, namespace: build}
"""


def ask(
    tmp_path: Path, answer: str, world: list[dict[str, Any]] = WORLD, start: list[dict[str, Any]] | None = None
) -> list[Evidence]:
    (tmp_path / "answer.yaml").write_text(answer)
    facts = StartFacts(FakeCluster(start).rbac()) if start else None
    return PROBE.ask(Context(FakeCluster(world), IDENTITIES, tmp_path, facts, False, "seed"))


def observed(tmp_path: Path, answer: str, world: list[dict[str, Any]] = WORLD) -> list[str]:
    return [e.observed for e in ask(tmp_path, answer, world)]


def test_the_whole_truth_is_right(tmp_path: Path) -> None:
    assert ask(tmp_path, RIGHT) == [
        Evidence(
            "Is everyone named to whom a binding gives the right to patch or update "
            "pods/ephemeralcontainers in production?",
            "nobody is missing",
            "nobody is missing",
            met=True,
        ),
        Evidence(
            "May everyone who is named patch or update pods/ephemeralcontainers in production?",
            "everyone named may",
            "everyone named may",
            met=True,
        ),
    ]


def test_order_repetition_and_spelling_make_no_difference(tmp_path: Path) -> None:
    answer = """
subjects:
- {kind: user, name: "system:serviceaccount:build:runner"}
- {kind: Group, name: support, apiGroup: rbac.authorization.k8s.io}
- {kind: Group, name: support}
- {name: dana, kind: User, namespace: production}
"""
    assert [e.met for e in ask(tmp_path, answer)] == [True, True]


def test_who_is_missing_is_counted_but_not_named(tmp_path: Path) -> None:
    evidence = ask(tmp_path, "subjects: [{kind: User, name: dana}]")
    assert [(e.observed, e.met) for e in evidence] == [("2 of 3 missing", False), ("everyone named may", True)]
    assert not any(name in str(evidence) for name in ("support", "runner"))


def test_who_is_wrong_is_named(tmp_path: Path) -> None:
    answer = f"{RIGHT}- {{kind: User, name: eli}}\n- {{kind: ServiceAccount, name: builder, namespace: build}}\n"
    assert observed(tmp_path, answer) == ["nobody is missing", "User eli; ServiceAccount build/builder: may not"]


@pytest.mark.parametrize(
    "extra",
    [
        "{kind: Group, name: 'system:masters'}",
        "{kind: Group, name: 'kubeadm:cluster-admins'}",
        "{kind: ServiceAccount, name: generic-garbage-collector, namespace: kube-system}",
        "{kind: ServiceAccount, name: agent, namespace: kube-system}",
    ],
)
def test_the_clusters_own_subjects_are_neither_needed_nor_wrong(tmp_path: Path, extra: str) -> None:
    assert [e.met for e in ask(tmp_path, f"{RIGHT}- {extra}\n")] == [True, True]


def test_a_member_who_may_through_a_group_is_neither_needed_nor_wrong(tmp_path: Path) -> None:
    world = [*WORLD, binding("devs", PATCHER, "Group developers", namespace="production")]
    world.remove(binding("patchers", PATCHER, "User dana", namespace="production"))
    rest = RIGHT.replace("- {kind: User, name: dana}\n", "- {kind: Group, name: developers}\n")
    assert [e.met for e in ask(tmp_path, rest, world)] == [True, True]
    assert [e.met for e in ask(tmp_path, f"{rest}- {{kind: User, name: dana}}\n", world)] == [True, True]


def test_a_harmless_binding_of_somebody_who_may_through_a_group_is_not_needed(tmp_path: Path) -> None:
    world = [*WORLD, binding("all", PATCHER, "Group system:authenticated", namespace="production")]
    answer = f"{RIGHT}- {{kind: Group, name: 'system:authenticated'}}\n"
    assert [e.met for e in ask(tmp_path, answer, world)] == [True, True]


def test_naming_the_members_instead_of_the_group_is_not_enough(tmp_path: Path) -> None:
    world = [PATCHER, binding("accounts", PATCHER, "Group system:serviceaccounts:build", namespace="production")]
    answer = "subjects: [{kind: ServiceAccount, name: runner, namespace: build}]"
    assert observed(tmp_path, answer, world) == ["1 of 1 missing", "everyone named may"]
    answer = "subjects: [{kind: Group, name: 'system:serviceaccounts:build'}]"
    assert [e.met for e in ask(tmp_path, answer, world)] == [True, True]


def test_nobody_may_be_the_answer(tmp_path: Path) -> None:
    assert [e.met for e in ask(tmp_path, "subjects: []", [PATCHER])] == [True, True]


def test_a_label_that_only_looks_like_a_bootstrap_binding_hides_nobody(tmp_path: Path) -> None:
    labelled = binding("patchers", PATCHER, "User dana", namespace="production", label="kubernetes.io/other=x")
    assert observed(tmp_path, "subjects: []", [PATCHER, labelled])[0] == "1 of 1 missing"


def test_a_binding_that_became_one_of_the_clusters_own_hides_nobody(tmp_path: Path) -> None:
    plain = binding("patchers", PATCHER, "User dana", namespace="production")
    labelled = binding("patchers", PATCHER, "User dana", namespace="production", label=BOOTSTRAP)
    evidence = ask(tmp_path, "subjects: []", [PATCHER, labelled], start=[PATCHER, plain])
    assert [e.met for e in evidence] == [False, True]
    evidence = ask(tmp_path, "subjects: []", [PATCHER, labelled], start=[PATCHER, labelled])
    assert [e.met for e in evidence] == [True, True]


def test_a_right_to_what_does_not_exist_yet_is_neither_needed_nor_wrong(tmp_path: Path) -> None:
    world = [world_pod for world_pod in WORLD if world_pod["kind"] != "Pod"]
    assert [e.met for e in ask(tmp_path, RIGHT, world)] == [True, True]
    without = RIGHT.replace("- {kind: ServiceAccount, name: runner, namespace: build}\n", "")
    assert [e.met for e in ask(tmp_path, without, world)] == [True, True]
    assert [e.met for e in ask(tmp_path, without)] == [False, True]


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_missing_file_fails_and_says_so(tmp_path: Path) -> None:
    context = Context(FakeCluster(WORLD), IDENTITIES, tmp_path, None, False, "seed")
    assert PROBE.ask(context) == [
        Evidence("What does answer.yaml say?", SUBJECTS_FORM, "your file: answer.yaml is not there yet", met=False)
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it is empty. Write one YAML document into it."),
        ("- a", "write one list under the one key subjects"),
        ("subjects: {}", "write one list under the one key subjects"),
        ("subjects: []\nextra: 1", "write one list under the one key subjects"),
        ("subjects: [dana]", "subject 1: write kind and name"),
        ("subjects: [{kind: User}]", "subject 1: name must be text, and not empty"),
        ("subjects: [{kind: User, name: 1}]", "subject 1: name must be text, and not empty"),
        ("subjects: [{kind: User, name: ''}]", "subject 1: name must be text, and not empty"),
        ("subjects: [{kind: Role, name: x}]", "subject 1: the kind 'Role' is none of User, Group, ServiceAccount"),
        ("subjects: [{kind: ServiceAccount, name: x}]", "subject 1: a ServiceAccount needs its namespace"),
        ("subjects: [{kind: User, name: x, verb: get}]", "subject 1: verb means nothing here"),
        (f"subjects: [{'{kind: User, name: x}, ' * 101}]", "it lists more than 100 subjects"),
        ("#" * 70_000, "answer.yaml is larger than 64 KiB"),
    ],
)
def test_what_is_wrong_with_an_answer_file_is_said(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "answer.yaml"
    path.write_text(content)
    with pytest.raises(WrongForm) as caught:
        read_subjects(path)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"subjects: &a [*a]",
        b"subjects: !!python/object:os.system []",
        b"subjects: [{kind: User, name: \x1b]0;x\x07}]",
        b"subjects: [{kind: User, kind: Group, name: x}]",
        b"[" * 50_000,
    ],
)
def test_hostile_answer_files_are_refused_with_clean_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "answer.yaml"
    path.write_bytes(content)
    with pytest.raises(WrongForm) as caught:
        read_subjects(path)
    assert str(caught.value).isprintable()


def test_a_link_or_a_pipe_in_place_of_the_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("subjects: []")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(WrongForm):
            read_subjects(tmp_path / name)


def test_subjects_come_as_a_list_without_repetition(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("subjects: [{kind: User, name: a}, {kind: User, name: a}]")
    assert read_subjects(tmp_path / "a.yaml") == [Subject("User", "a")]


@pytest.mark.parametrize("change", [{"file": "../x"}, {"file": "a/b"}, {"verbs": ()}, {"resource": "PODS !"}])
def test_parameters_that_make_no_question_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Subjects(**{**PROBE.model_dump(), **change})
