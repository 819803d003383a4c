"""A setup on a plane that was somebody's playground a moment ago."""

from collections.abc import Callable

import pytest
from tests.labs.helpers import POD_SETUP, eventually

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Capability
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.model import Scenario

pytestmark = pytest.mark.plane


POLICY: Manifest = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "no-reports"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods/status"]}
            ]
        },
        "validations": [{"expression": "false"}],
    },
}
BINDING: Manifest = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "no-reports"},
    "spec": {"policyName": "no-reports", "validationActions": ["Deny"]},
}


def test_pods_run_also_where_a_policy_against_their_reports_is_still_in_force(
    lab: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    """The simulated kubelet reports once; a report that is refused would leave its pod pending for ever."""
    lab.start(make_scenario(Capability.NODES, name="before", setup=POD_SETUP))
    for manifest in (POLICY, BINDING):
        assert lab.objects.apply(manifest).ok
    eventually_refused(lab)
    lab.start(make_scenario(Capability.NODES, name="after", setup=POD_SETUP))
    phases = [pod["status"]["phase"] for pod in lab.objects.list("Pod", "production")]
    assert phases == ["Running"]
    lab.sessions.set_open(None)


def eventually_refused(lab: Lab) -> None:
    """Wait until the policy is in force."""
    report = {"status": {"message": "all is well"}}
    eventually(lambda: not lab.objects.patch("Pod", "bare", "production", report, subresource="status").ok)
