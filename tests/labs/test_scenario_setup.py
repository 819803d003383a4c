"""A setup on a plane that was somebody's playground a moment ago."""

from collections.abc import Callable

import pytest
from tests.labs.helpers import POD_SETUP, eventually

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Capability
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.model import Scenario

pytestmark = pytest.mark.plane


CA = "kube-root-ca.crt"
NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: production}}\n"
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


DEBUGGED = """\
---
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: production}
spec:
  nodeName: node-1
  containers: [{name: c, image: "registry.k8s.io/pause:3.10.1"}]
  ephemeralContainers: [{name: left-1, image: "registry.k8s.io/pause:3.10.1"}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: production}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10.1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: production}
spec:
  ephemeralContainers: [{name: left-2, image: "registry.k8s.io/pause:3.10.1"}]
"""


def test_debug_containers_are_added_to_pods_that_are_there(lab: Lab, make_scenario: Callable[..., Scenario]) -> None:
    """Also to one that a controller makes, of which the manifest holds nothing else; and again after a reset."""
    scenario = make_scenario(Capability.CONTROLLERS, Capability.NODES, name="left", setup=NAMESPACE + DEBUGGED)
    lab.start(scenario)
    for _ in range(2):
        found = {pod["metadata"]["name"]: pod for pod in lab.objects.list("Pod", "production")}
        debugged = {
            name: [container["name"] for container in pod["spec"].get("ephemeralContainers", ())]
            for name, pod in found.items()
        }
        assert debugged == {"bare": ["left-1"], "db-0": ["left-2"]}
        assert [owner["kind"] for owner in found["db-0"]["metadata"]["ownerReferences"]] == ["StatefulSet"]
        assert lab.objects.delete("Pod", "db-0", "production").ok
        lab.reset(scenario)
    lab.sessions.set_open(None)


def test_what_controllers_make_belongs_to_the_start_however_busy_they_are(
    lab: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    """Each namespace that a restore takes away keeps the maker of the CA's ConfigMaps for 50 ms."""
    lab.start(make_scenario(Capability.CONTROLLERS, name="before", setup=NAMESPACE))
    for number in range(8):
        metadata = {"name": f"crowd-{number}"}
        assert lab.objects.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}).ok
    eventually(lambda: len([m for m in lab.objects.list("ConfigMap") if m["metadata"]["name"] == CA]) >= 12)
    start = lab.start(make_scenario(Capability.CONTROLLERS, name="after", setup=NAMESPACE)).start().snapshot
    namespaces = [key.rpartition(b"/")[2] for key in start.keys if key.startswith(b"/registry/namespaces/")]
    assert b"production" in namespaces
    for namespace in namespaces:
        assert b"/registry/configmaps/" + namespace + b"/" + CA.encode() in start.keys
    lab.sessions.set_open(None)
