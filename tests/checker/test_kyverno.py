"""What the kyverno probe asks Kyverno's command, what it refuses by name, and how it takes the answers.

What policies do Kyverno and a real API server say, in the suites; some of the command's traps are tried here as well.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster
from tests.checker.worlds import IDENTITIES
from tests.conftest import refuse_or_skip

from ckslab_checker.answers import WrongForm
from ckslab_checker.context import Context
from ckslab_checker.kyverno import apiserver
from ckslab_checker.kyverno.asking import Answer, Asked, everybody, labels, requesters, unforeseen
from ckslab_checker.kyverno.cli import Cli
from ckslab_checker.kyverno.policies import Policy, read
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.kyverno import Kyverno
from ckslab_checker.reviewed import Reviewed
from ckslab_labs.errors import Infrastructure
from ckslab_labs.lab import Lab
from ckslab_labs.tools import Ran, Tool, find

POD = {"containers": [{"name": "web", "image": "nginx"}]}
DEBUGGED = {**POD, "ephemeralContainers": [{"name": "debugger", "image": "busybox", "targetContainerName": "web"}]}
MORE = "{{ length(request.object.spec.ephemeralContainers || `[]`) }}"
BEFORE = "{{ length(request.oldObject.spec.ephemeralContainers || `[]`) }}"
DENY = {"conditions": {"all": [{"key": MORE, "operator": "GreaterThan", "value": BEFORE}]}}


def request(name: str = "web", operation: str = "UPDATE", **more: Any) -> dict[str, Any]:
    asked = {"as": "dana", "operation": operation, "resource": "pods", "kind": "Pod", "namespace": "production"}
    return {**asked, "name": name, "object": {"spec": POD}, **more}


def debug(name: str = "web", old: Mapping[str, Any] = POD) -> dict[str, Any]:
    return request(name, subresource="ephemeralcontainers", object={"spec": DEBUGGED}, old={"spec": old})


def policy(name: str = "one", match: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A ClusterPolicy of one rule; ``more`` are keys of the rule, those of ``spec`` under that name."""
    spec, check = more.pop("spec", {}), more.pop("validate", {"failureAction": "Enforce", "deny": DENY})
    rule = {"name": "rule", "match": {"any": [{"resources": {"kinds": ["Pod"]}, **(match or {})}]}, **more}
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": name},
        "spec": {"background": False, "rules": [{**rule, "validate": check}], **spec},
    }


def validating(name: str = "one", expression: str = "false", **spec: Any) -> dict[str, Any]:
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["pods/ephemeralcontainers"],
    }
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ValidatingPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression}],
            **spec,
        },
    }


# --- what the command is asked, and how its answers are taken ---

Says = Callable[[Mapping[str, Any]], str | None]
"""What Kyverno says of a resource: pass, fail, warn, error, skip; None: nothing."""


class Command:
    """Says it of every resource, by what it is given."""

    def __init__(self, says: Says = lambda resource: "fail", words: str = "", code: int | None = None) -> None:
        self.says, self.words, self.code = says, words, code
        self.runs: list[dict[str, Any]] = []

    def run(self, words: Sequence[str], files: Mapping[str, bytes], seconds: float = 20, most: int = 0) -> Ran:
        given = {name: content.decode() for name, content in files.items()}
        resources = [json.loads(each) for each in given.pop("requests.yaml").split("\n---\n")]
        run = {name: json.loads(content) for name, content in given.items()}
        self.runs.append({**run, "words": words, "resources": resources})
        if "-p" not in words or self.words:
            return Ran(self.code or 0, self.words or "Applying 1 policy rule(s) to 1 resource(s)...")
        said = [(each, self.says(each)) for each in resources]
        results = [
            {"rule": "rule", "result": result, "message": "so it is", "resources": [{"name": each["metadata"]["name"]}]}
            for each, result in said
            if result
        ]
        report = json.dumps({"kind": "ClusterReport", "results": results}, separators=(",", ":"))
        code = int(any(result in ("fail", "error") for _, result in said))
        return Ran(code, f"Warning: deprecated\n{report if results else ''}\n")


def ask(
    folder: Path,
    command: Any,
    *documents: object,
    denied: bool = True,
    text: str | bytes = "",
    requests: Sequence[Mapping[str, Any]] = (),
    auditor: Any = None,
) -> list[Evidence]:
    content = text if isinstance(text, bytes) else (text or "\n---\n".join(map(json.dumps, documents))).encode()
    (folder / "policy.yaml").write_bytes(content)
    context = Context(
        FakeCluster([]), IDENTITIES, folder, None, False, "seed", tool=lambda name: command, auditor=auditor
    )
    asked = {"file": "policy.yaml", "denied": denied, "requests": [*(requests or [debug()])]}
    return Kyverno.model_validate(asked).ask(context)


