"""Whether a workload's next pod is let in: what is asked on a cluster in memory, what is refused by a real one."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster
from tests.checker.worlds import COMPLIANT, asked, context, create, namespace

from ckslab_checker.context import Context, Manifest
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.rollout import Rollout
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Response

PODS = "/api/v1/namespaces/production/pods"
IMAGE = "registry.k8s.io/pause:3.10.1"


def probe() -> Rollout:
    values = {"pods": {"namespace": "production", "labels": {"app": "web"}}}
    return Rollout.model_validate_json(json.dumps(values), by_name=False)


def owned(kind: str, name: str, owner: Manifest | None, **more: Any) -> Manifest:
    references = []
    if owner:
        keys = {key: owner["metadata"][key] for key in ("name", "uid")}
        references = [{"apiVersion": "apps/v1", "kind": owner["kind"], "controller": True, **keys}]
    metadata = {"name": name, "namespace": "production", "uid": f"uid-{name}", "labels": {"app": "web"}}
    return {"kind": kind, "metadata": {**metadata, "ownerReferences": references}, **more}


def template(image: str) -> Manifest:
    return {
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    }


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
DEPLOYMENT = owned("Deployment", "web", None, spec=template("new"))
REPLICA_SET = owned("ReplicaSet", "web-1", DEPLOYMENT, spec=template("old"))
POD = owned("Pod", "web-1-x", REPLICA_SET, spec={"containers": [{"name": "c"}]}, status=READY)


class World(FakeCluster):
    """Takes pods, or does not, and gives owners by name."""

    def __init__(self, objects: list[Manifest], answer: Response) -> None:
        super().__init__([{"kind": "Namespace", "metadata": {"name": "production"}}, *objects])
        self.answer = answer
        self.sent: list[tuple[Any, ...]] = []

    def request(self, method: str, path: str, body: Any = None, **others: Any) -> Response:
        if method == "POST" and path == PODS:
            self.sent.append((body, others["as_"].user, others["query"]))
            return self.answer
        for item in self.objects:
            if path.endswith(f"/{item['kind'].lower()}s/{item['metadata']['name']}"):
                return Response(200, item)
        return super().request(method, path, body, **others)


def ask(world: World) -> list[Evidence]:
    return probe().ask(Context(world, {}, Path("/nonexistent"), None, False, "seed"))


def test_the_deployment_s_template_is_sent_as_the_controller_would() -> None:
    world = World([DEPLOYMENT, REPLICA_SET, POD], Response(201, {}))
    told = "POST a pod of Deployment web in production as service account kube-system/replicaset-controller"
    assert ask(world) == [Evidence(told, "allowed", "allowed (HTTP 201)", met=True)]
    ((sent, who, query),) = world.sent
    assert who == "system:serviceaccount:kube-system:replicaset-controller"
    assert query == {"dryRun": "All"}
    assert sent["spec"] == {"containers": [{"name": "c", "image": "new"}]}
    assert sent["metadata"] == {
        "labels": {"app": "web"},
        "name": "web-1-seed",
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": True, "name": "web-1", "uid": "uid-web-1"}
        ],
    }


def test_one_that_is_refused_does_not_come_again() -> None:
    message = 'pods "web-1-seed" is forbidden: violates PodSecurity "restricted:latest": privileged'
    refusal = Response(403, {"reason": "Forbidden", "message": message})
    (found,) = ask(World([DEPLOYMENT, REPLICA_SET, POD], refusal))
    assert not found.met
    assert found.observed == f"denied by Pod Security: {message}"


def test_a_pod_of_nobody_s_is_not_made_anew() -> None:
    bare = owned("Pod", "web-1-x", None, spec={}, status=READY)
    told = "Which controller makes pod web-1-x in production anew?"
    assert ask(World([bare], Response(201, {}))) == [Evidence(told, "one that can", "none", met=False)]
    of_an_owner_that_is_gone = World([POD], Response(201, {}))
    assert ask(of_an_owner_that_is_gone) == [Evidence(told, "one that can", "none", met=False)]


def test_without_pods_or_namespace_nothing_is_proved() -> None:
    told = "Which pods with app=web in production are ready?"
    assert ask(World([DEPLOYMENT, REPLICA_SET], Response(201, {}))) == [
        Evidence(told, "at least one", "none", met=False)
    ]
    world = World([POD], Response(201, {}))
    del world.objects[0]
    assert ask(world) == [Evidence("Is there a namespace production?", "yes", "no", met=False)]


def test_an_answer_to_something_else_is_none() -> None:
    with pytest.raises(CannotTell):
        ask(World([DEPLOYMENT, REPLICA_SET, POD], Response(422, {"reason": "Invalid", "message": "no image"})))


@pytest.mark.plane
def test_a_real_server_refuses_what_violates_the_namespace_s_rules(objects: Objects) -> None:
    namespace(objects, "production")
    bad = {"containers": [{"name": "c", "image": IMAGE, "securityContext": {"privileged": True}}]}
    replica_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web-1", "namespace": "production"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": bad},
        },
    }
    create(objects, replica_set)
    deadline = time.monotonic() + 20
    while not probe().pods.running(context(objects)):
        assert time.monotonic() < deadline, objects.list("Pod", "production")
        time.sleep(0.05)
    assert all(item.met for item in asked(objects, probe()))
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    assert objects.patch("Namespace", "production", None, labels).ok
    (found,) = asked(objects, probe())
    assert found.observed.startswith("denied by Pod Security: ")
    good = {"containers": [{"name": "c", "image": IMAGE, "securityContext": COMPLIANT}]}
    assert objects.patch("ReplicaSet", "web-1", "production", {"spec": {"template": {"spec": good}}}).ok
    assert all(item.met for item in asked(objects, probe()))
