"""Near misses and right fixes of every kind, played against a real API server; nothing here knows an RBAC rule."""

import json
import re
from collections.abc import Iterator

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import rule
from tests.checker.worlds import (
    asked,
    context,
    create,
    forget_policies,
    grant,
    may_debug,
    met,
    namespace,
    no_debug,
    pod,
    policy,
    revoke,
    unmet,
)

from ckslab_checker import barrier
from ckslab_checker.context import Manifest
from ckslab_checker.ephemeral import unforeseen_name
from ckslab_checker.outcome import CannotTell
from ckslab_checker.probes.debug_container import DebugContainer
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.errors import InvalidInput
from ckslab_labs.lab import Lab

pytestmark = pytest.mark.plane

BOTH = pytest.mark.parametrize("live", [True, False], ids=["live", "for-real"])


def probe(expect: str = "denied", who: object = "dana", pods: object = "all", **others: object) -> DebugContainer:
    parameters = {"as": who, "namespace": "production", "pods": pods, "expect": expect, **others}
    return DebugContainer.model_validate_json(json.dumps(parameters), by_name=False)


@pytest.fixture
def production(objects: Objects) -> Iterator[Objects]:
    """Two pods, in which only the break-glass group may debug."""
    namespace(objects, "production")
    create(objects, pod("web-1"), pod("web-2"))
    may_debug(objects, "Group break-glass", name="break-glass")
    yield objects
    if context(objects).admission:
        forget_policies(objects)


@BOTH
def test_nobody_without_a_grant_can_debug(production: Objects, live: bool) -> None:
    evidence = asked(production, probe(), live=live)
    assert unmet(evidence) == []
    refusals = {item.asked: item.observed for item in evidence}
    assert refusals["PUT pods/web-2/ephemeralcontainers in production as dana (groups developers)"] == (
        'denied by RBAC: pods "web-2" is forbidden: User "dana" cannot update resource "pods/ephemeralcontainers"'
        ' in API group "" in the namespace "production"'
    )
    ways = {re.sub(r"pods/\S+", "POD", item.asked).split(" as ")[0] for item in evidence}
    assert ways == {"PATCH POD in production", "PUT POD in production"}


@BOTH
def test_containers_are_told_apart_by_their_fields(production: Objects, live: bool) -> None:
    """Pod Security refuses one kind of container and takes another."""
    level = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
    assert production.patch("Namespace", "production", None, level).ok
    privileged: Manifest = {"securityContext": {"privileged": True}}
    silent: Manifest = {"securityContext": {}}
    who = "olga"
    refused = asked(production, probe("denied", who, container=privileged), live=live)
    assert unmet(refused) == []
    assert refused[0].observed.startswith("denied by Pod Security")
    assert '(securityContext {"privileged": true})' in refused[0].asked
    assert unmet(asked(production, probe("allowed", who, container=silent), live=live)) == []
    either = asked(production, probe("denied", who, container=[privileged, silent]), live=live)
    assert {"(securityContext {})" in item.asked for item in either if not item.met} == {True}


def test_a_container_keeps_no_name() -> None:
    with pytest.raises(ValidationError, match="leave out the name"):
        probe(container={"name": "mine"})


NEAR_MISSES = [
    ("patch", "pods/ephemeralcontainers", ""),
    ("update", "pods/ephemeralcontainers", ""),
    ("*", "*/ephemeralcontainers", ""),
    ("patch", "*", ""),
    ("patch", "pods/ephemeralcontainers", "web-2"),
    ("update", "pods/ephemeralcontainers", "web-2"),
    ("patch", "pods/ephemeralcontainers", "not-there-yet"),
    ("update", "*", "not-there-yet"),
]
HARMLESS = [("*", "pods", ""), ("*", "pods/*", ""), ("create get", "pods/ephemeralcontainers", "")]


@BOTH
def test_a_grant_is_found_in_whatever_shape(production: Objects, live: bool) -> None:
    for verbs, resources, names in NEAR_MISSES:
        grant(production, "near-miss", "Group developers", rule(verbs, resources, names=names))
        found = unmet(asked(production, probe(), live=live))
        assert found, (verbs, resources, names)
        assert all((names or "pods/") in line for line in found)
        assert all("allowed (HTTP 200)" in line or "authorization lets it through" in line for line in found)
        revoke(production, "near-miss")