@pytest.mark.parametrize("denied", [True, False])
@pytest.mark.parametrize("refused", [True, False])
def test_each_request_must_be_refused_or_let_through(tmp_path: Path, denied: bool, refused: bool) -> None:
    found = ask(tmp_path, Command(lambda _: "fail" if refused else "pass"), policy(), denied=denied)
    idle = [evidence for evidence in found if evidence.asked.startswith("Does a policy")]
    assert len(idle) == (denied and not refused)
    assert [evidence.met for evidence in found[len(idle) :]] == [denied is refused] * 6
    words = "Kyverno refuses it (rule: so it is)" if refused else "Kyverno lets it through"
    assert {evidence.observed for evidence in found[len(idle) :]} == {words}


def test_a_policy_that_acts_on_nothing_is_said_first(tmp_path: Path) -> None:
    found = ask(tmp_path, Command(lambda _: None), policy())
    assert found[0] == Evidence(
        "Does a policy of policy.yaml refuse anything that is asked for here?",
        "one does",
        "none does: none acts on these requests, or none denies",
        met=False,
    )
    assert [evidence.met for evidence in found] == [False] * 7


def test_kyverno_is_given_what_is_there_and_told_what_is_asked_for(tmp_path: Path) -> None:
    command = Command()
    ask(tmp_path, command, policy(), requests=[debug()])
    (run,) = command.runs
    known, *others = run["resources"]
    assert "ephemeralContainers" not in known["spec"]
    values = {each["name"]: each["values"] for each in run["values.yaml"]["policies"][0]["resources"]}
    web = values["web"]
    assert web["request.object"]["spec"]["ephemeralContainers"] == DEBUGGED["ephemeralContainers"]
    assert (web["request.operation"], web["request.subResource"]) == ("UPDATE", "ephemeralcontainers")
    assert web["request.userInfo"] == {"username": "dana", "groups": ["developers", "system:authenticated"]}
    assert web["request.dryRun"] is False
    assert run["values.yaml"]["subresources"] == [
        {
            "subresource": {"name": "pods/ephemeralcontainers", "kind": "Pod", "group": "", "version": "v1"},
            "parentResource": {"name": "pods", "kind": "Pod", "group": "", "version": "v1"},
        }
    ]
    assert run["values.yaml"]["namespaceSelector"] == [
        {"name": "production", "labels": {"kubernetes.io/metadata.name": "production"}}
    ]
    assert "requester.yaml" not in run
    names = [each["metadata"]["name"] for each in others]
    assert len({*names, "web"}) == 6
    users = [values[name]["request.userInfo"]["username"] for name in names]
    assert users[3].startswith("system:serviceaccount:kube-system:")
    assert any("system:masters" in values[name]["request.userInfo"]["groups"] for name in names)
    account = values[names[3]]
    assert (account["serviceAccountNamespace"], account["serviceAccountName"]) == (
        "kube-system",
        users[3].split(":")[3],
    )
    containers = [values[name]["request.object"]["spec"]["ephemeralContainers"][0] for name in names]
    assert not any({"debugger", "busybox"} & set(each.values()) for each in containers)


def test_subresources_are_asked_about_by_themselves(tmp_path: Path) -> None:
    command = Command()
    ask(
        tmp_path,
        command,
        policy(),
        requests=[debug(), request("shop"), request("new", "CREATE"), request("old", "DELETE")],
    )
    assert sorted((len(run["resources"]), "subresources" in run["values.yaml"]) for run in command.runs) == [
        (6, True),
        (15, False),
    ]


def test_subjects_look_at_the_requester_so_each_is_asked_about_alone(tmp_path: Path) -> None:
    command = Command()
    subjects = {"subjects": [{"kind": "User", "name": "dana"}]}
    ask(tmp_path, command, policy(match=subjects))
    told = [run["requester.yaml"]["userInfo"] for run in command.runs]
    assert len(told) == 6
    assert sorted(each["groups"] for each in told if each["username"] == "dana") == [
        ["developers", "system:authenticated"],
        ["system:authenticated"],
    ]
    assert {word for run in command.runs for word in run["words"] if "requester" in word} == {"requester.yaml"}


