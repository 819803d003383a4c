import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster, binding, pod, role, rule
from tests.checker.worlds import IDENTITIES, asked, create, met, namespace

from ckslab_checker.context import Context, StartFacts
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.can_i import CanI
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Response
from ckslab_labs.errors import InvalidInput

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "production"}}
READER = role("reader", rule("get list", "pods pods/log"), namespace="production")
WORLD = [
    NAMESPACE,
    pod("web", "production"),
    READER,
    binding("reader", READER, "Group developers", namespace="production"),
]


class World(FakeCluster):
    """Answers reviews of oneself as it does those of others, unless told otherwise."""

    second: bool | None = None

    def request(self, method: str, path: str, body: Any = None, **others: Any) -> Response:
        if path.endswith("/selfsubjectaccessreviews"):
            return Response(201, {**body, "status": {"allowed": bool(self.second)}})
        return super().request(method, path, body, **others)


def probe(expect: str, verbs: Sequence[str], resources: Sequence[str], **others: object) -> CanI:
    parameters = {"as": "dana", "namespace": "production", "verbs": verbs, "resources": resources, "expect": expect}
    return CanI.model_validate_json(json.dumps({**parameters, **others}), by_name=False)


def ask(checked: CanI, *more: dict[str, Any], cluster: World | None = None) -> list[Evidence]:
    world = cluster or World([*WORLD, *more])
    return checked.ask(Context(world, IDENTITIES, Path("/nonexistent"), None, True, "seed"))


def test_every_combination_is_asked_and_told_by_identity_and_resource() -> None:
    world = World(WORLD)
    world.answers["/api/v1/namespaces/build/serviceaccounts/runner"] = Response(200, {})
    asked = probe("allowed", ["get", "list", "watch"], ["pods", "pods/log"], **{"as": ["dana", "runner"]})
    found = ask(asked, cluster=world)
    assert [(item.asked, item.observed, item.met) for item in found] == [
        ("May dana (groups developers) get, list, watch pods in production?", "denied: watch", False),
        ("May service account build/runner get, list, watch pods in production?", "denied: get, list, watch", False),
        ("May dana (groups developers) get, list, watch pods/log in production?", "denied: watch", False),
        (
            "May service account build/runner get, list, watch pods/log in production?",
            "denied: get, list, watch",
            False,
        ),
    ]


def test_an_account_that_is_gone_cannot_go_on_working() -> None:
    """A review knows names, and does not mind that nobody has them any more."""
    assert ask(probe("allowed", ["get"], ["pods"], **{"as": "runner"})) == [
        Evidence("Is there a service account build/runner?", "yes", "no", met=False)
    ]


def test_what_a_group_may_another_member_may_too() -> None:
    named = binding("reader", READER, "User dana", namespace="production")
    start = StartFacts({"RoleBinding": [WORLD[-1]]})
    ctx = Context(World([*WORLD[:-1], named]), IDENTITIES, Path("/nonexistent"), start, True, "seed")
    found = probe("allowed", ["get"], ["pods"]).ask(ctx)
    assert [(item.asked, item.met) for item in found] == [
        ("May any member of developers get pods in production?", False),
    ]


def test_what_is_allowed_for_any_name_is_allowed() -> None:
    assert ask(probe("allowed", ["get", "list"], ["pods"])) == [
        Evidence("May dana (groups developers) get, list pods in production?", "allowed", "allowed", met=True)
    ]


NARROW = [
    role("narrow", rule("delete", "pods", names="web later"), namespace="production"),
    binding("narrow", role("narrow", namespace="production"), "User dana", namespace="production"),
]


def test_a_grant_narrowed_to_names_is_not_enough_to_be_allowed() -> None:
    (found,) = ask(probe("allowed", ["delete"], ["pods"]), *NARROW)
    assert (found.observed, found.met) == ("denied: delete", False)
    assert ask(probe("allowed", ["delete"], ["pods"], names=["web", "later"]), *NARROW)[0].met


