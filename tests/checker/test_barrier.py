import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster, binding, role, rule

from ckslab_checker import barrier, sentinels
from ckslab_checker.access import Attributes, review
from ckslab_checker.context import Context, Manifest, StartFacts
from ckslab_checker.outcome import CannotTell
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Capability, Cluster, Identity, Response
from ckslab_labs.errors import Infrastructure
from ckslab_labs.lab import Lab

ADMISSION = "admissionregistration.k8s.io/v1"
DANA = Identity.of_user("dana")
LIST_PODS = Attributes("list", "", "pods", namespace="default")


def context(cluster: Cluster, *, live: bool = True) -> Context:
    return Context(cluster, {}, Path("/nonexistent"), None, live, "seed")


def policy(
    name: str, expression: str, *, kinds: str = "configmaps", namespaces: Manifest | None = None
) -> list[Manifest]:
    """A policy that denies creation where the expression is false, and its binding."""
    rules = [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [kinds]}]
    spec = {
        "matchConstraints": {"resourceRules": rules, "namespaceSelector": namespaces or {}},
        "validations": [{"expression": expression}],
    }
    bound = {"policyName": name, "validationActions": ["Deny"]}
    metadata = {"name": name}
    return [
        {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec},
        {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": bound},
    ]


def webhook(kind: str) -> Manifest:
    """A webhook that nobody answers, on objects that nobody makes."""
    hook = {
        "name": "nobody.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "rules": [{"apiGroups": ["nowhere"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}],
    }
    return {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": "nobody"}, "webhooks": [hook]}


def create(objects: Objects, *manifests: Manifest) -> None:
    for manifest in manifests:
        answer = objects.create(manifest)
        assert answer.ok, answer.message


def ours(objects: Objects) -> list[str]:
    """What the barrier has left in a cluster."""
    kinds = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", *sentinel_kinds())
    names = [f"{kind} {item['metadata']['name']}" for kind in kinds for item in objects.list(kind)]
    labels = objects.get("Namespace", "ckslab").body["metadata"]["labels"]
    return [name for name in names if sentinels.PREFIX in name] + [key for key in labels if "pod-security" in key]


def sentinel_kinds() -> tuple[str, ...]:
    return "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingWebhookConfiguration"


@pytest.mark.plane
def test_a_grant_is_in_force_once_the_cluster_has_settled(cluster: Cluster, objects: Objects) -> None:
    for number in range(10):
        reader = role(f"reader-{number}", rule("list", "pods"), namespace="default")
        reading = binding(f"reader-{number}", reader, "User dana", namespace="default")
        create(objects, reader, reading)
        barrier.settle(context(cluster), admission=False)
        assert review(cluster, DANA, LIST_PODS).allowed
        assert objects.delete("RoleBinding", f"reader-{number}", "default").ok
        barrier.settle(context(cluster), admission=False)
        assert not review(cluster, DANA, LIST_PODS).allowed
    assert ours(objects) == []


@pytest.mark.plane
def test_a_policy_denies_once_the_cluster_has_settled(cluster: Cluster, objects: Objects) -> None:
    create(
        objects, *policy("no-config", "false", namespaces={"matchLabels": {"kubernetes.io/metadata.name": "default"}})
    )
    barrier.settle(context(cluster))
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}}
    answer = objects.create(config)
    assert answer.status == 422
    assert "ValidatingAdmissionPolicy 'no-config' with binding 'no-config' denied request" in answer.message
    assert objects.delete("ValidatingAdmissionPolicyBinding", "no-config").ok
    barrier.settle(context(cluster))
    assert objects.create(config).ok
    assert ours(objects) == []


@pytest.mark.plane
def test_a_pod_security_label_acts_once_the_cluster_has_settled(cluster: Cluster, objects: Objects) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "namespace": "default"},
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    }
    enforce = "pod-security.kubernetes.io/enforce"
    for level, status in [("restricted", 403), (None, 201)] * 5:
        assert objects.patch("Namespace", "default", None, {"metadata": {"labels": {enforce: level}}}).ok
        barrier.settle(context(cluster))
        assert objects.create(pod, dry_run=True).status == status
    assert ours(objects) == []


@pytest.mark.plane
def test_every_kind_of_admission_control_has_a_sentinel_that_is_seen(cluster: Cluster, objects: Objects) -> None:
    create(objects, webhook("ValidatingWebhookConfiguration"), webhook("MutatingWebhookConfiguration"))
    assert barrier.settle(context(cluster), everything=True) == ()
    assert ours(objects) == []