def test_cel_is_told_the_requester_like_subjects(tmp_path: Path) -> None:
    command = Command()
    by_user = {
        "cel": {"expressions": [{"expression": "request.userInfo.username != 'dana'"}]},
        "failureAction": "Enforce",
    }
    ask(tmp_path, command, policy(validate=by_user))
    assert [run["requester.yaml"]["userInfo"]["username"] for run in command.runs].count("dana") == 2
    assert len(command.runs) > 4


def test_each_policy_is_asked_by_itself_and_one_refusal_is_enough(tmp_path: Path) -> None:
    command = Command(lambda resource: "fail" if resource["metadata"]["name"] == "web" else "pass")
    found = ask(tmp_path, command, policy("one"), policy("two"))
    assert sorted(run["policy.yaml"]["metadata"]["name"] for run in command.runs) == ["one", "two"]
    assert [evidence.met for evidence in found] == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("spec", "action", "refused"),
    [
        ({}, "Enforce", True),
        ({"failurePolicy": "Ignore"}, "Enforce", False),
        ({"webhookConfiguration": {"failurePolicy": "Ignore"}}, "Enforce", False),
        ({}, "Audit", False),
        ({"validationFailureAction": "Enforce"}, None, True),
        ({}, None, False),
    ],
)
def test_an_error_refuses_where_the_policy_enforces_and_fails_closed(
    tmp_path: Path, spec: dict[str, Any], action: str | None, refused: bool
) -> None:
    check = {"deny": DENY, **({"failureAction": action} if action else {})}
    found = ask(tmp_path, Command(lambda _: "error"), policy(spec=spec, validate=check))
    words = "Kyverno refuses it" if refused else "Kyverno lets it through"
    assert {evidence.observed for evidence in found[-6:]} == {f"{words} (an error, rule: so it is)"}


@pytest.mark.parametrize("outcome", ["skip", "warn"])
def test_why_a_violation_is_let_through_is_told(tmp_path: Path, outcome: str) -> None:
    found = ask(tmp_path, Command(lambda _: outcome), policy())
    assert {evidence.observed for evidence in found[1:]} == {"Kyverno lets it through (rule: so it is)"}


def test_what_is_asked_for_is_told_with_its_ephemeral_containers() -> None:
    two = {**POD, "ephemeralContainers": [{"name": "one"}, {"name": "two"}]}
    of = "in production"
    told = [
        str(Asked(Reviewed.model_validate(each), IDENTITIES["dana"])).removesuffix(" as dana (groups developers)")
        for each in (
            request("shop"),
            debug(),
            {**debug("again", DEBUGGED), "object": {"spec": two}},
            request("left", object={"spec": two}),
            request("old", "DELETE", object={"spec": DEBUGGED}),
        )
    ]
    assert told == [
        f"UPDATE pods shop {of}",
        f"UPDATE pods/ephemeralcontainers web {of} with 1 new ephemeral container",
        f"UPDATE pods/ephemeralcontainers again {of} with 1 new ephemeral container beside 1",
        f"UPDATE pods left {of} with 2 ephemeral containers",
        f"DELETE pods old {of} with 1 ephemeral container",
    ]


def test_an_error_of_a_policy_that_enforces_here_and_there_is_no_verdict(tmp_path: Path) -> None:
    overrides = [{"action": "Audit", "namespaces": ["finance"]}]
    check = {"failureAction": "Enforce", "failureActionOverrides": overrides, "deny": DENY}
    with pytest.raises(CannotTell, match="the ClusterPolicy one enforces here and audits there"):
        ask(tmp_path, Command(lambda _: "error"), policy(validate=check))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("-----\nPolicies Skipped:\n1. one: only in background mode\n----------\n", 1, "one: only in background mode"),
        ("-----\nInvalid Policies:\n1. one: variable\n----------\n", 1, "one: variable"),
        ("Error: failed to apply policies on resource web (failed to compile policy one (x))", 1, "failed to compile"),
        ('error="spec.rules: no \\"such\\" key"\nApplying 0 policy rule(s) to 1 resource(s)...', 0, 'no "such" key'),
        ("Applying 0 policy rule(s) to 1 resource(s)...", 0, "it finds no rule in it"),
    ],
)
@pytest.mark.parametrize("denied", [True, False])
def test_a_policy_that_kyverno_does_not_take_is_told(
    tmp_path: Path, words: str, code: int, said: str, denied: bool
) -> None:
    (found,) = ask(tmp_path, Command(words=words, code=code), policy(), denied=denied)
    assert (found.asked, found.expected, found.met) == ("Does Kyverno take what policy.yaml holds?", "it does", False)
    assert "your file: Kyverno does not take the ClusterPolicy one" in found.observed
    assert said in found.observed


