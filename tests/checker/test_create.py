import json
from collections.abc import Iterator

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import role, rule
from tests.checker.worlds import asked, context, create, forget_policies, grant, met, namespace, pod, policy, unmet

from ckslab_checker.context import Manifest
from ckslab_checker.outcome import CannotTell
from ckslab_checker.probes.create import Create
from ckslab_labs.cluster.objects import Objects

pytestmark = pytest.mark.plane

BOTH = pytest.mark.parametrize("live", [True, False], ids=["live", "for-real"])
ROOT: Manifest = {**pod("node-debugger"), "spec": {"hostPID": True, "containers": [{"name": "x", "image": "busybox"}]}}


def probe(expect: str, manifest: Manifest = ROOT, where: str | None = "production") -> Create:
    parameters = {"as": "dana", "namespace": where, "manifest": manifest, "expect": expect}
    return Create.model_validate_json(json.dumps(parameters), by_name=False)


@pytest.fixture
def production(objects: Objects) -> Iterator[Objects]:
    """A namespace in which developers may create pods and roles."""
    namespace(objects, "production")
    rbac = rule("create", "roles rolebindings", groups="rbac.authorization.k8s.io")
    grant(objects, "create", "Group developers", rule("create", "pods"), rbac)
    yield objects
    if context(objects).admission:
        forget_policies(objects)


@BOTH
def test_what_nothing_refuses_is_allowed(production: Objects, live: bool) -> None:
    (found,) = asked(production, probe("allowed"), live=live)
    assert found.asked == "POST pods in production as dana (groups developers)"
    assert (found.observed, found.met) == ("allowed (HTTP 201)", True)
    assert production.list("pods", "production") == []
    assert not met(production, probe("denied"), live=live, seed="another")


@BOTH
def test_where_a_policy_could_tell_a_dry_run_it_is_asked_for_real(production: Objects, live: bool) -> None:
    create(production, *policy("dry-runs-only", "request.?dryRun.orValue(false)", "pods"))
    assert met(production, probe("allowed"), live=live) is live
    forget_policies(production)
    create(production, *policy("anything-goes", "true", "pods"))
    assert met(production, probe("allowed"), live=live)
    names = [item["metadata"]["name"] for item in production.list("pods", "production")]
    assert names == ([] if live else ["node-debugger-seed0"])


def test_several_manifests_in_several_namespaces_are_each_tried(production: Objects) -> None:
    namespace(production, "staging")
    plain = pod("plain")
    several = {"manifest": [ROOT, plain], "namespace": ["production", "staging"], "as": "dana", "expect": "allowed"}
    found = asked(production, Create.model_validate_json(json.dumps(several), by_name=False), live=False)
    assert [(item.asked.removesuffix(" as dana (groups developers)"), item.met) for item in found] == [
        ("POST pods (node-debugger) in production", True),
        ("POST pods (node-debugger) in staging", False),
        ("POST pods (plain) in production", True),
        ("POST pods (plain) in staging", False),
    ]
    several["namespace"] = ["production", "gone"]
    (missing,) = asked(production, Create.model_validate_json(json.dumps(several), by_name=False), live=False)
    assert (missing.asked, missing.met) == ("Is there a namespace gone?", False)


@BOTH
def test_rbac_denies(production: Objects, live: bool) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}
    for expect in ("denied", "denied-by-rbac"):
        assert met(production, probe(expect, secret), live=live)
    for expect in ("allowed", "denied-by-policy", "denied-by-pod-security", "denied-by-webhook"):
        assert not met(production, probe(expect, secret), live=live)


@BOTH
def test_pod_security_denies(production: Objects, live: bool) -> None:
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
    assert production.patch("Namespace", "production", None, labels).ok
    assert met(production, probe("denied-by-pod-security"), live=live)
    assert not met(production, probe("denied-by-rbac"), live=live)
    assert met(production, probe("allowed", pod("fine")), live=live)


@BOTH
def test_a_policy_denies_whatever_it_says(production: Objects, live: bool) -> None:
    text = 'pods is forbidden: User "dana" cannot create resource "pods"'
    create(production, *policy("no-host", "!has(object.spec.hostPID)", "pods", message=text, reason="Forbidden"))
    assert met(production, probe("denied-by-policy"), live=live)
    assert not met(production, probe("denied-by-rbac"), live=live)


@BOTH
def test_the_check_against_escalation_counts_as_rbac(production: Objects, live: bool) -> None:
    more = role("more", rule("*", "secrets"), namespace="production")
    (found,) = asked(production, probe("denied-by-rbac", more), live=live)
    assert found.met
    assert found.observed.startswith("denied by RBAC's check against privilege escalation: roles.rbac")


@BOTH
def test_a_full_quota_denies_nobody_in_particular(production: Objects, live: bool) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q", "namespace": "production"},
        "spec": {"hard": {"pods": "0"}},
        "status": {"hard": {"pods": "0"}, "used": {"pods": "0"}},
    }
    create(production, quota)
    path = "/api/v1/namespaces/production/resourcequotas/q/status"
    assert production.cluster.request("PUT", path, quota).ok
    for expect in ("denied", "allowed"):
        (line,) = unmet(asked(production, probe(expect), live=live))
        assert "denied by another admission plugin: pods " in line
        assert "exceeded quota: q" in line


def test_no_two_objects_share_a_name(production: Objects) -> None:
    checked = probe("allowed")
    assert met(production, checked, seed="one")
    assert met(production, checked, seed="two")


@pytest.mark.parametrize(
    ("manifest", "where", "message"),
    [
        ({"apiVersion": "v1", "kind": "Pood", "metadata": {"name": "x"}}, "production", "serves no resource"),
        ({**ROOT, "spec": {"containers": []}}, "production", "the control of this question went wrong: .* HTTP 422"),
        (ROOT, None, "pods: give the check's namespace"),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}, "production", "namespaces: take away"),
    ],
)
def test_a_manifest_that_nobody_could_create_is_no_denial(
    production: Objects, manifest: Manifest, where: str | None, message: str
) -> None:
    with pytest.raises(CannotTell, match=message):
        asked(production, probe("denied", manifest, where))


def test_a_namespace_that_is_gone_is_no_proof(objects: Objects) -> None:
    assert unmet(asked(objects, probe("denied"))) == ["Is there a namespace production?: no"]


def test_the_parameters_are_checked() -> None:
    with pytest.raises(ValidationError):
        probe("forbidden")
