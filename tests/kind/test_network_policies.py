"""NetworkPolicies are enforced on a kind cluster: every connection among four pods is tried, under each row of a table.

The node images that kind publishes do it by themselves; ours has an enforcer (``node_image/enforcer``).
"""

import fnmatch
import string
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import REAL_CACHE
from tests.kind.conftest import PLANE
from tests.labs.helpers import eventually

from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.cluster.together import together
from ckslab_labs.lab import Lab
from ckslab_labs.providers.kind.place import Place
from ckslab_labs.providers.kind.provider import IMAGE_VARIABLE

SECONDS = 15.0
"""Until policies are in force at the latest; it takes a fraction of a second."""
NAMESPACES: Mapping[str, Mapping[str, str]] = {"shop": {"team": "shop"}, "ops": {"team": "ops"}, "guest": {}}
LISTEN = "httpd -p 80 && exec httpd -f -p 8080"


@dataclass(frozen=True)
class Member:
    """A pod of the table."""

    namespace: str
    app: str
    http: int = 80


PODS = {
    "web": Member("shop", "web"),
    "db": Member("shop", "db", http=8080),
    "monitor": Member("ops", "monitor"),
    "stranger": Member("guest", "monitor"),
}
TARGETS = (*(f"{pod}:{port}" for pod in PODS for port in (80, 8080)), "service:8000", "dns:53", "dns:53/udp")
CONNECTIONS = frozenset(f"{pod} > {target}" for pod in PODS for target in TARGETS if not target.startswith(f"{pod}:"))


@dataclass(frozen=True)
class Row:
    """A row of the table; see there."""

    name: str
    policies: Sequence[Mapping[str, Any]]
    refused: Sequence[str]
    allowed: Sequence[str] = ()

    @property
    def open(self) -> frozenset[str]:
        """The connections that work."""
        return CONNECTIONS - (named(self.refused) - named(self.allowed))


def named(patterns: Sequence[str]) -> frozenset[str]:
    """The connections that patterns name; each must name one."""
    found = [fnmatch.filter(CONNECTIONS, pattern) for pattern in patterns]
    assert all(found), f"nothing is meant by one of {patterns}"
    return frozenset(connection for some in found for connection in some)


ROWS = [Row(**row) for row in yaml.safe_load(Path(__file__).with_name("network_policies.yaml").read_text())]


class World:
    """The pods of the table on a cluster, in namespaces of this run."""

    def __init__(self, lab: Lab) -> None:
        self.name = lab.name
        self._objects: Objects = lab.objects
        self._kubectl = [str(lab.provider.kubectl), f"--kubeconfig={lab.provider.kubeconfig('admin')}"]
        run = uuid.uuid4().hex[:6]
        self.names = {name: f"np-{run}-{name}" for name in NAMESPACES}
        self.addresses: dict[str, str] = {}

    def make(self) -> None:
        """Make everything, and wait until it answers."""
        for name, labels in NAMESPACES.items():
            self._apply("v1", "Namespace", {"name": self.names[name], "labels": labels})
        for name, pod in PODS.items():
            self.run(name, pod, LISTEN)
        spec = {"selector": {"app": "web"}, "ports": [{"port": 8000, "targetPort": 80}]}
        self._apply("v1", "Service", {"name": "service", "namespace": self.names["shop"]}, spec=spec)
        for name, pod in PODS.items():
            eventually(lambda: self.status(name, pod).get("podIP"), 60)  # noqa: B023, asked at once
            self.addresses[name] = self.status(name, pod)["podIP"]
        for name, service, namespace in (
            ("service", "service", self.names["shop"]),
            ("dns", "kube-dns", "kube-system"),
        ):
            self.addresses[name] = self._objects.get("Service", service, namespace).body["spec"]["clusterIP"]
        self.clear()

    def run(self, name: str, pod: Member, script: str) -> None:
        """Make a pod that runs a script."""
        container = {
            "name": "main",
            "image": "busybox:1.37.0",
            "command": ["sh", "-c", script],
            "ports": [{"name": "http", "containerPort": pod.http}],
        }
        spec = {"containers": [container], "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False}
        metadata = {"name": name, "namespace": self.names[pod.namespace], "labels": {"app": pod.app}}
        self._apply("v1", "Pod", metadata, spec=spec)

    def status(self, name: str, pod: Member) -> dict[str, Any]:
        """What the kubelet says of a pod."""
        return dict(self._objects.get("Pod", name, self.names[pod.namespace]).body["status"])

    def enforce(self, policies: Sequence[Mapping[str, Any]]) -> None:
        """Apply policies as a row has them."""
        text = string.Template(yaml.safe_dump(list(policies))).substitute({**self.names, **self.addresses})
        for number, policy in enumerate(yaml.safe_load(text)):
            metadata = {"name": f"policy-{number}", "namespace": self.names[policy["namespace"]]}
            self._apply("networking.k8s.io/v1", "NetworkPolicy", metadata, spec=policy["spec"])

    def clear(self) -> None:
        """Take all policies away, and wait until every connection works: what is refused later, policies refuse."""
        for namespace in self.names.values():
            for policy in self._objects.list("NetworkPolicy", namespace):
                assert self._objects.delete("NetworkPolicy", policy["metadata"]["name"], namespace).ok
        assert self.reached(CONNECTIONS, 60.0) == CONNECTIONS

    def reached(self, expected: frozenset[str], seconds: float = SECONDS) -> frozenset[str]:
        """The connections that work: as expected, or as they were last when the time was up."""
        deadline = time.monotonic() + seconds
        while True:
            found = frozenset().union(*together(partial(self._reached_from, pod) for pod in PODS))
            if found == expected or time.monotonic() > deadline:
                return found

    def _reached_from(self, pod: str) -> frozenset[str]:
        """Every target is tried at once; those that answer are written down."""
        targets = [target for target in TARGETS if f"{pod} > {target}" in CONNECTIONS]
        tries = [f"({self._try(target)} >/dev/null 2>&1 && echo {target}) &" for target in targets]
        said = self.execute(pod, "\n".join([*tries, "wait"])).stdout
        return frozenset(f"{pod} > {target}" for target in said.split())

    def _try(self, target: str) -> str:
        host, _, port = target.partition(":")
        if port == "53/udp":
            return f"timeout 1 nslookup kubernetes.default.svc.cluster.local {self.addresses[host]}"
        return f"timeout 2 nc -w 1 {self.addresses[host]} {port} -e true"

    def execute(self, pod: str, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script in a pod of the table."""
        namespace = self.names[PODS[pod].namespace]
        command = [*self._kubectl, "exec", "-n", namespace, pod, "--", "sh", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def label(self, kind: str, name: str, namespace: str | None, labels: Mapping[str, str | None]) -> None:
        """Change labels."""
        assert self._objects.patch(kind, name, namespace, {"metadata": {"labels": labels}}).ok

    def end(self) -> None:
        """Leave nothing. Pods are ended first: a namespace would wait for their grace period, and then for longer."""
        for namespace in self.names.values():
            for pod in self._objects.list("Pod", namespace):
                self._objects.delete("Pod", pod["metadata"]["name"], namespace)
            self._objects.delete("Namespace", namespace)
        eventually(lambda: all(self._objects.get("Namespace", name).status == 404 for name in self.names.values()), 60)

    def _apply(self, version: str, kind: str, metadata: Manifest, **more: object) -> None:
        # A namespace's service account comes a moment after the namespace.
        eventually(lambda: self._objects.apply({"apiVersion": version, "kind": kind, "metadata": metadata, **more}).ok)


@pytest.fixture(scope="module")
def whole(image: str, kind_state: Path, _cluster_of_the_run: None) -> Iterator[World]:
    """The pods, for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(kind_state))
        patch.setenv("XDG_CACHE_HOME", REAL_CACHE)
        patch.setenv(IMAGE_VARIABLE, image)
        lab = Lab(PLANE, provider="kind")
        lab.prepare([])
        world = World(lab)
        try:
            world.make()
            yield world
        finally:
            world.end()


@pytest.fixture
def world(whole: World) -> Iterator[World]:
    """The pods, without any policy; and every connection works."""
    yield whole
    whole.clear()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_connections_are_as_the_policies_say(world: World, row: Row) -> None:
    assert row.open != CONNECTIONS
    world.enforce(row.policies)
    assert sorted(world.reached(row.open)) == sorted(row.open)


DENY: Sequence[Mapping[str, Any]] = [
    {"namespace": name, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}} for name in NAMESPACES
]
ONLY_ITSELF = frozenset({"web > service:8000"})