@pytest.mark.parametrize(("words", "code"), [("panic: of some kind", 2), ("Error: no such flag", 1), ("what?", 0)])
def test_without_an_answer_there_is_no_verdict(tmp_path: Path, words: str, code: int) -> None:
    with pytest.raises(CannotTell, match=f"Kyverno gives no answer: {words[:5]}"):
        ask(tmp_path, Command(words=words, code=code), policy())


def test_a_missing_engine_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(Infrastructure) as caught:
        ask(tmp_path, Tool(tmp_path / "kyverno"), policy())
    assert (caught.value.attempted, caught.value.remedy) == ("run kyverno apply", "See `ckslab doctor`.")


# --- what is refused before anything runs ---


class Never:
    """A command that must not be run."""

    def run(self, *_: Any, **__: Any) -> Ran:
        raise AssertionError("it ran")


def in_context(entry: Mapping[str, Any]) -> dict[str, Any]:
    return policy(context=[{"name": "there", **entry}])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (in_context({"apiCall": {"urlPath": "/api"}}), "asks other servers (apiCall)"),
        (in_context({"imageRegistry": {"reference": "busybox"}}), "asks a registry of images (imageRegistry)"),
        (in_context({"globalReference": {"name": "x"}}), "what Kyverno has gathered from a cluster (globalReference)"),
        (in_context({"configMap": {"name": "x"}}), "reads what is in a cluster (configMap)"),
        (
            policy(validate={"foreach": [{"list": "x", "context": [{"name": "a", "apiCall": {}}], "deny": {}}]}),
            "asks other servers (apiCall)",
        ),
        (policy(verifyImages=[{"imageReferences": ["*"]}]), "asks registries for signatures (verifyImages)"),
        (policy(validate={"manifests": {"attestors": []}}), "asks for signatures (validate.manifests)"),
        (policy(mutate={"patchStrategicMerge": {}}), "changes what is asked for (mutate)"),
        (policy(generate={"kind": "ConfigMap"}), "makes other objects (generate)"),
        (policy(match={"clusterRoles": ["cluster-admin"]}), "goes by roles, which are a cluster's (clusterRoles)"),
        (policy(exclude={"any": [{"roles": ["default:x"]}]}), "goes by roles, which are a cluster's (roles)"),
        (policy(exclude={"roles": ["default:x"]}), "goes by roles, which are a cluster's (roles)"),
        (policy(preconditions=[{"key": "{{ time_now_utc() }}"}]), "goes by the clock or by chance"),
        (policy(preconditions=[{"key": "{{ random('[a-z]') }}"}]), "goes by the clock or by chance"),
        (policy(preconditions=[{"key": "{{ images.containers.*.registry }}"}]), "goes by images as Kyverno takes them"),
        (policy(spec={"admission": False}), "is not asked when something is requested (spec.admission: false)"),
        (policy(spec={"webhookConfiguration": {"matchConditions": [{"name": "x"}]}}), "leaves it to the API server"),
        (policy(celPreconditions=[{"expression": "request.resource.resource == 'pods'"}]), "(request.resource)"),
        (
            policy(validate={"cel": {"expressions": [{"expression": "request.subResource != ''"}]}}),
            "(request.resource)",
        ),
        (policy(validate={"cel": {"paramKind": {"kind": "ConfigMap"}}}), "reads parameters of a cluster (paramKind)"),
        (validating(expression="http.Get('http://10.0.0.1').ok"), "asks other servers (http)"),
        (validating(expression="http . Post('x', {}).ok"), "asks other servers (http)"),
        (
            validating(expression="resource.Get('v1', 'pods', 'x', 'y') != null"),
            "reads what is in a cluster (resource)",
        ),
        (validating(expression="globalContext.Get('x', '') != 0"), "has gathered from a cluster (globalContext)"),
        (validating(expression="imageData.Get('busybox') != null"), "asks a registry of images (imageData)"),
        (validating(expression="time.now() > x"), "goes by the clock or by chance"),
        (validating(expression="random() == 'x'"), "goes by the clock or by chance"),
        (validating(expression="!request.dryRun"), "goes by whether a request is a dry run (dryRun)"),
        (validating(expression="authorizer.group('').resource('pods')"), "asks what somebody may do in a cluster"),
        (validating(images=[]), "says images, which no ValidatingAdmissionPolicy says"),
        (validating(evaluation={"mode": "JSON"}), "is not about requests to an API server"),
        (validating(evaluation={"admission": {"enabled": False}}), "is not asked when something is requested"),
    ],
)
def test_what_cannot_be_asked_here_is_refused_by_name(tmp_path: Path, document: Any, said: str) -> None:
    (found,) = ask(tmp_path, Never(), document, denied=False)
    assert not found.met
    assert found.observed.startswith(f"your file: the {document['kind']} one ")
    assert said in found.observed


