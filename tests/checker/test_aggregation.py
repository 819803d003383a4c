from typing import Any

from tests.checker.fake_cluster import role, rule

from ckslab_checker.aggregation import unfinished

READ, PATCH = rule("get", "pods"), rule("patch", "pods/ephemeralcontainers")
LABEL = "aggregate-to-edit=true"


def edit(*rules: dict[str, Any]) -> dict[str, Any]:
    selector = {"matchLabels": {"aggregate-to-edit": "true"}}
    return {**role("edit", *rules), "aggregationRule": {"clusterRoleSelectors": [selector]}}


def test_a_role_that_holds_what_it_selects_is_finished() -> None:
    assert unfinished([edit(READ, PATCH), role("a", PATCH, label=LABEL), role("b", READ, PATCH, label=LABEL)]) == []


def test_a_role_that_lacks_a_selected_rule_is_unfinished() -> None:
    assert unfinished([edit(READ), role("a", READ, PATCH, label=LABEL)]) == ["edit"]


def test_a_role_that_still_holds_a_rule_whose_label_is_gone_is_unfinished() -> None:
    assert unfinished([edit(READ, PATCH), role("a", READ, label=LABEL), role("b", PATCH)]) == ["edit"]


def test_roles_that_are_not_made_of_others_are_never_unfinished() -> None:
    assert unfinished([role("a", READ), role("b", PATCH, label=LABEL)]) == []
