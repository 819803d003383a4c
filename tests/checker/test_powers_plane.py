"""The small evaluator of ``powers`` against the authorizer of a real API server."""

import random
import time
from typing import Any

import pytest
from tests.checker.fake_cluster import binding, role

from ckslab_checker.access import Attributes, Decision, allowed
from ckslab_checker.powers import Grants
from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.cluster.port import Cluster, Identity
from ckslab_labs.session import start_rbac

pytestmark = pytest.mark.plane

SEED = 20250607
WORLDS = 6
QUESTIONS = 250
NAMESPACES = ["red", "blue"]
VERBS = ["get", "list", "patch", "update", "create", "impersonate", "*"]
GROUPS = ["", "apps", "rbac.authorization.k8s.io", "*", "*"]
RESOURCES = ["pods", "pods/ephemeralcontainers", "pods/log", "nodes/proxy", "deployments", "deployments/scale", "roles"]
IN_RULES = [*RESOURCES, "*", "*/ephemeralcontainers", "*/scale", "pods/*", "*/*"]
NAMES = ["web", "db"]
SUBJECTS = [
    "User dana",
    "User eli",
    "User system:serviceaccount:red:runner",
    "User system:anonymous",
    "Group developers",
    "Group system:authenticated",
    "Group system:unauthenticated",
    "Group system:serviceaccounts",
    "Group system:serviceaccounts:red",
    "ServiceAccount red/runner",
    "ServiceAccount blue/runner",
]
IDENTITIES = [
    Identity.of_user("dana", ("developers",)),
    Identity.of_user("eli"),
    Identity("dana"),
    Identity("fresh", ("developers",)),
    Identity.of_service_account("red", "runner"),
    Identity.of_service_account("blue", "runner"),
    Identity("system:serviceaccount:red:runner"),
    Identity.anonymous(),
]


def world(dice: random.Random) -> list[Manifest]:
    """Some roles, and bindings that fit, dangle, or cross namespaces."""

    def some(choices: list[str], most: int = 4) -> list[str]:
        return dice.sample(choices, dice.randint(1, most))

    def rules() -> list[dict[str, Any]]:
        made = [{"verbs": some(VERBS), "apiGroups": some(GROUPS), "resources": some(IN_RULES)} for _ in range(2)]
        return [{**each, "resourceNames": some(NAMES, 2)} if dice.random() < 0.2 else each for each in made]

    roles = [role(f"t-{i}", *rules(), namespace=dice.choice([*NAMESPACES, ""])) for i in range(6)]
    bindings = []
    for i in range(8):
        to = dice.choice(roles)
        if dice.random() < 0.1:
            to = role("t-missing")
        inside = to["kind"] == "Role" or dice.random() < 0.6
        bindings.append(binding(f"t-{i}", to, *some(SUBJECTS), namespace=dice.choice(NAMESPACES) if inside else ""))
    return [*roles, *bindings]


def question(dice: random.Random) -> Attributes:
    resource, _, subresource = dice.choice([*RESOURCES, "*"]).partition("/")
    group = {"deployments": "apps", "roles": "rbac.authorization.k8s.io", "*": "*"}.get(resource, "")
    namespace, name = dice.choice([*NAMESPACES, ""]), dice.choice([*NAMES, "other", ""])
    return Attributes(dice.choice(VERBS), group, resource, subresource, namespace, name)


def settle(cluster: Cluster, objects: Objects, number: int) -> None:
    """Wait until the authorizer knows what was written last, each of the four kinds being watched by itself."""
    who = Identity(f"settled-{number}")
    for namespace in ("red", ""):
        mark = role(
            f"t-settled-{number}", {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, namespace=namespace
        )
        for manifest in (mark, binding(f"t-settled-{number}", mark, f"User {who.user}", namespace=namespace)):
            assert objects.apply(manifest).ok
        deadline = time.monotonic() + 10
        while not allowed(cluster, who, Attributes("get", "", "pods", namespace=namespace), objects=objects).allowed:
            assert time.monotonic() < deadline, "the authorizer did not follow"


def test_the_evaluator_agrees_with_the_api_server(cluster: Cluster, objects: Objects) -> None:
    dice = random.Random(SEED)
    for name in NAMESPACES:
        assert objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).ok
    asked, answers = 0, {True: 0, False: 0}
    for number in range(WORLDS):
        made = world(dice)
        for manifest in made:
            assert objects.apply(manifest).ok
        settle(cluster, objects, number)
        grants = Grants(start_rbac(objects), aggregated=False)
        for _ in range(QUESTIONS):
            identity, attributes = dice.choice(IDENTITIES), question(dice)
            decision: Decision = allowed(cluster, identity, attributes, objects=objects)
            assert grants.allow(identity, attributes) is decision.allowed, f"world {number}: {identity}: {attributes}"
            answers[decision.allowed] += 1
            asked += 1
        for manifest in reversed(made):
            assert objects.delete(
                manifest["kind"], manifest["metadata"]["name"], manifest["metadata"].get("namespace")
            ).ok
    assert asked == WORLDS * QUESTIONS
    assert min(answers.values()) > asked // 20, "questions of both answers"