def test_rules_of_several_actions_are_to_be_separated(tmp_path: Path) -> None:
    document = policy()
    rule = document["spec"]["rules"][0]
    document["spec"]["rules"].append({**rule, "name": "two", "validate": {"failureAction": "Audit", "deny": {}}})
    (found,) = ask(tmp_path, Never(), document)
    assert "has rules of several failureActions; make a policy of each" in found.observed


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([None], "holds no policy"),
        ([policy(), policy()], "the ClusterPolicy one is there twice"),
        ([policy(f"p{number}") for number in range(6)], "more than 5 policies"),
        (["text"], "must be an object"),
        ([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}], "v1 Pod is neither a ClusterPolicy nor a"),
        ([{"kind": ["ClusterPolicy"]}], "neither a ClusterPolicy nor a ValidatingPolicy"),
        ([policy(), {"apiVersion": "kyverno.io/v2", "kind": "PolicyException"}], "v2 PolicyException is neither"),
        ([{**policy(), "apiVersion": "policies.kyverno.io/v1"}], "write apiVersion: kyverno.io/v1"),
        ([{**validating(), "apiVersion": "kyverno.io/v1"}], "write apiVersion: policies.kyverno.io/v1"),
        ([{**policy(), "metadata": {}}], "the ClusterPolicy has no metadata.name"),
    ],
)
def test_a_file_that_cannot_be_right_is_not_met(tmp_path: Path, documents: list[object], said: str) -> None:
    (found,) = ask(tmp_path, Never(), *documents, denied=False)
    assert not found.met
    assert said in found.observed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: b: c", "line 1"),
        (b"\n", "it holds no policy"),
        (b"\x00\xff\xfe\x7fELF", "is not UTF-8"),
        (b"#" * 10_000_000, "larger than 64 KiB"),
    ],
)
def test_a_file_that_is_no_yaml_is_not_met(tmp_path: Path, text: bytes, said: str) -> None:
    (found,) = ask(tmp_path, Never(), text=text, denied=False)
    assert not found.met
    assert found.observed.startswith("your file: ")
    assert said in found.observed


@pytest.mark.parametrize(
    "document",
    [
        {**policy(), "spec": None},
        {**policy(), "spec": {"rules": ["x", {"match": 1, "exclude": ["x"], "validate": 3, "context": "x"}]}},
        {**policy(), "spec": {"rules": [{"match": {"any": 1, "all": "x"}, "matchLabels": [1], "matchExpressions": 2}]}},
        {**validating(), "spec": {"matchConstraints": [], "validations": "x", "validationActions": "Deny"}},
    ],
)
def test_a_policy_of_any_shape_is_kyvernos_to_judge(tmp_path: Path, document: Any) -> None:
    no_server = auditor_of([])
    words = "Applying 0 policy rule(s) to 1 resource(s)..."
    (found,) = ask(tmp_path, Command(words=words), document, auditor=no_server)
    assert "Kyverno does not take" in found.observed


# --- who asks for what ---


def asked_of(*documents: Any, seed: str = "seed", requests: Sequence[Any] = (debug(),)) -> list[Asked]:
    return everybody([Reviewed.model_validate(each) for each in requests], IDENTITIES, read(documents), seed)


def test_nobody_can_foresee_the_names_of_others() -> None:
    names = {each.name for seed in ("a", "b") for each in asked_of(policy(), seed=seed)}
    users = {each.identity.user.split(":")[-1] for seed in ("a", "b") for each in asked_of(policy(), seed=seed)}
    assert len(names) == 11
    assert len({name[0] for name in names | users}) > 4
    assert len({len(name) for name in names | users}) > 3
    assert unforeseen("a", "x") == unforeseen("a", "x") != unforeseen("b", "x")