@pytest.mark.plane
def test_the_cluster_is_left_as_it_was(cluster: Cluster, lab: Lab) -> None:
    before = lab.capture()
    barrier.settle(context(cluster), everything=True)
    after = lab.capture()
    changed = {key for key in before.keys.keys() | after.keys.keys() if before.keys.get(key) != after.keys.get(key)}
    assert {key for key in changed if "/namespaces/ckslab" not in str(key)} == set()


@pytest.mark.plane
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_behind_by_a_run_that_is_broken_off(
    cluster: Cluster, objects: Objects, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupted(*_: object) -> None:
        raise error

    monkeypatch.setattr(barrier, "_await", interrupted)
    with pytest.raises(error):
        barrier.settle(context(cluster), everything=True)
    assert ours(objects) == []


@pytest.mark.plane
def test_what_a_killed_run_left_is_swept_by_a_later_one(
    cluster: Cluster, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = context(cluster)
    for sentinel in (sentinels.grant(ctx, "dead", "ClusterRole"), sentinels.validating_policy(ctx, "dead")):
        sentinel.write()
    barrier.settle(ctx, admission=False)
    assert len(ours(objects)) == 4  # it might belong to a run that is alive
    monkeypatch.setattr(barrier, "_ABANDONED", timedelta(seconds=-1))
    barrier.settle(ctx)
    assert ours(objects) == []


@pytest.mark.plane
def test_a_learner_who_denies_everything_gets_a_verdict_after_a_pause(
    cluster: Cluster, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(objects, *policy("deny-all", "false", kinds="*"))
    monkeypatch.setattr(barrier, "GRACE", 1.5)
    barrier.settle(context(cluster))
    (note,) = barrier.settle(context(cluster))
    assert "ValidatingAdmissionPolicy 'deny-all' with binding 'deny-all' denied request" in note
    assert note.endswith("waited 2 s")
    assert objects.delete("ValidatingAdmissionPolicyBinding", "deny-all").ok
    barrier.settle(context(cluster))


@pytest.mark.plane
def test_where_pod_security_leaves_our_namespace_alone_a_pause_does(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an AdmissionConfiguration exempts it: a label that says nothing to Pod Security acts as little."""
    monkeypatch.setattr(sentinels, "_WARN", "example.com/warn")
    monkeypatch.setattr(sentinels, "UNHEEDED", 0.1)
    monkeypatch.setattr(barrier, "GRACE", 0.1)
    (note,) = barrier.settle(context(cluster))
    assert "Pod Security looks at nothing in the namespace ckslab" in note


@pytest.mark.plane
def test_a_label_that_another_run_took_away_is_written_again_before_it_is_given_up(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = context(cluster)
    barrier.settle(ctx)
    monkeypatch.setattr(sentinels, "UNHEEDED", 5.0)
    label = sentinels.PodSecurityLabel(ctx, "v1.77")
    assert label.looked is None, "what was waited for before does not count"
    deadline = time.monotonic() + 5
    while label.seen() is not None:
        assert time.monotonic() < deadline
    label.erase()


@pytest.mark.plane
def test_an_aggregated_role_is_up_to_date_once_the_cluster_has_settled(cluster: Cluster, objects: Objects) -> None:
    assert Capability.CONTROLLERS in cluster.capabilities
    create(objects, binding("dana", role("edit"), "User dana", namespace="default"))
    debug = Attributes("patch", "", "pods", "ephemeralcontainers", "default")
    label = "rbac.authorization.k8s.io/aggregate-to-edit"
    create(objects, role("debug", rule("patch", "pods/ephemeralcontainers"), label=f"{label}=true"))
    for wanted in (True, False) * 3:
        patch = {"metadata": {"labels": {label: "true" if wanted else None}}}
        assert objects.patch("ClusterRole", "debug", None, patch).ok
        barrier.settle(context(cluster), admission=False)
        assert review(cluster, DANA, debug).allowed is wanted


class Deaf(FakeCluster):
    """A cluster in which nothing that is written has any effect."""

    def request(self, method: str, path: str, body: Any = None, **others: Any) -> Response:
        if method in ("POST", "DELETE") and "subjectaccessreviews" not in path:
            return Response(201, body)
        return super().request(method, path, body, **others)


def test_a_cluster_that_never_settles_is_given_up_with_what_was_seen_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "DEADLINE", 0.05)
    with pytest.raises(Infrastructure) as caught:
        barrier.settle(context(Deaf([])), admission=False)
    assert (
        caught.value.seen
        == "after 0 s a Role and its binding of ours has no effect; last seen: its grant is not in force"
    )


def test_aggregated_roles_that_nobody_fills_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "DEADLINE", 0.05)
    part = role("part", rule("get", "pods"), label="a=b")
    whole = {**role("whole"), "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    with pytest.raises(Infrastructure, match="no controller brings the aggregated ClusterRoles up to date: whole"):
        barrier.settle(context(Deaf([part, whole], frozenset({Capability.CONTROLLERS}))), admission=False)


SELECTS = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}


def aggregated(view: bool, edit: bool) -> dict[str, list[Manifest]]:
    """``edit`` is made of ``view`` and ``view`` of a part; which of them hold the part's rules."""
    part = role("part", rule("get", "pods"), label="c=d")
    rules = [rule("get", "pods")]
    made = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"c": "d"}}]}}
    whole = [
        {**role("view", *(rules if view else []), label="a=b"), **made},
        {**role("edit", *(rules if edit else [])), "aggregationRule": SELECTS},
    ]
    return {"ClusterRole": [part, *whole]}


