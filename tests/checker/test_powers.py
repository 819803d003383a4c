from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster, binding, role, rule

from ckslab_checker.access import Attributes
from ckslab_checker.powers import Grant, Grants, Rule, other_powers, sensitive_powers
from ckslab_checker.principals import Subject
from ckslab_checker.sensitive import SENSITIVE
from ckslab_labs.cluster.port import Identity

DANA = Identity.of_user("dana", ("developers",))
DEBUG = Attributes("patch", "", "pods", "ephemeralcontainers", "production")


@pytest.mark.parametrize(
    ("resources", "covered"),
    [
        ("pods/ephemeralcontainers", True),
        ("*/ephemeralcontainers", True),
        ("*", True),
        ("pods", False),
        ("pods/*", False),
        ("*/*", False),
        ("nodes/ephemeralcontainers", False),
    ],
)
def test_only_three_spellings_cover_a_subresource(resources: str, covered: bool) -> None:
    assert Rule.of(rule("*", resources)).covers(DEBUG) is covered


def test_a_subresource_of_everything_does_not_cover_the_resource_itself() -> None:
    assert not Rule.of(rule("*", "*/log")).covers(Attributes("get", "", "pods"))


def test_a_rule_narrowed_to_names_covers_only_questions_with_such_a_name() -> None:
    narrowed = Rule.of(rule("get", "pods", names="web db"))
    assert narrowed.covers(Attributes("get", "", "pods", name="web"))
    assert not narrowed.covers(Attributes("get", "", "pods", name="cache"))
    assert not narrowed.covers(Attributes("get", "", "pods"))


def test_a_rule_on_paths_covers_no_resource() -> None:
    assert not Rule.of({"verbs": ["*"], "nonResourceURLs": ["*"]}).covers(DEBUG)


def test_a_role_binding_reaches_its_own_namespace_only() -> None:
    reader = role("reader", rule("get", "pods"))
    grants = Grants(
        FakeCluster([reader, binding("b", reader, "User dana", namespace="production")]).rbac(), aggregated=False
    )
    assert grants.allow(DANA, Attributes("get", "", "pods", namespace="production"))
    assert not grants.allow(DANA, Attributes("get", "", "pods", namespace="staging"))
    assert not grants.allow(DANA, Attributes("get", "", "pods"))


def test_a_role_of_another_namespace_is_not_the_role_that_a_binding_names() -> None:
    elsewhere = role("reader", rule("get", "pods"), namespace="staging")
    grants = Grants(
        FakeCluster([elsewhere, binding("b", elsewhere, "User dana", namespace="production")]).rbac(), aggregated=False
    )
    assert grants.all == frozenset()


def test_system_masters_may_do_anything() -> None:
    assert Grants({}, aggregated=False).allow(Identity("root", ("system:masters",)), DEBUG)


def test_names_of_roles_and_bindings_make_no_difference() -> None:
    old, new = role("old", rule("get", "pods")), role("new", rule("get", "pods"), namespace="production")
    before = FakeCluster([old, binding("a", old, "User dana", namespace="production")])
    after = FakeCluster([new, binding("b", new, "User dana", namespace="production")])
    was, now = Grants(before.rbac(), aggregated=False), Grants(after.rbac(), aggregated=False)
    assert was.all == now.all
    assert now.since(was) == frozenset()


def test_a_grant_is_new_by_its_subject_its_scope_or_its_rule() -> None:
    reader = role("reader", rule("get", "pods"))
    first = [reader, binding("a", reader, "User dana", namespace="production")]
    was = Grants(FakeCluster(first).rbac(), aggregated=False)

    def new(*world: dict[str, Any]) -> list[str]:
        found = Grants(FakeCluster(list(world)).rbac(), aggregated=False).since(was)
        return sorted(f"{each.subject} {each.namespace} {'+'.join(sorted(each.rule.verbs))}" for each in found)

    assert new(*first) == []
    assert new(*first, binding("b", reader, "User eli", namespace="production")) == ["User eli production get"]
    assert new(*first, binding("b", reader, "User dana", namespace="staging")) == ["User dana staging get"]
    assert new(*first, binding("b", reader, "User dana")) == ["User dana  get"]
    assert new(role("reader", rule("list", "pods"), rule("get", "pods")), first[1]) == ["User dana production list"]