@BOTH
def test_what_grants_nothing_is_no_near_miss(production: Objects, live: bool) -> None:
    for verbs, resources, names in HARMLESS:
        grant(production, "harmless", "Group developers", rule(verbs, resources, names=names))
        assert met(production, probe(), live=live), (verbs, resources)
        revoke(production, "harmless")


@BOTH
def test_every_service_account_is_asked_with_its_groups(production: Objects, live: bool) -> None:
    may_debug(production, "Group system:serviceaccounts:build")
    assert not met(production, probe(who="runner"), live=live)
    found = unmet(asked(production, probe(who=["dana", "runner"]), live=live))
    assert found
    assert all(" as service account build/runner: " in line for line in found)


@BOTH
@pytest.mark.parametrize(
    "subject", ["ServiceAccount ops/robot", "Group system:serviceaccounts:ops", "User system:serviceaccount:ops:robot"]
)
def test_a_service_account_that_no_scenario_knows_is_asked_where_every_account_is(
    production: Objects, live: bool, subject: str
) -> None:
    may_debug(production, subject)
    parameters = {"as": "runner", "namespace": "production", "pods": "all", "expect": "denied"}
    every = DebugContainer.model_validate_json(json.dumps({**parameters, "and-every-account": True}), by_name=False)
    assert met(production, probe(who="runner"), live=live)
    found = unmet(asked(production, every, live=live))
    assert found
    assert all(" as service account ops/" in line for line in found)


@BOTH
def test_accounts_that_may_are_left_out_of_every_account(production: Objects, live: bool) -> None:
    may_debug(production, "ServiceAccount build/runner")
    parameters = {"as": "dana", "namespace": "production", "pods": "all", "expect": "denied", "and-every-account": True}
    every = DebugContainer.model_validate_json(json.dumps(parameters), by_name=False)
    found = unmet(asked(production, every, live=live))
    assert all(" as service account build/runner" in line for line in found)
    assert found
    spared = DebugContainer.model_validate_json(json.dumps({**parameters, "but": "runner"}), by_name=False)
    assert met(production, spared, live=live)


@BOTH
@pytest.mark.parametrize("reason", ["Forbidden", "Invalid"])
def test_a_policy_denies_as_well_as_rbac_does(production: Objects, live: bool, reason: str) -> None:
    may_debug(production, "Group developers")
    create(production, *no_debug("!('developers' in request.userInfo.groups)", message="no debugging", reason=reason))
    evidence = asked(production, probe(), live=live)
    assert unmet(evidence) == []
    each = [item for item in evidence if " further requests, " not in item.asked]
    assert {item.observed.partition(": ")[0] for item in each} == {"denied by an admission policy"}
    assert {item.asked.partition(" pods")[0] for item in each} == {"PATCH", "PUT", "PATCH (server-side apply)"}
    assert {item.observed for item in evidence if item not in each} == {"denied"}
    assert met(production, probe("denied-by-policy"), live=live)
    assert not met(production, probe("denied-by-rbac"), live=live)
    assert met(production, probe("allowed", "olga"), live=live)


@BOTH
def test_a_policy_by_name_denies_whom_only_a_name_grants(production: Objects, live: bool) -> None:
    may_debug(production, "User dana")
    create(production, *no_debug("request.userInfo.username != 'dana'"))
    assert met(production, probe("denied-by-policy"), live=live)


SPOOFS = [
    'violates PodSecurity \\"restricted:latest\\": x',
    'pods \\"web-1\\" is forbidden: User \\"dana\\" cannot patch resource \\"pods/ephemeralcontainers\\"',
]


@pytest.mark.parametrize("expect", ["denied-by-rbac", "denied-by-pod-security", "denied-by-webhook"])
def test_a_policy_cannot_pass_for_another_layer_by_its_message(production: Objects, expect: str) -> None:
    may_debug(production, "Group developers")
    texts = " + ' ' + ".join(f"'{text}'" for text in SPOOFS)
    create(production, *no_debug("false", messageExpression=texts, reason="Forbidden"))
    assert not met(production, probe(expect))
    assert met(production, probe("denied-by-policy"))