def settled_by(
    monkeypatch: pytest.MonkeyPatch, looks: list[dict[str, list[Manifest]]], start: StartFacts | None
) -> tuple[Mapping[str, Any], int]:
    """What is taken for up to date, of what is there at each look; and how often the controller was awaited."""
    awaited: list[float] = []
    monkeypatch.setattr(barrier, "start_rbac", lambda _: looks.pop(0))
    monkeypatch.setattr(barrier, "_await_aggregation", lambda _, deadline: awaited.append(deadline))
    ctx = replace(context(FakeCluster([], frozenset({Capability.CONTROLLERS}))), start=start)
    barrier.await_controllers(ctx)
    assert looks == []
    return ctx.rbac, len(awaited)


def test_what_looks_finished_is_looked_at_again_once_the_controller_has_done_what_it_had_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It wrote edit by the view of a moment before: finished by chance, then not, then finished.
    by_chance, not_yet, finished = aggregated(True, True), aggregated(True, False), aggregated(True, True)
    start = StartFacts(aggregated(False, False))
    found = settled_by(monkeypatch, [by_chance, not_yet, finished, aggregated(True, True)], start)
    assert found == (finished, 2)


def test_roles_that_are_as_at_the_start_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    same = aggregated(True, True)
    assert settled_by(monkeypatch, [same], StartFacts(aggregated(True, True))) == (same, 0)
    assert settled_by(monkeypatch, [same, aggregated(True, True)], None) == (same, 1)


def test_a_controller_that_is_kept_from_its_work_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "start_rbac", lambda _: aggregated(True, True))
    ctx = context(Deaf([], frozenset({Capability.CONTROLLERS})))
    barrier.await_controllers(ctx, at_rest=True)
    assert ctx.rbac == aggregated(True, True)


def test_where_no_controller_runs_aggregated_roles_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "_await", lambda *_: None)
    part = role("part", rule("get", "pods"), label="a=b")
    whole = {**role("whole"), "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    assert barrier.settle(context(Deaf([part, whole])), admission=False) == ()


def test_a_review_that_is_tampered_with_is_not_waited_for() -> None:
    class Tampering(Deaf):
        def _review(self, body: dict[str, Any]) -> Response:
            return Response(201, {**body, "spec": {}, "status": {"allowed": True}})

    with pytest.raises(CannotTell, match="came back changed"):
        barrier.settle(context(Tampering([])), admission=False)


def on_its_way() -> list[Manifest]:
    return [{"kind": "Pod", "metadata": {"name": "late", "namespace": "shop", "uid": "a"}, "spec": {}, "status": {}}]


def test_pods_on_their_way_are_waited_for_where_they_are_real(monkeypatch: pytest.MonkeyPatch) -> None:
    real = FakeCluster(on_its_way(), frozenset({Capability.KUBELET}))
    seen: list[float] = []

    def arrive(pause: float) -> None:
        seen.append(pause)
        real.objects[0]["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}

    monkeypatch.setattr(time, "sleep", arrive)
    barrier.await_pods(context(real))
    assert len(seen) == 1


def test_a_container_whose_pod_is_gone_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a deleted Deployment the pods went on serving, and a check of their Service passed."""
    real = FakeCluster([{"kind": "Node", "metadata": {"name": "node"}}], frozenset({Capability.KUBELET}))
    running = "/api/v1/nodes/node/proxy/runningpods/"
    real.answers[running] = Response(200, {"items": [{"metadata": {"name": "late", "uid": "a"}}]})
    seen: list[float] = []

    def end(pause: float) -> None:
        seen.append(pause)
        real.answers[running] = Response(200, {"items": None})

    monkeypatch.setattr(time, "sleep", end)
    barrier.await_pods(context(real))
    assert len(seen) == 1


def test_simulated_pods_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda pause: pytest.fail("waited"))
    barrier.await_pods(context(FakeCluster(on_its_way())))


def test_a_pod_that_never_arrives_is_for_the_checks_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "PODS_DEADLINE", 0.0)
    barrier.await_pods(context(FakeCluster(on_its_way(), frozenset({Capability.KUBELET}))))
