"""What the alert probe asks promtool, and how it takes its answers; what fires promtool itself says, in the suite."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster
from tests.checker.worlds import IDENTITIES, create, namespace, pod

from ckslab_checker.context import Context
from ckslab_checker.counted import Counted
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.alert import Alert
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.tools import Ran

DEBUG = {"verb": "PATCH", "resource": "pods", "subresource": "ephemeralcontainers"}
RULES = "groups: [{name: debugging, rules: [{alert: Debug, expr: up}]}]"


class Promtool:
    """Says of every test whether it is so by a function of what is tested."""

    def __init__(self, holds: Callable[[Sequence[Mapping[str, Any]]], bool], loads: bool = True) -> None:
        self.holds, self.loads = holds, loads
        self.documents: list[dict[str, Any]] = []
        self.says = "FAILED: exp 1, got 0"

    def run(self, words: Sequence[str], files: Mapping[str, bytes]) -> Ran:
        if words[0] == "check":
            return Ran(0, "SUCCESS") if self.loads else Ran(1, "Checking rules.yaml\n  FAILED:\nno such thing")
        document = json.loads(files["test.yaml"])
        self.documents.append(document)
        return Ran(0, "SUCCESS") if self.holds(document["tests"]) else Ran(1, self.says)


def fires(before: bool, after: bool) -> Callable[[Sequence[Mapping[str, Any]]], bool]:
    """Rules by which, in every play, exactly that fires."""

    def holds(tests: Sequence[Mapping[str, Any]]) -> bool:
        asked = [[each["exp_samples"][0]["value"] for each in test["promql_expr_test"]] for test in tests]
        return all(values == [before, after] for values in asked)

    return holds


def ask(folder: Path, promtool: Promtool, rules: str | None = RULES, **parameters: Any) -> list[Evidence]:
    if rules is not None:
        (folder / "alerts.yaml").write_text(rules)
    tool: Any = promtool
    context = Context(FakeCluster([]), IDENTITIES, folder, None, False, "seed", tool=lambda name: tool)
    asked = {"file": "alerts.yaml", "fires": True, "requests": [DEBUG], **parameters}
    return Alert.model_validate(asked).ask(context)


@pytest.mark.parametrize(
    ("demanded", "before", "after", "met"),
    [
        (True, False, True, True),
        (True, False, False, False),
        (True, True, True, False),
        (True, True, False, False),
        (False, False, False, True),
        (False, False, True, False),
        (False, True, False, False),
    ],
)
def test_an_alert_must_fire_after_and_not_before(
    tmp_path: Path, demanded: bool, before: bool, after: bool, met: bool
) -> None:
    both = [DEBUG, {**DEBUG, "verb": "PUT"}]
    found = ask(tmp_path, Promtool(fires(before, after)), fires=demanded, requests=both)
    assert [evidence.met for evidence in found] == [met, met]


def test_what_is_as_demanded_is_asked_in_one_go(tmp_path: Path) -> None:
    promtool = Promtool(fires(False, True))
    ask(tmp_path, promtool, requests=[{**DEBUG, "verb": verb} for verb in ("PATCH", "PUT", "APPLY")])
    assert [len(document["tests"]) for document in promtool.documents] == [3]


def objection(tests: Sequence[Mapping[str, Any]], before: Sequence[bool], after: Sequence[bool]) -> str:
    """What promtool says where exactly that fires in the plays, by number."""
    fires = [value for pair in zip(before, after, strict=True) for value in pair]
    asked = [each for test in tests for each in test["promql_expr_test"]]
    return "\n".join(
        f"    expr: {json.dumps(each['expr'])}, time: 2h19m0s,\n        exp: {{}} 1\n        got: {{}} 0"
        for each, value in zip(asked, fires, strict=True)
        if each["exp_samples"][0]["value"] != value
    )


def test_what_promtool_names_is_asked_about_once_more_all_at_once(tmp_path: Path) -> None:
    before, after = [False, True, False], [True, True, False]

    def holds(tests: Sequence[Mapping[str, Any]]) -> bool:
        promtool.says = objection(tests, before, after)
        return not promtool.says

    promtool = Promtool(holds)
    found = ask(tmp_path, promtool, requests=[{**DEBUG, "verb": verb} for verb in ("PATCH", "PUT", "APPLY")])
    assert [evidence.met for evidence in found] == [True, False, False]
    assert [len(document["tests"]) for document in promtool.documents] == [3, 3]


def test_where_promtool_names_others_each_is_asked_about_by_itself(tmp_path: Path) -> None:
    promtool = Promtool(fires(True, True))
    promtool.says = 'expr: "whatever # 0 after", time: 2h30m0s,'
    both = [DEBUG, {**DEBUG, "verb": "PUT"}]
    found = ask(tmp_path, promtool, requests=both)
    assert [evidence.observed for evidence in found] == [
        "an alert fires before it happens, while nothing of the kind goes on"
    ] * 2


def test_without_an_answer_there_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match="promtool gives no answer: FAILED: exp 1"):
        ask(tmp_path, Promtool(lambda tests: False))


def test_rules_that_cannot_be_evaluated_are_told_with_the_reason(tmp_path: Path) -> None:
    promtool = Promtool(lambda tests: False)
    promtool.says = "FAILED:\n    rule: Debug, time: 2h, err: found duplicate series"
    (found,) = ask(tmp_path, promtool)
    assert (found.met, found.observed) == (False, "it cannot: found duplicate series")


def test_rules_that_are_not_loaded_are_told_with_the_reason(tmp_path: Path) -> None:
    (found,) = ask(tmp_path, Promtool(fires(False, True), loads=False))
    assert (found.met, found.observed) == (False, "it does not: FAILED: no such thing")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (None, "is not there yet"),
        ("", "it is empty"),
        ("a: b: c", "line 1"),
        ("groups: [{name: a, rules: [{record: ALERTS, expr: up}]}]", "it records ALERTS"),
        ("groups: [{name: a, rules: [{record: ALERTS_FOR_STATE, expr: up}]}]", "it records ALERTS_FOR_STATE"),
        ("groups: [{name: a, rules: [{alert: A, expr: up and on () hour () < 8}]}]", r"goes by the clock (hour())"),
        ("groups: [{name: a, rules: [{alert: A, expr: 'timestamp(up) > 1'}]}]", "goes by the clock (timestamp())"),
        ("groups: [{name: a, rules: [{alert: A, expr: 'time() > 7500'}]}]", r"goes by the clock (time())"),
    ],
)
def test_a_file_that_cannot_be_right_is_not_met(tmp_path: Path, rules: str | None, said: str) -> None:
    (found,) = ask(tmp_path, Promtool(fires(False, True)), rules)
    assert not found.met
    assert said in found.observed


@pytest.mark.parametrize(
    "rules",
    [
        "[]",
        "groups: no list",
        "groups: [no mapping]",
        "groups: [{name: a, rules: [no mapping]}]",
        "groups: [{name: a, rules: [{alert: A, expr: 'up # in an hour (or so)'}]}]",
    ],
)
def test_whether_the_form_is_right_is_for_promtool_to_say(tmp_path: Path, rules: str) -> None:
    (found,) = ask(tmp_path, Promtool(fires(False, True)), rules)
    assert found.met


@pytest.mark.parametrize(
    ("intervals", "played"), [([], "30s"), (["15s"], "30s"), (["1m", "1h30m", "5m"], "1h30m"), (["100ms"], "30s")]
)
def test_rules_are_evaluated_as_seldom_as_a_group_asks(tmp_path: Path, intervals: list[str], played: str) -> None:
    alert = {"alert": "A", "expr": "up"}
    groups = [{"name": f"g{i}", "interval": interval, "rules": [alert]} for i, interval in enumerate(intervals)]
    groups.append({"name": "records", "interval": "1d", "rules": [{"record": "r", "expr": "up"}]})
    promtool = Promtool(fires(False, True))
    ask(tmp_path, promtool, json.dumps({"groups": groups}))
    assert promtool.documents[0]["evaluation_interval"] == played


def test_numbers_and_servers_cannot_be_foreseen(tmp_path: Path) -> None:
    def series(seed: str) -> str:
        promtool: Any = Promtool(fires(False, True))
        (tmp_path / "alerts.yaml").write_text(RULES)
        context = Context(FakeCluster([]), IDENTITIES, tmp_path, None, False, seed, tool=lambda name: promtool)
        Alert.model_validate({"file": "alerts.yaml", "fires": True, "requests": [DEBUG]}).ask(context)
        return json.dumps(promtool.documents[0]["tests"][0]["input_series"])

    assert len({series(f"seed-{number}") for number in range(8)}) == 8
    assert series("one") == series("one")


@pytest.mark.parametrize("more", [{}, {"dry-run": "All"}, {"code": "403"}, {"verb": "GET"}])
@pytest.mark.parametrize("first", [None, "ever", "of-its-kind", "at-server"])
def test_each_series_is_played_once(tmp_path: Path, more: dict[str, str], first: str | None) -> None:
    promtool = Promtool(fires(False, True))
    ask(tmp_path, promtool, requests=[{**DEBUG, **more, "first": first}])
    series = [each["series"] for each in promtool.documents[0]["tests"][0]["input_series"]]
    assert len(set(series)) == len(series)


def test_a_request_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="twice"):
        Alert.model_validate({"file": "alerts.yaml", "fires": True, "requests": [DEBUG, DEBUG]})


@pytest.mark.plane
def test_a_real_api_server_counts_under_the_same_labels(objects: Objects) -> None:
    namespace(objects, "production")
    create(objects, pod("checkout"))
    path = "/api/v1/namespaces/production/pods/checkout/ephemeralcontainers"
    body = {"spec": {"ephemeralContainers": [{"name": "debugger", "image": "busybox:1.37.0"}]}}
    kind = "application/strategic-merge-patch+json"
    assert objects.cluster.request("PATCH", path, body, query={"dryRun": "All"}, content_type=kind).ok
    assert objects.cluster.request("PATCH", path, body, content_type=kind).ok
    text = str(objects.cluster.request("GET", "/metrics").body)
    counted = Counted.model_validate(DEBUG).labels()
    for labels in (counted, {**counted, "dry_run": "All"}):
        inside = ",".join(f'{name}="{labels[name]}"' for name in sorted(labels))
        assert f"apiserver_request_total{{{inside}}} " in text
    assert "\napiserver_audit_event_total " in text