def test_a_namespace_may_be_one_that_nobody_can_foresee() -> None:
    anywhere = {**debug(), "namespace": "*"}
    spaces = {
        each.reviewed.namespace for seed in ("a", "b") for each in asked_of(policy(), seed=seed, requests=[anywhere])
    }
    assert len(spaces) == 2
    assert all(space.isalpha() for space in spaces)


def test_what_a_policy_may_spare_is_tried() -> None:
    selector = {"matchExpressions": [{"key": "spared", "operator": "NotIn", "values": ["yes", "no"]}]}
    marked = policy(
        match={"resources": {"kinds": ["Pod"], "selector": {"matchLabels": {"tier": "system"}, **selector}}}
    )
    found = labels(read([marked]))
    assert (found["spared"], found["tier"]) == ("yes", "system")
    by_text = policy(preconditions=[{"key": "{{ request.object.metadata.labels.\"debug-me\" || '' }}"}])
    assert labels(read([by_text]))["debug-me"] == "true"
    by_cel = validating(expression="!('ok.example.com/debug' in object.metadata.labels)")
    assert labels(read([by_cel]))["ok.example.com/debug"] == "true"


def test_whom_a_policy_names_asks_as_well() -> None:
    subjects = [
        {"kind": "User", "name": "bob"},
        {"kind": "Group", "name": "debuggers"},
        {"kind": "ServiceAccount", "namespace": "monitoring", "name": "agent-*"},
    ]
    spared = policy(exclude={"any": [{"subjects": subjects}]})
    member, *users = requesters(read([spared]), "seed")
    assert {"debuggers", "bob"} <= set(member.groups)
    assert {"bob", "system:serviceaccount:monitoring:agent-x"} <= {user.user for user in users}
    by_text = policy(
        preconditions=[{"key": "{{ request.userInfo.username }}", "operator": "NotEquals", "value": "ann"}]
    )
    assert "ann" in {user.user for user in requesters(read([by_text]), "seed")}
    by_cel = validating(expression="request.userInfo.username != 'eve'")
    assert "eve" in {user.user for user in requesters(read([by_cel]), "seed")}
    assert [user.user for user in requesters(read([policy()]), "seed")] == [unforeseen("seed", "member")]


def test_what_others_ask_for_has_images_and_annotations_of_its_own() -> None:
    _, first, marked, *_ = asked_of(policy(exclude={"resources": {"annotations": {"spared": "yes?"}}}))
    new = first.objects[0]
    assert new is not None
    assert new["spec"]["containers"][0]["image"] == f"{first.name}.example.com/{first.name}:1"
    other = marked.objects[0]
    assert other is not None
    assert (other["metadata"]["annotations"]["spared"], other["metadata"]["labels"]["spared"]) == ("yesx", "yesx")


def test_two_requests_cannot_be_about_one_name() -> None:
    with pytest.raises(ValidationError, match="two requests are about web: give each an object of its own"):
        Kyverno.model_validate({"file": "x.yaml", "denied": True, "requests": [debug(), request()]})


def test_an_update_that_removes_something_cannot_be_asked_about() -> None:
    removing = request(object={"spec": POD}, old={"spec": DEBUGGED})
    with pytest.raises(ValidationError, match="web: an update can be asked about that adds or changes"):
        Kyverno.model_validate({"file": "x.yaml", "denied": True, "requests": [removing]})


# --- a ValidatingPolicy ---


def auditor_of(denied: Sequence[bool]) -> Any:
    """An API server of which only the verdicts are made up; who installs policies on it is not asked."""

    @contextmanager
    def running(auditor: object, policies: Sequence[Policy]) -> Iterator[Any]:
        def answers(asked: Sequence[Asked], namespaces: object) -> list[Answer]:
            return [Answer(denied[place % len(denied)], "the server's words") for place, _ in enumerate(asked)]

        yield SimpleNamespace(answers=answers, completed=list)

    return running


def with_server(monkeypatch: pytest.MonkeyPatch, *denied: bool) -> Any:
    monkeypatch.setattr(apiserver, "running", auditor_of(denied))
    return object()


def test_what_the_command_cannot_tell_the_api_server_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = Command(lambda _: None)
    found = ask(tmp_path, command, validating(), auditor=with_server(monkeypatch, True))
    assert {evidence.observed for evidence in found} == {"Kyverno refuses it (the server's words)"}
    assert [run["resources"][0]["metadata"]["name"] for run in command.runs] == ["nothing"]