NARROW_POLICIES = {
    "only on dry runs": "!(has(request.dryRun) && request.dryRun)",
    "by a pod's name": "request.name != 'web-1'",
    "by the names of pods that are there": "!(request.name in ['web-1', 'web-2'])",
    "by the usual image": "!object.spec.ephemeralContainers.exists(c, c.image.startsWith('busybox'))",
    "by kubectl's container name": "!object.spec.ephemeralContainers.exists(c, c.name.startsWith('debugger-'))",
    "by a label that every pod has": "!has(object.metadata.labels) || !has(object.metadata.labels.app)",
    "by the name of a member of the group": "request.userInfo.username != 'dana'",
    "by how the pods' names begin": "!request.name.startsWith('web-')",
    "unless the image is approved": "object.spec.ephemeralContainers.all(c, c.image.startsWith('example.com/tools/'))",
    "unless there is a target": "object.spec.ephemeralContainers.all(c, has(c.targetContainerName))",
    "by the way of asking": "!has(request.options.fieldManager) || !request.options.fieldManager.startsWith('helper')",
}


@pytest.mark.parametrize("expression", NARROW_POLICIES.values(), ids=NARROW_POLICIES)
def test_a_policy_that_looks_at_the_question_is_no_fix(production: Objects, expression: str) -> None:
    may_debug(production, "Group developers")
    create(production, *no_debug(expression))
    assert not met(production, probe())


def test_a_policy_cannot_hide_a_refusal_from_dry_runs(production: Objects) -> None:
    create(production, *no_debug("has(request.dryRun) && request.dryRun"))
    assert not met(production, probe("allowed", "olga"))


@BOTH
def test_a_policy_on_pods_only_does_not_see_the_subresource(production: Objects, live: bool) -> None:
    may_debug(production, "Group developers")
    create(production, *policy("pods-only", "!has(object.spec.ephemeralContainers)", "pods"))
    assert not met(production, probe(), live=live)


@BOTH
def test_pod_security_alone_is_no_fix_unless_it_is_what_the_task_asks_for(production: Objects, live: bool) -> None:
    may_debug(production, "Group developers")
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    assert production.patch("Namespace", "production", None, labels).ok
    assert not met(production, probe(), live=live)
    assert met(production, probe("denied-by-pod-security"), live=live)


