from pathlib import Path
from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster, binding, pod, role, rule

from ckslab_checker.access import (
    Attributes,
    Decision,
    PathAttributes,
    allowed,
    names_in_roles,
    names_of_interest,
    parse_resource,
    review,
    self_allowed,
)
from ckslab_checker.outcome import CannotTell
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Cluster, Identity, Response
from ckslab_labs.errors import InvalidInput

DANA = Identity.of_user("dana", ("developers",))
PATCH = Attributes("patch", "", "pods", "ephemeralcontainers", "production", "web")
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Answering:
    """A cluster that answers every review in one way; for what a probe makes of odd answers."""

    name, kubeconfig, capabilities = "odd", Path("/nonexistent"), frozenset[Any]()
    certificate = None

    def __init__(self, code: int = 201, spec: dict[str, Any] | None = None, **status: Any) -> None:
        self.code, self.spec, self.status = code, spec, status

    def exec(self, *words: Any, **others: Any) -> Response:
        return Response(self.code)

    def request(self, method: str, path: str, body: Any = None, **others: Any) -> Response:
        return Response(self.code, {**body, "spec": {**body["spec"], **(self.spec or {})}, "status": self.status})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("pods", ("", "pods", "")),
        ("pods/log", ("", "pods", "log")),
        ("deployments.apps", ("apps", "deployments", "")),
        ("deployments.apps/scale", ("apps", "deployments", "scale")),
        ("roles.rbac.authorization.k8s.io", ("rbac.authorization.k8s.io", "roles", "")),
        ("*", ("", "*", "")),
    ],
)
def test_a_resource_is_read_as_in_a_scenario(text: str, parts: tuple[str, str, str]) -> None:
    assert parse_resource(text) == parts


@pytest.mark.parametrize("text", ["", "/log", "pods/", "Pods", "pods log", "pods.", ".apps"])
def test_what_is_no_resource_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no resource: write pods"):
        parse_resource(text)


def test_the_question_holds_every_group_and_nothing_that_is_empty() -> None:
    cluster = FakeCluster([])
    assert allowed(cluster, DANA, Attributes("list", "", "pods")) == Decision(False)
    assert cluster.reviews == [
        {
            "resourceAttributes": {"verb": "list", "resource": "pods"},
            "user": "dana",
            "groups": ["developers", "system:authenticated"],
        }
    ]


@pytest.mark.parametrize(
    ("group", "resource", "subresource"), [("", "pod", ""), ("apps", "pods", ""), ("", "pods", "logs"), ("", "Pod", "")]
)
def test_what_does_not_exist_is_not_answered_with_no(group: str, resource: str, subresource: str) -> None:
    cluster = FakeCluster([])
    with pytest.raises(CannotTell, match="this cluster has no resource"):
        allowed(cluster, DANA, Attributes("get", group, resource, subresource))
    assert cluster.reviews == []


def test_what_only_a_kubelet_serves_exists_as_well() -> None:
    assert not allowed(FakeCluster([]), DANA, Attributes("get", "", "nodes", "metrics")).allowed


@pytest.mark.parametrize(
    "changed", [{"user": "eli"}, {"groups": ["system:masters"]}, {"extra": {"a": ["b"]}}, {"resourceAttributes": {}}]
)
def test_a_review_that_came_back_changed_is_no_answer(changed: dict[str, Any]) -> None:
    with pytest.raises(CannotTell, match="came back changed"):
        review(Answering(spec=changed, allowed=False), DANA, PATCH)


@pytest.mark.parametrize(
    "status",
    [{}, {"allowed": "no"}, {"allowed": False, "conditionsChain": []}, {"allowed": True, "denied": True}],
)
def test_an_answer_of_an_unknown_form_is_no_answer(status: dict[str, Any]) -> None:
    with pytest.raises(CannotTell):
        review(Answering(**status), DANA, PATCH)