def test_where_both_know_they_must_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [request("new", "CREATE")]
    found = ask(tmp_path, Command(), validating(), requests=asked, auditor=with_server(monkeypatch, True))
    assert [evidence.met for evidence in found] == [True] * 6
    told = (
        "CREATE pods new in production as dana .*: Kyverno refuses it by its command, Kyverno lets it through by an API"
    )
    with pytest.raises(CannotTell, match=told):
        ask(tmp_path, Command(), validating(), requests=asked, auditor=with_server(monkeypatch, False))


def test_an_update_that_is_compared_is_the_servers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = request("web", object={"metadata": {"labels": {"a": "b"}}, "spec": POD}, old={"spec": POD})
    command = Command()
    found = ask(tmp_path, command, validating(), requests=[compared], auditor=with_server(monkeypatch, True))
    assert [evidence.met for evidence in found] == [True] * 6
    assert [len(run["resources"]) for run in command.runs] == [1]


def test_what_kyverno_extends_to_what_makes_pods_is_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_pods = validating(matchConstraints={"resourceRules": [{"resources": ["pods"], "operations": ["CREATE"]}]})
    shop = request("shop", "CREATE", group="apps", resource="deployments", kind="Deployment")
    found = ask(tmp_path, Command(), on_pods, requests=[shop], auditor=with_server(monkeypatch, False))
    assert {evidence.observed for evidence in found} == {"Kyverno refuses it (rule: so it is)"}


def test_a_policy_that_goes_by_the_request_is_asked_for_each_requester(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command()
    by_user = validating(expression="request.userInfo.username == 'dana'")
    asked = [request("new", "CREATE"), {**request("newer", "CREATE"), "as": "runner"}, request("old", "DELETE")]
    ask(tmp_path, command, by_user, requests=asked, auditor=with_server(monkeypatch, True))
    runs = [run for run in command.runs if "values.yaml" in run]
    told = [
        (run["values.yaml"]["globalValues"]["request.operation"], run["requester.yaml"]["userInfo"]["username"])
        for run in runs
    ]
    runner = "system:serviceaccount:build:runner"
    assert sorted(told) == [("CREATE", "dana"), ("CREATE", runner), ("DELETE", "dana")]
    assert [len(run["resources"]) for run in runs] == [1, 1, 1]


def test_where_no_server_can_be_run_there_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match="no API server can be run beside this cluster's own"):
        ask(tmp_path, Command(), validating())


# --- the real command ---


@pytest.fixture
def command() -> Cli:
    path = find("kyverno")
    if path is None:
        refuse_or_skip("plane", "Kyverno is not built here: ckslab setup --all")
    return Cli(Tool(path), {})


def verdicts(command: Cli, document: Any, *requests: Any) -> dict[str, bool]:
    reviewed = [Reviewed.model_validate(each) for each in requests]
    command.require_taken(Policy(document))
    answers = command.answers(Policy(document), [Asked(each, IDENTITIES["dana"]) for each in reviewed])
    return {name: answer.denied for name, answer in answers.items()}


@pytest.mark.plane
def test_old_and_new_are_told_apart(command: Cli) -> None:
    again = {**DEBUGGED, "ephemeralContainers": [*DEBUGGED["ephemeralContainers"], {"name": "two", "image": "busybox"}]}
    second = {**debug("second", DEBUGGED), "object": {"spec": again}}
    labelled = request(
        "labelled", object={"metadata": {"labels": {"a": "b"}}, "spec": DEBUGGED}, old={"spec": DEBUGGED}
    )
    asked = [debug("first"), second, labelled, request("new", "CREATE")]
    updates = policy(match={"resources": {"kinds": ["Pod"], "operations": ["UPDATE"]}})
    assert verdicts(command, updates, *asked) == {"first": True, "second": True, "labelled": False}
    # What was there is looked at as if it were created, which is more than nothing: so an update is forgiven.
    assert verdicts(command, policy(), *asked) == {"first": True, "second": False, "labelled": False, "new": False}


@pytest.mark.plane
def test_subjects_are_those_of_the_requester(command: Cli) -> None:
    spared = policy(exclude={"any": [{"subjects": [{"kind": "User", "name": "dana"}]}]})
    meant = policy(match={"subjects": [{"kind": "User", "name": "dana"}]})
    assert verdicts(command, spared, debug()) == {}
    assert verdicts(command, meant, debug()) == {"web": True}


