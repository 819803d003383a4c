import pytest

from ckslab_checker.principals import Subject, alone, as_seen, bound_accounts, own_accounts, subjects_of
from ckslab_labs.cluster.port import Identity

DANA = Identity.of_user("dana", ("developers",))


def test_a_service_account_named_as_a_user_is_the_service_account() -> None:
    assert Subject.of("User", "system:serviceaccount:build:runner") == Subject("ServiceAccount", "runner", "build")
    assert Subject.of("ServiceAccount", "system:serviceaccount:build:runner") == Subject.of(
        "ServiceAccount", "runner", "build"
    )


def test_a_name_that_only_begins_like_a_service_account_stays_a_user() -> None:
    assert Subject.of("User", "system:serviceaccount:build") == Subject("User", "system:serviceaccount:build")


def test_the_namespace_of_a_user_or_group_means_nothing() -> None:
    assert Subject.of("Group", "developers", "production") == Subject("Group", "developers")


def test_a_binding_without_subjects_names_nobody() -> None:
    assert subjects_of({"subjects": None}) == []
    assert subjects_of({}) == []


@pytest.mark.parametrize(
    ("subject", "identity", "named"),
    [
        (Subject("User", "dana"), DANA, True),
        (Subject("Group", "dana"), DANA, False),
        (Subject("Group", "developers"), DANA, True),
        (Subject("Group", "system:authenticated"), DANA, True),
        (Subject("ServiceAccount", "runner", "build"), Identity.of_service_account("build", "runner"), True),
        (Subject("ServiceAccount", "runner", "test"), Identity.of_service_account("build", "runner"), False),
        (Subject("Group", "system:serviceaccounts:build"), Identity.of_service_account("build", "runner"), True),
        (Subject("User", "system:anonymous"), Identity.anonymous(), True),
    ],
)
def test_a_binding_applies_to_those_whom_it_names(subject: Subject, identity: Identity, named: bool) -> None:
    assert subject.names(identity) is named


@pytest.mark.parametrize(
    ("subject", "identity"),
    [
        (Subject("User", "dana"), DANA),
        (Subject("User", "stranger"), Identity("stranger", ("system:authenticated",))),
        (Subject("User", "system:anonymous"), Identity.anonymous()),
        (Subject("Group", "developers"), Identity("fresh", ("developers", "system:authenticated"))),
        (Subject("Group", "system:authenticated"), Identity("fresh", ("system:authenticated",))),
        (Subject("Group", "system:unauthenticated"), Identity.anonymous()),
        (Subject("Group", "system:serviceaccounts:build"), Identity.of_service_account("build", "fresh")),
        (Subject("Group", "system:serviceaccounts"), Identity.of_service_account("fresh", "fresh")),
        (Subject("ServiceAccount", "runner", "build"), Identity.of_service_account("build", "runner")),
    ],
)
def test_a_subject_is_seen_with_every_group_that_it_would_have(subject: Subject, identity: Identity) -> None:
    assert as_seen(subject, [DANA], "fresh") == [identity]


def test_a_subject_alone_has_nothing_but_itself() -> None:
    assert alone(Subject("User", "dana"), "fresh") == Identity("dana", ())
    assert alone(Subject("Group", "developers"), "fresh") == Identity("fresh", ("developers",))
    assert alone(Subject("ServiceAccount", "runner", "build"), "fresh") == Identity(
        "system:serviceaccount:build:runner"
    )


def test_every_service_account_that_a_binding_names_is_found_in_whatever_way() -> None:
    def named(*subjects: dict[str, str]) -> dict[str, object]:
        return {"metadata": {"name": "any"}, "subjects": list(subjects)}

    runner = {"kind": "ServiceAccount", "name": "runner", "namespace": "build"}
    as_user = {"kind": "User", "name": "system:serviceaccount:monitoring:agent"}
    controller = {"kind": "ServiceAccount", "name": "job-controller", "namespace": "kube-system"}
    addon = {"kind": "ServiceAccount", "name": "addon", "namespace": "kube-system"}
    groups = [{"kind": "Group", "name": name} for name in ("system:serviceaccounts:kube-system", "developers")]
    own = {**named(controller), "metadata": {"name": "own", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}}
    rbac = {
        "RoleBinding": [named(runner, addon), named(runner)],
        "ClusterRoleBinding": [own, named(as_user, {"kind": "User", "name": "dana"}, *groups), named()],
    }
    assert bound_accounts(rbac, "fresh") == [
        Identity.of_service_account("kube-system", "fresh"),
        Identity.of_service_account("kube-system", "addon"),
        Identity.of_service_account("monitoring", "agent"),
        Identity.of_service_account("build", "runner"),
    ]


def test_controllers_that_kubernetes_alone_binds_are_its_own_and_an_add_on_that_others_bind_is_not() -> None:
    def bound(name: str, *accounts: str, built_in: bool) -> dict[str, object]:
        labels = {"kubernetes.io/bootstrapping": "rbac-defaults"} if built_in else {}
        subjects = [{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"} for account in accounts]
        return {"metadata": {"name": name, "labels": labels}, "subjects": subjects}

    rbac = {
        "ClusterRoleBinding": [
            bound("system:controller:job", "job-controller", built_in=True),
            bound("system:kube-dns", "kube-dns", built_in=True),
            bound("dns-debug", "kube-dns", built_in=False),
        ]
    }
    assert own_accounts(rbac) == {Subject("ServiceAccount", "job-controller", "kube-system")}
    assert Identity.of_service_account("kube-system", "kube-dns") in bound_accounts(rbac, "fresh")