@pytest.mark.parametrize("code", [200, 403, 500])
def test_a_refused_review_is_no_answer(code: int) -> None:
    with pytest.raises(CannotTell, match=f"was refused: HTTP {code}"):
        review(Answering(code, allowed=False), DANA, PATCH)


def test_a_dangling_binding_is_told_beside_the_answer() -> None:
    answer = review(Answering(allowed=False, evaluationError='role "gone" not found'), DANA, PATCH)
    assert answer == Decision(False, "", 'role "gone" not found')


def test_nobody_asks_as_a_member_of_system_masters() -> None:
    root = Identity("root", ("system:masters",))
    for ask in (review, self_allowed):
        with pytest.raises(InvalidInput, match="bypasses RBAC"):
            ask(Answering(allowed=True), root, PATCH)


def test_names_come_from_objects_and_from_every_rule_that_covers_the_resource() -> None:
    rules = [
        rule("patch", "pods/ephemeralcontainers", names="b-exact"),
        rule("get", "*/ephemeralcontainers", groups="*", names="c-wildcard"),
        rule("*", "*", groups="core", names="d-all"),
        rule("patch", "pods", names="no-parent"),
        rule("patch", "pods/*", names="no-such-wildcard"),
        rule("patch", "pods/ephemeralcontainers", groups="apps", names="no-group"),
        rule("patch", "pods/ephemeralcontainers"),
    ]
    world = [
        role("a", *rules, namespace="production"),
        role("b", rule("patch", "pods/ephemeralcontainers", names="a-cluster-role")),
        role("c", rule("patch", "pods/ephemeralcontainers", names="no-other-namespace"), namespace="staging"),
        pod("web", "production"),
        pod("api", "production"),
        pod("no-other-pod", "staging"),
    ]
    cluster = FakeCluster(world)
    names = names_of_interest(Objects(cluster), cluster.rbac(), "pods/ephemeralcontainers", "production")
    assert names == ["api", "web", "a-cluster-role", "b-exact", "c-wildcard", "d-all"]
    assert "no-other-namespace" in names_in_roles(cluster.rbac(), "pods/ephemeralcontainers", None)


def test_a_question_is_told_as_one_would_say_it() -> None:
    assert str(PATCH) == "patch pods/web/ephemeralcontainers in production"
    assert str(Attributes("list", "apps", "deployments")) == "list deployments.apps"
    assert str(PathAttributes("get", "/metrics")) == "get /metrics"


@pytest.mark.plane
def test_a_real_server_answers_as_it_does_to_requests(cluster: Cluster, objects: Objects) -> None:
    narrow = role("narrow", rule("patch", "pods/ephemeralcontainers", names="web"), namespace="default")
    scrape = role("scrape", {"nonResourceURLs": ["/metrics"], "verbs": ["get"]})
    for manifest in (
        narrow,
        scrape,
        binding("narrow", narrow, "ServiceAccount build/runner", namespace="default"),
        binding("scrape", scrape, "Group scrapers"),
        binding("dangling", {**narrow, "metadata": {"name": "gone"}}, "User dana", namespace="default"),
    ):
        assert objects.create(manifest).ok
    runner, scraper = Identity.of_service_account("build", "runner"), Identity.of_user("x", ("scrapers",))
    web = Attributes("patch", "", "pods", "ephemeralcontainers", "default", "web")
    anything = Attributes("patch", "", "pods", "ephemeralcontainers", "default")
    wait = [review(cluster, runner, web).allowed for _ in range(200)]
    assert wait[-1]
    assert not allowed(cluster, runner, anything, objects=objects).allowed
    second = self_allowed(cluster, runner, anything)
    assert second is not None
    assert not second.allowed
    assert allowed(cluster, scraper, PathAttributes("get", "/metrics"), objects=objects).allowed
    assert not allowed(cluster, scraper, PathAttributes("get", "/metrics/"), objects=objects).allowed
    dangling = allowed(cluster, DANA, anything, objects=objects)
    assert not dangling.allowed
    assert "gone" in dangling.reason + dangling.evaluation_error
    assert self_allowed(cluster, Identity.anonymous(), anything) is None
