from pathlib import Path
from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster, binding, role, rule

from ckslab_checker.context import Context, StartFacts
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.no_new_powers import NoNewPowers
from ckslab_labs.cluster.port import Capability, Identity

IDENTITIES = {
    "dana": Identity.of_user("dana", ("developers",)),
    "olga": Identity.of_user("olga", ("break-glass",)),
    "runner": Identity.of_service_account("build", "runner"),
}
DEBUG = rule("patch update", "pods/ephemeralcontainers")
READ = rule("get list watch", "pods")

DEVELOPER = role("developer", READ, DEBUG, namespace="production")
ON_CALL = role("on-call", READ, DEBUG, namespace="production")
START = [
    DEVELOPER,
    binding("developer", DEVELOPER, "Group developers", namespace="production"),
    ON_CALL,
    binding("on-call", ON_CALL, "Group break-glass", namespace="production"),
]


def ask(now: list[dict[str, Any]], start: list[dict[str, Any]] = START, **parameters: Any) -> list[Evidence]:
    return ask_in(FakeCluster(now), start, **parameters)


def ask_in(cluster: FakeCluster, start: list[dict[str, Any]], **parameters: Any) -> list[Evidence]:
    facts = StartFacts(FakeCluster(start).rbac())
    return NoNewPowers(**parameters).ask(Context(cluster, IDENTITIES, Path("/nonexistent"), facts, False, "seed"))


def gained(now: list[dict[str, Any]], start: list[dict[str, Any]] = START, **parameters: Any) -> list[str]:
    return [f"{e.asked} {e.observed}" for e in ask(now, start, **parameters) if not e.met]


def question(owner: str) -> str:
    return f"{owner}: what may it do that it could not do at the start?"


def test_an_untouched_cluster_has_no_new_powers() -> None:
    assert ask(START) == [
        Evidence(
            "Who may do something sensitive that they could not do at the start?",
            "nobody",
            "nobody (no new grants)",
            met=True,
        )
    ]


def test_evidence_names_who_gained_what_and_where() -> None:
    extra = role("extra", rule("get list", "secrets"), rule("create", "pods/exec"))
    assert ask([*START, extra, binding("extra", extra, "User dana")]) == [
        Evidence(
            question("User dana everywhere"),
            "nothing sensitive",
            "create pods/exec (runs code in pods); get, list secrets (reads secrets)",
            met=False,
        )
    ]


def test_powers_that_are_taken_away_are_none_gained() -> None:
    assert gained(START[2:]) == []


def test_a_power_moved_to_a_role_of_another_name_is_not_new() -> None:
    debugger = role("debugger", DEBUG)
    assert gained([*START[2:], debugger, binding("x", debugger, "Group break-glass", namespace="production")]) == []


def test_a_power_moved_to_a_group_that_did_not_have_it_is_new() -> None:
    debugger = role("debugger", DEBUG)
    assert gained([*START[2:], debugger, binding("x", debugger, "Group debuggers", namespace="production")]) == [
        f"{question('Group debuggers in production')} patch, update pods/ephemeralcontainers (runs code in pods)"
    ]


def test_a_power_that_the_task_lets_somebody_have_is_accepted() -> None:
    debugger = role("debugger", DEBUG, rule("get", "secrets"))
    now = [*START, debugger, binding("x", debugger, "Group break-glass")]
    assert gained(now) != []
    assert gained(now, accept=("olga",)) == []
    assert gained(now, accept=("dana",)) != []


def test_accepting_somebody_accepts_nothing_for_everybody() -> None:
    debugger = role("debugger", DEBUG)
    now = [*START, debugger, binding("x", debugger, "Group system:authenticated", "User olga")]
    assert len(gained(now, accept=("olga",))) == 1


def test_an_accepted_service_account_may_gain() -> None:
    reader = role("reader", rule("get", "secrets"))
    now = [*START, reader, binding("x", reader, "ServiceAccount build/runner")]
    assert gained(now) != []
    assert gained(now, accept=("runner",)) == []


def test_a_power_held_through_a_group_is_not_new_for_a_member_known_to_the_scenario() -> None:
    own = role("own", DEBUG, namespace="production")
    assert gained([*START[2:], own, binding("x", own, "User dana", namespace="production")]) == []
    assert gained([*START[2:], own, binding("x", own, "User eli", namespace="production")]) != []