def test_a_mutating_policy_that_takes_the_container_out_denies_it_too(production: Objects) -> None:
    if not production.serves("MutatingAdmissionPolicy"):
        pytest.skip("this version of Kubernetes serves no mutating policies unless told to")
    may_debug(production, "Group developers")
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods/ephemeralcontainers"]}
    ]
    patch = "[JSONPatch{op: 'remove', path: '/spec/ephemeralContainers'}]"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "production"}}
    served = production.resource("MutatingAdmissionPolicy")
    strip: Manifest = {
        "apiVersion": f"{served.group}/{served.version}",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "strip"},
        "spec": {
            "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": rules, "namespaceSelector": selector},
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        },
    }
    bound = {**strip, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": "strip"}}
    create(production, strip, bound)
    evidence = asked(production, probe())
    assert unmet(evidence) == []
    assert evidence[0].observed == "accepted (HTTP 200), but without the container: a policy or webhook took it out"
    assert not met(production, probe("allowed", "olga"))


@BOTH
def test_whoever_must_still_debug_is_asked_for_each_pod(production: Objects, live: bool) -> None:
    evidence = asked(production, probe("allowed", "olga"), live=live)
    names = ["web-1", "web-2", *([] if live else [unforeseen_name(["web-1", "web-2"], "seed")])]
    assert [item.asked for item in evidence] == [
        f"PATCH pods/{name}/ephemeralcontainers in production as olga (groups break-glass)" for name in names
    ]
    assert {item.observed for item in evidence} == {"allowed (HTTP 200)"}
    may_debug(production, "Group developers", names="web-1")
    assert not met(production, probe("allowed"), live=live)
    assert met(production, probe("allowed", pods=["web-1"]), live=live)
    assert met(production, probe(pods=["web-2"]), live=live)


@BOTH
def test_whoever_must_still_debug_must_be_able_to_read_the_pod_and_to_debug_pods_to_come(
    production: Objects, live: bool
) -> None:
    may_debug(production, "Group developers", names="web-1 web-2")
    found = unmet(asked(production, probe("allowed"), live=live))
    assert len(found) == 1
    assert re.match(r"PATCH pods/web-\d{4}/ephemeralcontainers .*: denied by RBAC", found[0])
    revoke(production, "debug")
    grant(production, "debug", "Group developers", rule("patch", "pods/ephemeralcontainers"))
    assert {re.sub(r"web-\d+", "POD", line) for line in unmet(asked(production, probe("allowed"), live=live))} == {
        "GET pods/POD in production, as kubectl debug does first, as dana (groups developers): denied by RBAC"
    }


@pytest.mark.parametrize("operator", ["NotIn", "DoesNotExist"])
def test_a_policy_that_spares_pods_with_a_label_is_no_fix(production: Objects, operator: str) -> None:
    may_debug(production, "Group developers")
    values = {"values": ["allowed"]} if operator == "NotIn" else {}
    made, bound = no_debug("false")
    selector = {"matchExpressions": [{"key": "debug", "operator": operator, **values}]}
    made["spec"]["matchConstraints"]["objectSelector"] = selector
    create(production, made, bound)
    assert not met(production, probe())


@BOTH
def test_without_a_namespace_every_one_is_asked_about(production: Objects, live: bool) -> None:
    parameters = {"as": "dana", "pods": "all", "expect": "denied"}
    anywhere = DebugContainer.model_validate_json(json.dumps(parameters), by_name=False)
    assert met(production, anywhere, live=live)
    grant(production, "debug", "Group developers", rule("patch", "pods/ephemeralcontainers"), where="kube-system")
    found = unmet(asked(production, anywhere, live=live))
    assert found
    assert all(" in kube-system as dana " in line for line in found)
    revoke(production, "debug", "kube-system")


@BOTH
def test_pods_that_are_gone_are_no_proof(objects: Objects, live: bool) -> None:
    namespace(objects, "production")
    may_debug(objects, "Group break-glass")
    assert met(objects, probe(), live=live)
    assert unmet(asked(objects, probe("allowed", "olga"), live=live)) == ["Which pods are there in production?: none"]
    assert not met(objects, probe("allowed", "olga", ["web-1"]), live=live)
    assert not met(objects, probe(who="olga"), live=live)


@BOTH
@pytest.mark.parametrize("expect", ["denied", "allowed"])
def test_a_namespace_that_is_gone_is_no_proof(objects: Objects, live: bool, expect: str) -> None:
    assert unmet(asked(objects, probe(expect), live=live)) == ["Is there a namespace production?: no"]


def test_a_learners_cluster_is_left_as_it_was(lab: Lab, production: Objects) -> None:
    may_debug(production, "Group developers")
    barrier.settle(context(production, live=True))
    before = lab.capture().keys
    for checked in (probe(), probe("allowed", "olga")):
        checked.ask(context(production, live=True))
    after = lab.capture().keys
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {key for key in changed if b"/minions/" not in key} == set()  # nodes report their health


def test_for_real_a_pod_of_an_unforeseen_name_is_made_and_asked_about(production: Objects) -> None:
    may_debug(production, "Group developers")
    create(production, *no_debug("false"))
    name = unforeseen_name(["web-1", "web-2"], "seed")
    assert any(f"pods/{name}/" in item.asked for item in asked(production, probe()))
    made = production.get("pods", name, "production").body
    assert "labels" not in made["metadata"]
    assert made["spec"]["nodeName"] == "node-1"


def test_where_nobody_may_make_pods_the_pods_that_are_there_decide(production: Objects) -> None:
    may_debug(production, "Group developers")
    create(production, *policy("closed", "false", "pods", "pods/ephemeralcontainers"))
    assert met(production, probe())


def test_a_member_of_system_masters_is_never_asked_about(production: Objects) -> None:
    with pytest.raises(InvalidInput, match="bypasses RBAC"):
        asked(production, probe(who="root"))
    with pytest.raises(InvalidInput, match="the scenario's identities are"):
        asked(production, probe(who="eve"))


def test_a_mistake_of_ours_is_no_denial(production: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ckslab_checker.ephemeral.PATCH_TYPES", {"strategic": "text/plain", "apply": "text/plain"})
    with pytest.raises(CannotTell, match=r"the control of this question went wrong: PATCH .* HTTP 415"):
        asked(production, probe())


def test_the_parameters_are_checked() -> None:
    with pytest.raises(ValidationError):
        probe("denied-by-magic")
    with pytest.raises(ValidationError):
        DebugContainer.model_validate({"as": "dana", "namespace": "production", "expect": "denied"})