@pytest.mark.plane
def test_a_validating_policy_refuses_by_the_command_as_well_and_what_makes_pods_too(command: Cli) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    on_pods: dict[str, Any] = {"matchConstraints": {"resourceRules": [rule]}}
    expression = "object.spec.containers.all(container, container.image != 'nginx')"
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": POD}
    deployment = {"spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": template}}
    shop = request("shop", "CREATE", group="apps", resource="deployments", kind="Deployment", object=deployment)
    asked = [request("new", "CREATE"), shop, request("label")]
    assert verdicts(command, validating(expression=expression, **on_pods), *asked) == {"new": True, "shop": True}
    audits = validating(expression=expression, validationActions=["Audit"], **on_pods)
    assert verdicts(command, audits, *asked) == {"new": False, "shop": False}


@pytest.mark.plane
def test_an_audit_refuses_nothing(command: Cli) -> None:
    assert verdicts(command, policy(validate={"failureAction": "Audit", "deny": {}}), debug()) == {"web": False}


@pytest.mark.plane
@pytest.mark.parametrize(
    ("document", "said"),
    [
        (policy(validate={"message": False, "deny": {}}), 'must be of type string: "boolean"'),
        (policy(validate={"denied": {}}), "spec.rules[0].validate.denied: Invalid value: value provided for unknown"),
        (policy(spec={"validationFailureAction": "Block"}), "Block"),
        (
            policy(spec={"background": True}, validate={"message": "{{ request.userInfo.username }}", "deny": {}}),
            "only select variables are allowed in background mode",
        ),
        (validating(expression="objekt.spec == null"), "undeclared reference to 'objekt'"),
        (validating(validationActions=["Refuse"]), 'Unsupported value: "Refuse"'),
    ],
)
def test_kyvernos_own_words_say_why_it_does_not_take_a_policy(command: Cli, document: Any, said: str) -> None:
    with pytest.raises(WrongForm) as caught:
        verdicts(command, document, request("web", "CREATE"))
    assert said in str(caught.value)


@pytest.mark.plane
def test_a_policy_that_acts_on_nothing_is_taken(command: Cli) -> None:
    elsewhere = policy(match={"resources": {"kinds": ["Pod"], "namespaces": ["elsewhere"]}})
    assert verdicts(command, elsewhere, debug()) == {}


# --- a real API server ---


@pytest.mark.plane
def test_a_validating_policy_is_decided_by_an_api_server(lab: Lab) -> None:
    comparing = validating(
        expression="object.spec.?ephemeralContainers == oldObject.spec.?ephemeralContainers",
        matchConditions=[{"name": "namespace", "expression": "request.namespace == 'production'"}],
    )
    policies, auditor = read([comparing]), lab.provider.auditor
    assert auditor is not None
    elsewhere = {**debug("elsewhere"), "namespace": "staging"}
    asked = [Asked(Reviewed.model_validate(each), IDENTITIES["dana"]) for each in (debug(), elsewhere)]
    before = lab.plane.cluster.request("GET", "/api/v1/namespaces/production").status
    with apiserver.running(auditor, policies) as server:
        first, second = server.answers(asked, {"production": {"tier": "one"}})
        again = server.answers(asked[:1], {})
        new = Asked(Reviewed.model_validate(request("new", "CREATE")), IDENTITIES["dana"])
        old = Asked(Reviewed.model_validate(request("old", "DELETE")), IDENTITIES["dana"])
        assert [answer.denied for answer in server.answers([new, old], {})] == [False, False]
        completed = server.completed([new, old])
    (made, none), (gone, there) = (each.objects for each in completed)
    assert none is gone is None
    assert made is not None
    assert there is not None
    assert made["spec"]["serviceAccountName"] == there["spec"]["serviceAccountName"] == "default"
    assert (first.denied, second.denied) == (True, False)
    assert first.why == "failed expression: object.spec.?ephemeralContainers == oldObject.spec.?ephemeralContainers"
    assert [answer.denied for answer in again] == [True]
    assert lab.plane.cluster.request("GET", "/api/v1/namespaces/production").status == before == 404


@pytest.mark.plane
def test_what_no_admission_policy_can_say_is_told(lab: Lab) -> None:
    only_kyvernos = validating(expression="image('busybox:1').registry() == 'docker.io'")
    auditor = lab.provider.auditor
    assert auditor is not None
    told = "no ValidatingAdmissionPolicy can say what the ValidatingPolicy one says"
    with pytest.raises(WrongForm, match=told), apiserver.running(auditor, read([only_kyvernos])):
        raise AssertionError("it is in force")