def test_a_grant_narrowed_to_names_is_too_much_to_be_denied() -> None:
    (found,) = ask(probe("denied", ["delete"], ["pods"]), *NARROW)
    assert (found.observed, found.met) == ("allowed: delete web", False)
    only_later = [role("narrow", rule("delete", "pods", names="later"), namespace="production"), NARROW[1]]
    (found,) = ask(probe("denied", ["delete"], ["pods"]), *only_later)
    assert found.observed == "allowed: delete later"
    assert ask(probe("denied", ["delete"], ["pods"], names=["web"]), *only_later)[0].met


def test_objects_in_creation_have_no_name_to_narrow_by() -> None:
    creator = role("creator", rule("create deletecollection", "pods", names="web"), namespace="production")
    bound = binding("creator", creator, "User dana", namespace="production")
    assert ask(probe("denied", ["create", "deletecollection"], ["pods"]), creator, bound)[0].met
    attacher = role("attacher", rule("create", "pods/attach", names="web"), namespace="production")
    bound = binding("attacher", attacher, "User dana", namespace="production")
    assert not ask(probe("denied", ["create"], ["pods/attach"]), attacher, bound)[0].met


def test_a_namespace_that_is_gone_proves_nothing() -> None:
    gone = [Evidence("Is there a namespace staging?", "yes", "no", met=False)]
    for expect in ("allowed", "denied"):
        assert ask(probe(expect, ["get"], ["pods"], namespace="staging")) == gone


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ("pod", "this cluster has no resource pod:"),
        ("pods.apps", "this cluster has no resource pods.apps:"),
        ("pods/logs", "this cluster has no resource pods/logs:"),
        ("nodes", "nodes is in no namespace"),
    ],
)
def test_a_question_that_means_nothing_is_not_answered_with_no(resource: str, message: str) -> None:
    with pytest.raises(CannotTell, match=message):
        ask(probe("allowed", ["get"], [resource]))


def test_two_reviews_that_contradict_each_other_are_no_answer() -> None:
    cluster = World(WORLD)
    cluster.second = True
    with pytest.raises(CannotTell, match="one review of access says no, another says yes"):
        ask(probe("denied", ["delete"], ["pods"]), cluster=cluster)


def test_identities_are_those_of_the_scenario_and_never_in_system_masters() -> None:
    with pytest.raises(InvalidInput, match="the scenario's identities are: dana, nobody, olga, root, runner"):
        ask(probe("denied", ["get"], ["pods"], **{"as": "eve"}))
    with pytest.raises(InvalidInput, match="bypasses RBAC"):
        ask(probe("denied", ["get"], ["pods"], **{"as": "root"}))


@pytest.mark.parametrize("bad", [{"expect": "denied-by-policy"}, {"verbs": []}, {"resources": ["Pods"]}, {"name": "x"}])
def test_parameters_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        probe(**{"expect": "denied", "verbs": ["get"], "resources": ["pods"], **bad})


@pytest.mark.plane
def test_a_real_server_is_asked_in_every_scope(objects: Objects) -> None:
    namespace(objects, "production")
    scraper = role("scraper", rule("get", "nodes/metrics nodes/proxy", names="node-1"))
    wide = role("wide", rule("list", "pods"))
    create(
        objects,
        READER,
        scraper,
        wide,
        binding("reader", READER, "Group developers", namespace="production"),
        binding("scraper", scraper, "ServiceAccount build/runner"),
        binding("wide", wide, "Group break-glass"),
    )
    namespace(objects, "build")
    create(
        objects, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "runner", "namespace": "build"}}
    )
    nodes = {"as": "runner", "namespace": None}
    assert met(objects, probe("allowed", ["get", "list"], ["pods", "pods/log"]))
    assert met(objects, probe("denied", ["get", "list"], ["secrets", "deployments.apps"]))
    assert met(objects, probe("allowed", ["get"], ["nodes/metrics"], names=["node-1"], **nodes))
    assert asked(objects, probe("denied", ["get", "create"], ["nodes/proxy"], **nodes))[0].observed == (
        "allowed: get node-1"
    )
    assert met(objects, probe("allowed", ["list"], ["pods"], **{"as": "olga", "namespace": None}))
    assert not met(objects, probe("allowed", ["list"], ["pods"], namespace=None))
    assert met(objects, probe("denied", ["list"], ["pods"], **{"as": "nobody"}))
