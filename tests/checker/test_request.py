import json
from collections.abc import Iterator

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import binding, role, rule
from tests.checker.worlds import ADMISSION, asked, context, create, forget_policies, met, namespace, pod, policy, unmet

from ckslab_checker.access import Attributes, PathAttributes
from ckslab_checker.outcome import CannotTell
from ckslab_checker.probes.request import Request, attributes_of
from ckslab_labs.cluster.objects import Objects

PROXY = "/api/v1/nodes/node-1/proxy/healthz"


def probe(expect: str, path: str | list[str], method: str = "GET", **others: object) -> Request:
    parameters = {"as": "dana", "method": method, "path": path, "expect": expect, **others}
    return Request.model_validate_json(json.dumps(parameters), by_name=False)


@pytest.mark.parametrize(
    ("method", "path", "attributes"),
    [
        ("GET", "/api/v1/pods", Attributes("list", "", "pods")),
        ("GET", "/api/v1/namespaces/red/pods", Attributes("list", "", "pods", namespace="red")),
        ("GET", "/api/v1/namespaces/red/pods?watch=true", Attributes("watch", "", "pods", namespace="red")),
        ("GET", "/api/v1/namespaces/red/pods?watch=0", Attributes("list", "", "pods", namespace="red")),
        ("GET", "/api/v1/namespaces/red/pods/web/log", Attributes("get", "", "pods", "log", "red", "web")),
        ("GET", "/api/v1/namespaces/red", Attributes("get", "", "namespaces", "", "red", "red")),
        ("PUT", "/api/v1/namespaces/red/finalize", Attributes("update", "", "namespaces", "finalize", "red", "red")),
        ("GET", "/api/v1/namespaces", Attributes("list", "", "namespaces")),
        ("DELETE", "/api/v1/namespaces/red/pods", Attributes("deletecollection", "", "pods", namespace="red")),
        ("DELETE", "/api/v1/namespaces/red/pods/web", Attributes("delete", "", "pods", "", "red", "web")),
        ("POST", "/apis/apps/v1/namespaces/red/deployments", Attributes("create", "apps", "deployments", "", "red")),
        ("GET", PROXY, Attributes("get", "", "nodes", "proxy", "", "node-1")),
        ("POST", "/api/v1/nodes/n/proxy/run/x/y", Attributes("create", "", "nodes", "proxy", "", "n")),
        ("PATCH", "/api/v1/nodes/a%20b", Attributes("patch", "", "nodes", "", "", "a b")),
        ("GET", "/metrics", PathAttributes("get", "/metrics")),
        ("POST", "/healthz/x", PathAttributes("post", "/healthz/x")),
        ("GET", "/api/v1", PathAttributes("get", "/api/v1")),
        ("GET", "/apis/apps/v1", PathAttributes("get", "/apis/apps/v1")),
    ],
)
def test_a_path_means_what_the_api_server_takes_it_for(
    method: str, path: str, attributes: Attributes | PathAttributes
) -> None:
    path, _, query = path.partition("?")
    assert attributes_of(method, path, dict([query.split("=")] if query else [])) == attributes


@pytest.mark.parametrize("bad", [{"method": "LIST"}, {"path": "api/v1"}, {"path": "/a b"}, {"expect": "yes"}])
def test_parameters_that_mean_nothing_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        probe(**{"expect": "denied", "path": "/metrics", **bad})  # type: ignore[arg-type]  # that is the point


def test_each_of_several_paths_is_asked_for() -> None:
    paths = ["/api/v1/pods", PROXY]
    assert probe("allowed", paths).path == tuple(paths)
    with pytest.raises(ValidationError):
        probe("allowed", [*paths, "metrics"])


@pytest.fixture
def production(objects: Objects) -> Iterator[Objects]:
    """A namespace with a pod; developers may read metrics, and proxy to the first node."""
    namespace(objects, "production")
    create(objects, pod("web"))
    metrics = role("metrics", {"nonResourceURLs": ["/metrics"], "verbs": ["get"]})
    proxy = role("proxy", rule("get", "nodes/proxy", names="node-1"))
    for made in (metrics, proxy):
        create(objects, made, binding(made["metadata"]["name"], made, "Group developers"))
    yield objects
    if context(objects).admission:
        forget_policies(objects)