def test_a_power_held_by_one_person_is_new_for_the_whole_group() -> None:
    start = [DEVELOPER, binding("developer", DEVELOPER, "User dana", namespace="production")]
    now = [DEVELOPER, binding("developer", DEVELOPER, "Group developers", namespace="production")]
    assert len(gained(now, start)) == 1


def test_one_more_subject_of_a_binding_that_is_right_is_seen() -> None:
    wide = binding("on-call", ON_CALL, "Group break-glass", "Group system:authenticated", namespace="production")
    assert len(gained([*START[:3], wide])) == 1


def test_a_power_in_one_more_namespace_is_new() -> None:
    debugger = role("debugger", DEBUG)
    assert len(gained([*START, debugger, binding("x", debugger, "Group developers", namespace="staging")])) == 1
    assert len(gained([*START, debugger, binding("x", debugger, "Group developers")])) == 1


def test_a_power_narrowed_to_names_is_not_new() -> None:
    narrowed = role("developer", READ, {**DEBUG, "resourceNames": ["web"]}, namespace="production")
    assert gained([narrowed, *START[1:]]) == []


def test_a_power_no_longer_narrowed_to_names_is_new() -> None:
    narrowed = role("developer", READ, {**DEBUG, "resourceNames": ["web"]}, namespace="production")
    assert len(gained(START, [narrowed, *START[1:]])) == 1


def test_a_wildcard_spelled_out_is_not_new_but_the_other_way_round_is() -> None:
    wide, plain = role("r", rule("*", "*", groups="*")), role("r", rule("get list", "secrets pods"))
    bound = binding("b", wide, "Group platform")
    assert gained([plain, bound], [wide, bound]) == []
    assert gained([wide, bound], [plain, bound]) == [
        f"{question('Group platform everywhere')} * *.* (a wildcard, which covers resources that are yet to come)"
    ]


def test_a_role_that_fills_a_dangling_binding_is_a_new_power() -> None:
    missing = role("debugger", DEBUG)
    dangling = binding("x", missing, "Group system:serviceaccounts")
    assert gained([*START, dangling], [*START, dangling]) == []
    assert len(gained([*START, dangling, missing], [*START, dangling])) == 1


def test_an_aggregated_power_counts_where_a_controller_fills_the_role() -> None:
    edit = {
        **role("edit", READ, rule("get", "secrets")),
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to-edit": "true"}}]},
    }
    bound = binding("b", edit, "User dana", namespace="production")
    part = role("part", rule("get", "secrets"), label="to-edit=true")
    before = {**edit, "rules": [READ]}
    assert len(ask_in(FakeCluster([edit, part, bound], frozenset({Capability.CONTROLLERS})), [before, bound])) == 1
    assert gained([edit, part, bound], [before, part, bound]) != [], "nobody filled it at the start"


def test_what_the_api_server_does_not_confirm_is_not_held_against_the_fix() -> None:
    class Denies(FakeCluster):
        def _review(self, body: dict[str, Any]) -> Any:
            answer = super()._review(body)
            return type(answer)(answer.status, {**answer.body, "status": {"allowed": False}})

    extra = role("extra", rule("get", "secrets"))
    evidence = ask_in(Denies([*START, extra, binding("extra", extra, "User dana")]), START)
    assert [e.met for e in evidence] == [True]


def test_new_powers_that_are_not_sensitive_are_a_note() -> None:
    extra = role("extra", rule("get", "configmaps"))
    assert ask([*START, extra, binding("extra", extra, "User dana", namespace="production")])[1:] == [
        Evidence("What else is new?", "worth a look, not judged", "User dana in production: get configmaps", met=True)
    ]


def test_few_questions_are_asked_about_a_wildcard() -> None:
    wide = role("wide", rule("*", "*", groups="*"))
    cluster = FakeCluster([*START, wide, binding("x", wide, "User dana")])
    ask_in(cluster, START)
    assert len(cluster.reviews) == 1


def test_hostile_names_are_cleaned_in_evidence() -> None:
    extra = role("extra", rule("get", "secrets", names="\x1b]0;owned\x07"))
    found = gained([*START, extra, binding("extra", extra, "User d\u202eana")])
    owner = question("User d\ufffdana everywhere")
    assert found == [f"{owner} get secrets named \ufffd]0;owned\ufffd (reads secrets)"]


def test_without_a_start_there_is_no_verdict() -> None:
    context = Context(FakeCluster(START), IDENTITIES, Path("/nonexistent"), None, False, "seed")
    with pytest.raises(CannotTell, match="nobody saw the start"):
        NoNewPowers().ask(context)
