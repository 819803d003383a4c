"""Falco's rule language on audit events, and the probe that plays requests; what is expected Falco documents."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.checker.fake_cluster import FakeCluster
from tests.checker.worlds import IDENTITIES

from ckslab_checker.context import Context
from ckslab_checker.falco.conditions import WrongRule
from ckslab_checker.falco.rules import firing, load
from ckslab_checker.falco.validation import refusal
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.falco import Falco
from ckslab_labs.cluster.port import Identity, Response
from ckslab_labs.tools import Tool

EVENT: dict[str, Any] = {
    "auditID": "1",
    "stage": "ResponseComplete",
    "verb": "patch",
    "requestURI": "/api/v1/namespaces/shop/pods/web/ephemeralcontainers?fieldManager=kubectl&dryRun=All",
    "user": {"username": "dana", "groups": ["developers", "system:authenticated"]},
    "sourceIPs": ["10.0.0.7", "10.0.0.8"],
    "userAgent": "kubectl/v1.36",
    "objectRef": {"resource": "pods", "subresource": "ephemeralcontainers", "name": "web", "namespace": "shop"},
    "responseStatus": {"code": 200},
    "annotations": {"authorization.k8s.io/decision": "allow"},
    "requestObject": {
        "metadata": {"labels": {"a/b": "c"}},
        "spec": {
            "hostPID": True,
            "securityContext": {"runAsUser": 1000, "supplementalGroups": [1, 2]},
            "containers": [
                {"name": "web", "image": "registry:5000/shop/web:1", "securityContext": {"privileged": True}},
                {
                    "name": "log",
                    "image": "log@sha256:0",
                    "securityContext": {"runAsUser": 0},
                    "ports": [{"hostPort": 80}],
                },
            ],
            "ephemeralContainers": [{"name": "debugger", "image": "busybox", "command": ["sh", "-c"]}],
            "volumes": [{"name": "root", "hostPath": {"path": "/"}}, {"name": "x", "emptyDir": {}}],
        },
    },
}


def rule(condition: str, **more: Any) -> dict[str, Any]:
    item = {"rule": "R", "desc": "d", "condition": condition, "output": "x %ka.user.name", "priority": "WARNING"}
    return {**item, "source": "k8s_audit", **more}


def fires(*items: object) -> bool:
    return bool(firing(load(list(items)), EVENT))


@pytest.mark.parametrize(
    "condition",
    [
        "ka.verb = patch",
        "ka.verb == patch",
        "ka.verb=patch",
        "ka.verb != create",
        "ka.verb in (create, patch)",
        "ka.verb in(patch)",
        'ka.verb in ("patch")',
        "ka.verb in ('patch', \"x y\")",
        "not ka.verb = create",
        "not(ka.verb = create)",
        "not not ka.verb = patch",
        "ka.verb exists",
        "not ka.impuser.name exists",
        "not ka.impuser.name = dana",
        "ka.verb = x and ka.verb = y or ka.verb = patch",
        "ka.verb = patch or ka.verb = x and ka.verb = y",
        "(ka.verb = patch or ka.verb = x) and (ka.user.name = dana)",
        "ka.uri contains /ephemeralcontainers",
        "ka.uri icontains EPHEMERAL",
        "ka.uri startswith /api/v1/",
        'ka.uri endswith "dryRun=All"',
        "ka.uri glob */pods/*",
        "ka.uri.param[fieldManager] = kubectl",
        'ka.uri.param["dryRun"] = All',
        "ka.response.code startswith 2",
        "ka.response.code < 300",
        "ka.user.groups intersects (developers, x)",
        "ka.user.groups in (developers, system:authenticated, x)",
        "ka.sourceips intersects (10.0.0.8)",
        "ka.auth.decision = allow",
        "ka.req.pod.host_pid intersects (true)",
        "ka.req.pod.host_pid = true",
        "not ka.req.pod.host_network exists",
        "ka.req.pod.containers.image.repository intersects (registry:5000/shop/web)",
        "ka.req.pod.containers.image.repository in (registry:5000/shop/web, log)",
        "ka.req.pod.containers.image[1] startswith log",
        "ka.req.pod.containers.privileged intersects (true)",
        "ka.req.pod.containers.eff_run_as_user in (1000, 0)",
        "ka.req.pod.containers.eff_run_as_user[0] = 1000",
        "ka.req.pod.containers.host_port intersects (80)",
        "ka.req.pod.ephemeralContainers.name intersects (debugger)",
        "ka.req.pod.ephemeralContainers.command intersects (sh)",
        "ka.req.pod.supplemental_groups intersects (2)",
        "ka.req.pod.volumes.hostpath intersects (/)",
        "ka.req.pod.volumes.volume_type intersects (emptyDir)",
        "ka.req.volume.hostpath[/] = true",
        "ka.req.volume.hostpath[/*] = true",
        "ka.req.volume.hostpath[/var] = false",
        "jevt.value[/stage] in (ResponseComplete)",
        "jevt.value[/requestObject/spec/containers/1/name] = log",
        "jevt.value[/requestObject/metadata/labels/a~1b] = c",
        "tolower(ka.user.name) = dana and toupper(ka.user.name) = DANA",
        "basename(ka.uri) startswith ephemeralcontainers",
    ],
)
def test_a_condition_that_the_event_meets(condition: str) -> None:
    assert fires(rule(condition))
    assert not fires(rule(f"not ({condition})"))


@pytest.mark.parametrize(
    "condition",
    [
        "ka.verb = create",
        "ka.target.resource = pods/ephemeralcontainers",
        "ka.impuser.name = dana",
        "ka.impuser.name != dana",
        "ka.impuser.name in (dana)",
        "ka.user.groups in (developers)",
        "ka.req.pod.host_network intersects (true, false)",
        "ka.req.pod.host_pid = True",
        "ka.req.pod.containers.image[7] exists",
        "ka.req.pod.containers.privileged[x] intersects (true)",
        "ka.verb in ()",
        "jevt.value[/requestObject/spec/containers/9/name] exists",
    ],
)
def test_a_condition_that_it_does_not_meet(condition: str) -> None:
    assert not fires(rule(condition))


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("ka.verb = patch and", "cannot be parsed near"),
        ("(ka.verb = patch", "cannot be parsed near"),
        ("ka.verb patch", "cannot be parsed near"),
        ("", "the rule 'R' has no condition"),
        ("not " * 6000 + "ka.verb = patch", "nested too deeply"),
        ('ka.response.code < "300"', "which is no number"),
        ("ka.response.code >= x", "which is no number"),
        ("ka.uri iendswith x", "cannot be parsed near"),
        ("ka.uri endswith dryRun=All", "cannot be parsed near"),
        ("(" * 60 + "ka.verb = patch" + ")" * 60, "nested too deeply"),
        ("kevt", "undefined macro 'kevt' used in filter"),
        ("ka.nothing = 1", "the field ka.nothing is nonexistent"),
        ("proc.name = sh", "the field proc.name is nonexistent"),
        ("evt.time exists", "evt.time is not emulated in conditions"),
        ("ka.uri.param = x", "ka.uri.param needs an argument"),
        ("ka.verb[0] = x", "ka.verb takes no argument"),
        ("ka.user.groups = developers", "the list field ka.user.groups can be asked exists, in, intersects, pmatch"),
        ("ka.uri regex .*", "the operator regex of ka.uri is not emulated"),
    ],
)
def test_a_condition_that_is_not_loaded(condition: str, said: str) -> None:
    with pytest.raises(WrongRule) as caught:
        load([rule(condition)])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "not a YAML array"),
        (["x"], "item 1 is not an object"),
        ([{"rule": 1}], "name of the rule in item 1 is no text"),
        ([rule("ka.verb = x", priority="HIGH")], "invalid priority, 'HIGH'"),
        ([rule("ka.verb = x", output="%ka.target.pod")], "prints the nonexistent field ka.target.pod"),
        ([rule("ka.verb = x", output="%username")], "prints the nonexistent field username"),
        ([rule("ka.verb = x", priority="HIGH"), rule("ka.verb = x")], "invalid priority"),
        ([rule("ka.verb = x"), rule("proc.name = x", source="syscall")], "defined anew with another source"),
        ([rule("ka.verb = x"), {"rule": "R", "source": "x", "override": {"source": "replace"}}], "or cannot"),
        ([{"rule": "R", "enabled": False}], "is changed before it is there"),
        ([{"rule": "R", "tags": ["x"]}], "the rule 'R' has no condition"),
        ([{"required_engine_version": "99.0.0"}], "requires an engine"),
        ([{"required_plugin_versions": [{"name": "k8saudit", "version": "99.0.0"}]}], "requires the plugin 'k8saudit'"),
        (
            [{"required_plugin_versions": [{"name": "cloudtrail", "version": "0.1.0"}]}],
            "requires the plugin 'cloudtrail'",
        ),
        ([{"macro": "a-b", "condition": "ka.verb = x"}], "a name that no condition can use"),
        (
            [{"macro": "m", "condition": "later"}, {"macro": "later", "condition": "ka.verb = x"}, rule("m")],
            "macro 'later'",
        ),
        ([{"list": "none", "items": []}, rule("ka.verb = none")], "where one value must stand"),
        ([{"list": "two", "items": ["x", "y"]}, rule("ka.verb = two")], "where one value must stand"),
        ([rule("ka.verb = x", exceptions=[])], "exceptions, which are not emulated"),
        ([rule("ka.verb = x", source="syscall")], "(source syscall): the field ka.verb is nonexistent"),
        ([rule("kevt", source="syscall")], "undefined macro 'kevt'"),
        ([{"macro": "m"}], "the macro 'm' has no condition"),
        ([{"macro": "m", "condition": "x ="}], "the macro 'm': its condition cannot be parsed"),
        ([{"macro": "m", "condition": "m"}, rule("m")], "undefined macro 'm'"),
        ([{"list": "l"}], "the list 'l' has no items"),
        ([{"macro": "m", "condition": "or ka.verb = x", "append": True}], "is changed before it is there"),
        ([rule("ka.verb = x"), {"rule": "R", "desc": "y", "override": {"output": "replace"}}], "does not name it"),
    ],
)
def test_a_file_that_is_not_loaded(document: object, said: str) -> None:
    with pytest.raises(WrongRule) as caught:
        load(document)
    assert said in str(caught.value)


@pytest.mark.parametrize("missing", ["condition", "output", "desc", "priority"])
def test_a_rule_has_four_things(missing: str) -> None:
    item = rule("ka.verb = patch")
    del item[missing]
    with pytest.raises(WrongRule, match=f"the rule 'R' has no {missing}"):
        load([item])


def test_without_a_source_a_rule_is_about_system_calls() -> None:
    item = rule("ka.verb = patch")
    del item["source"]
    with pytest.raises(WrongRule, match="source syscall"):
        load([item])
    assert load([{**item, "condition": "proc.name = sh and evt.type = open"}]) == []


def test_lists_and_macros_stand_for_what_they_hold() -> None:
    items = [
        {"list": "changes", "items": ["patch", 2, True]},
        {"list": "verbs", "items": ["create", "changes"]},
        {"macro": "asked", "condition": "jevt.value[/stage] = ResponseComplete"},
        {"macro": "changed", "condition": "ka.verb in (verbs) and asked"},
    ]
    assert fires(*items, rule("changed"))
    assert fires(*items, rule("not (ka.verb in (changes, x) and not asked)"))
    assert fires(rule("ka.user.name = dana and changed"), *items)
    assert not fires(*items, rule('ka.verb in ("changes")'))


def test_what_doubles_with_each_macro_or_list_is_refused() -> None:
    macros = [{"macro": "m0", "condition": "ka.verb = patch"}]
    macros += [{"macro": f"m{i}", "condition": f"m{i - 1} and m{i - 1}"} for i in range(1, 60)]
    with pytest.raises(WrongRule, match="more than 5000 checks"):
        load([*macros, rule("m59")])
    lists = [{"list": "l0", "items": ["patch"]}]
    lists += [{"list": f"l{i}", "items": [f"l{i - 1}", f"l{i - 1}"]} for i in range(1, 60)]
    with pytest.raises(WrongRule, match="more than 5000 items"):
        load(lists)


@pytest.mark.parametrize("index", ["²", "9" * 5000, "-1"])
def test_an_odd_index_finds_nothing(index: str) -> None:
    assert not fires(rule(f"ka.req.pod.containers.image[{index}] = x or jevt.value[/user/groups/{index}] = x"))


def test_what_falco_only_warns_of_is_passed_over() -> None:
    assert fires(None, {"something": "else"}, rule("ka.verb = patch", enabled="true"))


def test_what_comes_later_changes_what_was_there() -> None:
    first = rule("ka.verb = create")
    assert not fires(first)
    assert fires(first, {"rule": "R", "condition": "or ka.verb = patch", "desc": "x", "append": True})
    assert fires(first, {"rule": "R", "condition": "ka.verb = patch", "override": {"condition": "replace"}})
    assert fires(first, rule("ka.verb = patch"))
    assert not fires(rule("ka.verb = patch"), {"rule": "R", "enabled": False})
    assert fires(
        {"list": "l", "items": ["create"]},
        {"list": "l", "items": ["patch"], "override": {"items": "append"}},
        rule("ka.verb in (l)"),
    )


@pytest.mark.parametrize(
    "more",
    [{"enabled": False}, {"source": "aws_cloudtrail"}, {"condition": "ka.new = 1", "skip-if-unknown-filter": True}],
)
def test_a_rule_that_is_passed_over_fires_for_nothing(more: dict[str, Any]) -> None:
    assert load([rule("ka.verb = patch") | more]) == []


def test_what_a_file_demands_of_falco_is_no_rule() -> None:
    assert fires({"required_engine_version": "0.40.0"}, {"required_plugin_versions": []}, rule("ka.verb exists"))


# --- the probe ---


class Server:
    """Answers everything, and logs it as the one event."""

    def __init__(self, logs: bool = True) -> None:
        self.logs = logs
        self.users: list[str] = []

    def cluster_as(self, identity: Identity) -> Any:
        def request(*_: Any, **__: Any) -> Response:
            self.users.append(identity.user)
            return Response(200, headers={"audit-id": str(len(self.users))})

        return SimpleNamespace(request=request)

    def events(self) -> list[dict[str, Any]]:
        ids = range(1, len(self.users) + 1) if self.logs else ()
        return [{**EVENT, "auditID": str(id)} for id in ids]


def ask(
    folder: Path, server: Server | None, document: object, fires: bool = True, falco: Tool | None = None
) -> list[Evidence]:
    @contextmanager
    def auditor(policy: bytes) -> Iterator[Any]:
        assert yaml.safe_load(policy)["rules"] == [{"level": "RequestResponse"}]
        yield server

    (folder / "rules.yaml").write_text(yaml.safe_dump(document) if document is not None else "")
    context = Context(
        cluster=FakeCluster([]),
        identities=IDENTITIES,
        files=folder,
        start=None,
        live=False,
        seed="seed",
        auditor=auditor if server is not None else None,
        on_path={"falco": falco}.get,
    )
    request = {"as": "dana", "method": "GET", "path": "/api"}
    return Falco.model_validate({"file": "rules.yaml", "fires": fires, "requests": [request]}).ask(context)


@pytest.mark.parametrize("demanded", [True, False])
@pytest.mark.parametrize("verb", ["patch", "create"])
def test_a_rule_must_fire_or_must_not(tmp_path: Path, demanded: bool, verb: str) -> None:
    server = Server()
    found = ask(tmp_path, server, [rule(f"ka.verb = {verb}")], demanded)
    assert [evidence.met for evidence in found] == [(verb == "patch") is demanded] * 2
    assert server.users == ["dana", "ckslab-member-seed"]
    assert all("emulated" in evidence.asked for evidence in found)
    assert {evidence.observed for evidence in found} == {"fires: R" if verb == "patch" else "no rule fires"}


@pytest.mark.parametrize("document", [None, {}, [rule("kevt")]])
def test_a_file_that_is_not_loaded_fires_for_nothing(tmp_path: Path, document: object) -> None:
    for demanded in (True, False):
        found = ask(tmp_path, Server(), document, demanded)
        assert {evidence.met for evidence in found} == {not demanded}
        if document is not None:
            assert [evidence.observed.startswith("it does not: ") for evidence in found] == [True]


def test_without_a_server_or_an_event_nobody_can_tell(tmp_path: Path) -> None:
    for server in (None, Server(logs=False)):
        with pytest.raises(CannotTell):
            ask(tmp_path, server, [rule("ka.verb = patch")])


# --- a Falco of this machine: here a script in its place ---

LOADED = {"falco_load_results": [{"name": "rules.yaml", "successful": True, "errors": [], "warnings": []}]}
UNKNOWN = {"code": "LOAD_ERR_COMPILE_CONDITION", "message": "Undefined macro kevt used in filter."}
REFUSED = {"falco_load_results": [{"name": "rules.yaml", "successful": False, "errors": [UNKNOWN], "warnings": []}]}


def falco(folder: Path, says: object, first: str = "") -> Tool:
    script = folder / "falco"
    script.write_text(f"#!/bin/sh\n{first}\necho Falco version: 0.41.3\necho '{json.dumps(says)}'\n")
    script.chmod(0o755)
    return Tool(script)


def test_it_is_given_the_rules_and_a_configuration_with_the_plugins(tmp_path: Path) -> None:
    told = '[ "$*" = "-c falco.yaml -V rules.yaml" ]'
    look = f"{told} && grep -q kevt rules.yaml && grep -q k8saudit falco.yaml || exit 9"
    assert refusal(falco(tmp_path, LOADED, look), b"- macro: kevt") == ""


def test_what_it_has_against_the_rules_is_told(tmp_path: Path) -> None:
    said = refusal(falco(tmp_path, REFUSED), b"")
    assert said == "LOAD_ERR_COMPILE_CONDITION: Undefined macro kevt used in filter."


@pytest.mark.parametrize("says", [{}, [], {"falco_load_results": []}, {"falco_load_results": [1]}, "no such plugin"])
def test_one_that_does_not_come_so_far_has_no_say(tmp_path: Path, says: object) -> None:
    assert refusal(falco(tmp_path, says), b"") is None
    (evidence, _) = ask(tmp_path, Server(), [rule("ka.verb = patch")], falco=falco(tmp_path, says))
    assert evidence.met


def test_rules_that_it_does_not_load_fire_for_nothing(tmp_path: Path) -> None:
    (evidence,) = ask(tmp_path, Server(), [rule("ka.verb = patch")], falco=falco(tmp_path, REFUSED))
    assert not evidence.met
    assert evidence.observed.startswith("it does not: the falco on PATH says LOAD_ERR_COMPILE_CONDITION")


def test_where_it_loads_what_the_emulation_does_not_nobody_can_tell(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match="its emulation does not"):
        ask(tmp_path, Server(), [rule("kevt")], falco=falco(tmp_path, LOADED))


def test_where_it_loads_them_the_events_decide(tmp_path: Path) -> None:
    for verb in ("patch", "create"):
        (evidence, _) = ask(tmp_path, Server(), [rule(f"ka.verb = {verb}")], falco=falco(tmp_path, LOADED))
        assert evidence.met is (verb == "patch")
