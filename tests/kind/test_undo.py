"""What a check does to real pods is undone, and what a learner did to them reset, whoever has a say on pods."""

import pytest
from tests.labs.helpers import eventually

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Identity
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.model import Scenario

NAMESPACE = "production"
GROUP = "admissionregistration.k8s.io/v1"
NAME = {"metadata": {"name": "no-pods"}}
RULE = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE", "DELETE"],
    "resources": ["pods", "pods/*"],
}
POLICY: Manifest = {
    "apiVersion": GROUP,
    "kind": "ValidatingAdmissionPolicy",
    **NAME,
    "spec": {
        "matchConstraints": {"resourceRules": [RULE]},
        "validations": [{"expression": "'break-glass' in request.userInfo.groups"}],
    },
}
BREAK_GLASS = Identity("bea", ("break-glass", "system:masters"))
BINDING: Manifest = {
    "apiVersion": GROUP,
    "kind": "ValidatingAdmissionPolicyBinding",
    **NAME,
    "spec": {"policyName": "no-pods", "validationActions": ["Deny"]},
}


def pod(name: str) -> Manifest:
    spec = {"containers": [{"name": "c", "image": "busybox:1.37.0", "command": ["sleep", "1000"]}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def refused(lab: Lab) -> bool:
    return "no-pods" in lab.objects.create(pod("tried"), dry_run=True).message


def refuse_pods(lab: Lab) -> None:
    """Nobody but the break-glass group may make, change or end a pod any more; waits until that is so."""
    for manifest in (POLICY, BINDING):
        assert lab.objects.create(manifest).ok
    eventually(lambda: refused(lab))


def debug(lab: Lab) -> None:
    patch = {"spec": {"ephemeralContainers": [{"name": "debugger", "image": "busybox:1.37.0"}]}}
    way = ("strategic", "ephemeralcontainers")
    assert lab.objects.patch("Pod", "checkout", NAMESPACE, patch, *way, as_=BREAK_GLASS).ok


def pods(lab: Lab) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in lab.objects.list("Pod", NAMESPACE)}


@pytest.fixture
def lab(kind_lab: Lab, scenario: Scenario) -> Lab:
    kind_lab.start(scenario)
    return kind_lab


def test_what_was_debugged_and_deleted_comes_back_and_what_nobody_touched_stays(lab: Lab) -> None:
    debug(lab)
    before = pods(lab)
    with lab.checkpoint() as undo:
        for name in before:
            assert lab.objects.delete("Pod", name, NAMESPACE).ok
        assert not undo(), "nobody was in the way"
        after = pods(lab)
        assert after.keys() == before.keys()
        assert "ephemeralContainers" in after["checkout"]["spec"], "it was debugged before"
    assert {name: each["metadata"]["uid"] for name, each in pods(lab).items()} == {
        name: each["metadata"]["uid"] for name, each in after.items()
    }, "it is made anew once"


def test_pods_come_back_under_a_policy_that_refuses_them_and_the_policy_stays(lab: Lab) -> None:
    refuse_pods(lab)
    names = pods(lab).keys()
    with lab.checkpoint() as undo:
        debug(lab)
        assert lab.objects.create(pod("another"), as_=BREAK_GLASS).ok
        assert undo(), "the policy was in the way"
        after = pods(lab)
        assert after.keys() == names
        assert "ephemeralContainers" not in after["checkout"]["spec"]
        eventually(lambda: refused(lab))


def test_a_reset_ends_pods_under_a_policy_that_refuses_it(lab: Lab, scenario: Scenario) -> None:
    mine = pod("mine")
    mine["metadata"]["finalizers"] = ["example.com/stay"]
    assert lab.objects.create(mine).ok
    refuse_pods(lab)
    lab.reset(scenario)
    assert "mine" not in pods(lab)
    assert not refused(lab)