@pytest.mark.plane
def test_a_path_outside_of_all_resources_is_allowed_or_denied(production: Objects) -> None:
    (found,) = asked(production, probe("allowed", "/metrics"))
    assert (found.asked, found.observed) == ("GET /metrics as dana (groups developers)", "allowed (HTTP 200)")
    (found,) = asked(production, probe("denied-by-rbac", "/debug/pprof"))
    assert found.met
    assert found.observed == 'denied by RBAC: forbidden: User "dana" cannot get path "/debug/pprof"'


@pytest.mark.plane
def test_what_leads_to_a_kubelet_is_allowed_though_nobody_answers_there(production: Objects) -> None:
    (found,) = asked(production, probe("allowed", PROXY))
    assert found.met
    assert found.observed.startswith("allowed, and then HTTP 50")
    assert not met(production, probe("denied", PROXY))
    assert met(production, probe("denied", PROXY.replace("node-1", "node-2")))
    assert met(production, probe("denied", PROXY, "POST", body={}))


@pytest.mark.plane
def test_a_policy_on_what_connects_denies_it(production: Objects) -> None:
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"], "resources": ["nodes/proxy"]}]
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": "false"}]}
    made = {
        "apiVersion": ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-proxy"},
        "spec": spec,
    }
    bound = {"policyName": "no-proxy", "validationActions": ["Deny"]}
    create(production, made, {**made, "kind": "ValidatingAdmissionPolicyBinding", "spec": bound})
    assert met(production, probe("denied-by-policy", PROXY))
    assert not met(production, probe("denied-by-rbac", PROXY))


@pytest.mark.plane
def test_a_write_is_a_dry_run_unless_a_policy_could_tell_and_the_cluster_is_ours(production: Objects) -> None:
    labeller = role("labeller", rule("patch get", "pods"), namespace="production")
    create(production, labeller, binding("labeller", labeller, "User dana", namespace="production"))
    body = {"metadata": {"labels": {"seen": "yes"}}}
    more = {"body": body, "content-type": "application/merge-patch+json"}
    patch = probe("allowed", "/api/v1/namespaces/production/pods/web", "PATCH", **more)

    def stays(*, live: bool) -> bool:
        assert met(production, patch, live=live)
        return "seen" in production.get("pods", "web", "production").body["metadata"]["labels"]

    assert not stays(live=True)
    assert not stays(live=False)
    create(production, *policy("anything-goes", "true", "pods"))
    assert not stays(live=True)
    assert stays(live=False)


@pytest.mark.plane
def test_what_is_not_there_is_read_by_whoever_may_and_denied_to_whoever_may_not(production: Objects) -> None:
    reader = role("reader", rule("get", "pods"), namespace="production")
    create(production, reader, binding("reader", reader, "User dana", namespace="production"))
    gone = "/api/v1/namespaces/production/pods/gone"
    assert unmet(asked(production, probe("denied", gone))) == [
        f'GET {gone} as dana (groups developers): allowed, and then HTTP 404 pods "gone" not found'
    ]
    assert met(production, probe("denied", gone, **{"as": "runner"}))


@pytest.mark.plane
@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("/api/v1/namespaces/production/pods/web", "PATCH", {"metadata": {"labels": "none"}}, 415),
        ("/api/v1/namespaces/production/pods", "POST", {"kind": "Pod"}, 422),
    ],
)
def test_a_write_that_admission_control_never_saw_is_neither_allowed_nor_denied(
    production: Objects, path: str, method: str, body: object, status: int
) -> None:
    anything = role("anything", rule("*", "pods"), namespace="production")
    create(production, anything, binding("anything", anything, "User dana", namespace="production"))
    for expect in ("allowed", "denied"):
        with pytest.raises(CannotTell, match=f"neither allowed nor denied: HTTP {status}"):
            asked(production, probe(expect, path, method, body=body))


@pytest.mark.plane
def test_a_write_to_what_is_gone_is_no_denial_and_the_work_cannot_go_on_without_it(production: Objects) -> None:
    anything = role("anything", rule("*", "pods"), namespace="production")
    create(production, anything, binding("anything", anything, "User dana", namespace="production"))
    gone = "/api/v1/namespaces/production/pods/gone"
    assert unmet(asked(production, probe("allowed", gone, "DELETE"))) == [
        f'DELETE {gone} as dana (groups developers): HTTP 404 pods "gone" not found'
    ]
    with pytest.raises(CannotTell, match="neither allowed nor denied: HTTP 404"):
        asked(production, probe("denied", gone, "DELETE"))