def test_a_role_that_is_made_of_others_is_compared_by_what_it_is_made_of() -> None:
    part = role("part", rule("get", "pods"), label="into=true")
    more = role("part", rule("get", "pods"), rule("patch", "pods/ephemeralcontainers"), label="into=true")
    whole = aggregating("whole", "into")
    bound = binding("a", whole, "User dana")
    was = Grants(FakeCluster([part, whole, bound]).rbac(), aggregated=True)
    (new,) = Grants(FakeCluster([more, whole, bound]).rbac(), aggregated=True).since(was)
    assert new.rule.covers(DEBUG)


def aggregating(name: str, selected: str, label: str = "") -> dict[str, Any]:
    rules = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {selected: "true"}}]}}
    return {**role(name, label=label), **rules}


def test_aggregated_roles_count_where_a_controller_fills_them() -> None:
    admin = aggregating("admin", "to-admin")
    edit = aggregating("edit", "to-edit", label="to-admin=true")
    extra = role("extra", rule("patch", "pods/ephemeralcontainers"), label="to-edit=true")
    cluster = FakeCluster([admin, edit, extra, binding("b", admin, "User dana", namespace="production")])
    assert Grants(cluster.rbac(), aggregated=True).allow(DANA, DEBUG)
    assert not Grants(cluster.rbac(), aggregated=False).allow(DANA, DEBUG)


def test_roles_that_aggregate_each_other_come_to_an_end() -> None:
    first = aggregating("first", "b", label="a=true")
    second = aggregating("second", "a", label="b=true")
    assert Grants(FakeCluster([first, second]).rbac(), aggregated=True).all == frozenset()


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ({"key": "team", "operator": "Exists"}, True),
        ({"key": "team", "operator": "DoesNotExist"}, False),
        ({"key": "team", "operator": "In", "values": ["a"]}, True),
        ({"key": "team", "operator": "In", "values": ["b"]}, False),
        ({"key": "team", "operator": "NotIn", "values": ["b"]}, True),
        ({"key": "other", "operator": "NotIn", "values": ["b"]}, True),
    ],
)
def test_selectors_of_aggregated_roles_may_be_expressions(expression: dict[str, Any], selected: bool) -> None:
    top = {**role("top"), "aggregationRule": {"clusterRoleSelectors": [{"matchExpressions": [expression]}]}}
    part = role("part", rule("patch", "pods/ephemeralcontainers"), label="team=a")
    cluster = FakeCluster([top, part, binding("b", top, "User dana")])
    assert Grants(cluster.rbac(), aggregated=True).allow(DANA, DEBUG) is selected


# --- candidates -------------------------------------------------------------------------------------------------------


def powers(made: dict[str, Any], namespace: str = "production") -> list[str]:
    grant = Grant(Subject("User", "dana"), namespace, Rule.of(made))
    return sorted(str(power.asked) for power in sensitive_powers(grant))


def test_harmless_rules_hold_no_sensitive_power() -> None:
    assert powers(rule("get list watch", "pods pods/log configmaps services deployments.apps")) == []
    assert powers(rule("get create", "pods/ephemeralcontainers")) == []


def test_a_resource_of_the_cluster_is_not_held_through_a_role_binding() -> None:
    assert powers(rule("get", "nodes/proxy")) == []
    assert powers(rule("get", "nodes/proxy"), namespace="") == ["get nodes/proxy"]


def test_names_are_asked_one_by_one_but_not_where_a_request_has_none() -> None:
    assert powers(rule("get create", "secrets pods", names="a b")) == [
        "get secrets/a in production",
        "get secrets/b in production",
    ]
    assert powers(rule("create", "pods/exec", names="a")) == ["create pods/a/exec in production"]


def test_a_wildcard_is_itself_a_power_and_comes_first() -> None:
    grant = Grant(Subject("User", "dana"), "", Rule.of(rule("*", "*", groups="*")))
    found = [str(power.asked) for power in sensitive_powers(grant)]
    assert found[0] == "* *.*"
    assert len(found) == 1 + sum(len(entry.resources) * len(entry.verbs) for entry in SENSITIVE)


def test_the_wildcard_of_one_subresource_is_not_a_wildcard_of_everything() -> None:
    assert powers(rule("patch", "*/ephemeralcontainers")) == ["patch pods/ephemeralcontainers in production"]


def test_what_is_not_sensitive_is_told_in_the_rules_own_words() -> None:
    grant = Grant(Subject("User", "dana"), "production", Rule.of(rule("get", "secrets configmaps")))
    assert [str(power.asked) for power in other_powers(grant)] == ["get configmaps in production"]