def test_labels_that_are_given_later_count(world: World) -> None:
    marked = {"matchLabels": {"marked": "yes"}}
    peer = {"namespaceSelector": marked, "podSelector": marked}
    world.enforce([{"namespace": "shop", "spec": {"podSelector": marked, "ingress": [{"from": [peer]}]}}])
    guest, shop = world.names["guest"], world.names["shop"]
    assert world.reached(CONNECTIONS) == CONNECTIONS
    world.label("Pod", "db", shop, {"marked": "yes"})
    closed = CONNECTIONS - named(["* > db:*"])
    assert world.reached(closed) == closed
    world.label("Pod", "stranger", guest, {"marked": "yes"})
    world.label("Namespace", guest, None, {"marked": "yes"})
    opened = closed | named(["stranger > db:*"])
    assert world.reached(opened) == opened
    for kind, name, namespace in (("Pod", "db", shop), ("Pod", "stranger", guest), ("Namespace", guest, None)):
        world.label(kind, name, namespace, {"marked": None})


def test_the_node_and_its_pods_reach_each_other_whatever_is_isolated(world: World) -> None:
    world.enforce(DENY)
    assert world.reached(ONLY_ITSELF) == ONLY_ITSELF
    node = ["docker", "exec", Place(world.name).container, "timeout", "3", "bash", "-c"]
    for name in PODS:
        subprocess.run([*node, f"exec 3<>/dev/tcp/{world.addresses[name]}/80"], check=True)
    kubelet = f"timeout 3 nc -w 2 {world.status('web', PODS['web'])['hostIP']} 10250 -e true"
    assert world.execute("web", kubelet).returncode == 0


def test_a_new_pod_is_isolated_from_its_first_instant(world: World) -> None:
    """It tries for three seconds from the moment on at which its container starts; the other end would let it in."""
    world.enforce([{"namespace": "guest", "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}])
    isolated = CONNECTIONS - named(["stranger > *"])
    assert world.reached(isolated) == isolated
    late = Member("guest", "late")
    each = f"timeout 1 nc -w 1 {world.addresses['monitor']} 80 -e true && exit 1"
    world.run("late", late, f"for i in 1 2 3; do {each}; done; exit 0")

    def ended() -> dict[str, Any]:
        (status,) = world.status("late", late).get("containerStatuses", [{}])
        return dict(status.get("state", {}).get("terminated", {}))

    eventually(ended, 60)
    assert ended()["exitCode"] == 0
