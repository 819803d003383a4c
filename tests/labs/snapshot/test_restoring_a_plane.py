"""A restore undoes whatever was done to a cluster, at once and for good, while its controllers are at work."""

import functools
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.labs.helpers import eventually, pid_of
from tests.labs.snapshot.writes import ANY_TIME, LAST, deployment, made

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Capability
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded.components import CONTROLLERS, KWOK
from ckslab_labs.providers.embedded.layout import Wanted
from ckslab_labs.providers.embedded.plane import PUBLISHED
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.snapshot.etcd import Etcd
from ckslab_labs.snapshot.snapshot import EVENTS, Snapshot, compare_keys, restore_keys

pytestmark = pytest.mark.plane

SEED = 20261
ROUNDS = int(os.environ.get("CKSLAB_ROUNDS", "24"))
"""Rounds of random writes and a restore; each delay gets a quarter of them."""
BATCH = 12
"""Rounds before a late look: what controllers do seconds later is seen at the end of each batch."""
DELAYS = (0.0, 0.005, 0.05, 0.5)
LATE = 5.0
CYCLES = 2000
MAX_ETCD = 64 * 1024 * 1024

GROUPS = {
    "clusterroles": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "minions": "/api/v1/nodes",
    "pods": "/api/v1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
}
"""Where to read the objects behind the keys whose status may drift."""


@pytest.fixture(params=["clean", "with workloads"])
def snapshot(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Snapshot]:
    """A state to come back to: the baseline, or one with running pods in it."""
    if request.param == "with workloads":
        lab.objects.create(made("v1", "Namespace", "kept"))
        lab.objects.create(deployment("kept", "kept"))
        eventually(lambda: [pod["status"]["phase"] for pod in lab.objects.list("Pod", "kept")] == ["Running"] * 2)
        time.sleep(1)  # the controllers write the last status
    yield lab.capture()
    lab.prepare([Capability.NODES])


def disturb(lab: Lab, choices: random.Random, round_: int) -> str:
    """Write a random series, and end it with deletions that keep controllers at work. Returns what was done."""
    objects = lab.objects
    for name in ("work", "work-2"):
        eventually(functools.partial(is_made, lab, made("v1", "Namespace", name)))
    assert objects.create(deployment("cascade", "work", 3)).ok
    done = choices.sample(sorted(ANY_TIME), 6)
    for index, what in enumerate(done):
        ANY_TIME[what](objects, choices, f"r{round_}-{index}")
    assert objects.delete("Namespace", "work-2").ok
    path = "/apis/apps/v1/namespaces/work/deployments/cascade"
    assert lab.cluster.request("DELETE", path, {"propagationPolicy": "Foreground"}).ok
    if objects.exists("apps", "deployments") and objects.get("Deployment", "kept", "kept").ok and round_ % 2:
        objects.delete("Namespace", "kept")
    last = choices.choice([*sorted(LAST), ""])
    if last:
        LAST[last](objects, choices, f"r{round_}")
    return f"{', '.join(done)}; {last}"


def is_made(lab: Lab, manifest: Manifest) -> bool:
    """Whether an object could be made: what the last round's policy denied is denied for a second after it went."""
    return lab.objects.create(manifest).ok


def drifted(lab: Lab, snapshot: Snapshot) -> list[str]:
    """Keys that differ from a snapshot, seconds later, in more than what lives on by itself.

    That is: events, and the status of workloads and nodes (which is shown to be no more than that).
    """
    difference = compare_keys(snapshot.keys, lab.plane.etcd)
    present = lab.plane.etcd.dump()
    changed = {key.decode() for key in difference.put if key in present}
    extra = [key.decode() for key in difference.delete if not key.startswith(EVENTS)]
    missing = [key.decode() for key in difference.put if key not in present]
    now = {key: without_status(lab, key) for key in changed if key.split("/")[2] in GROUPS}
    lab.restore(snapshot)
    return extra + missing + [key for key in changed if key not in now or now[key] != without_status(lab, key)]


def without_status(lab: Lab, key: str) -> Any:
    """The object behind a key, as the API shows it, without its status and who wrote it when."""
    _, _, plural, *rest = key.split("/")
    namespaced = f"/namespaces/{rest[0]}/{plural}/{rest[-1]}"
    body = lab.cluster.request("GET", GROUPS[plural] + (f"/{rest[0]}" if len(rest) == 1 else namespaced)).body
    body.pop("status", None)
    for name in ("managedFields", "resourceVersion"):
        body["metadata"].pop(name, None)
    return body


def test_a_restore_undoes_a_random_series_of_writes_for_good(lab: Lab, snapshot: Snapshot) -> None:
    for round_ in range(ROUNDS // 2):
        choices = random.Random(f"{SEED}-{round_}")
        done = disturb(lab, choices, round_)
        time.sleep(DELAYS[round_ % len(DELAYS)])
        lab.restore(snapshot)
        assert not compare_keys(snapshot.keys, lab.plane.etcd), f"round {round_}: {done}"
        if round_ % BATCH == BATCH - 1 or round_ == ROUNDS // 2 - 1:
            time.sleep(LATE)
            assert drifted(lab, snapshot) == [], f"{LATE:g} s after round {round_}: {done}"


ROLLOUTS: dict[str, dict[str, Any]] = {
    "restarted": {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}},
    "scaled to none": {"spec": {"replicas": 0}},
    "scaled up": {"spec": {"replicas": 4}},
    "annotated": {"metadata": {"annotations": {"mine": "yes"}}},
}


def test_a_restore_undoes_rollouts_for_good(lab: Lab) -> None:
    """Whatever the controllers have begun by then: a rollout makes some pods and ends others."""
    lab.objects.create(made("v1", "Namespace", "kept"))
    for name, replicas in (("kept", 2), ("empty", 0)):
        lab.objects.create(deployment(name, "kept", replicas))
    eventually(lambda: [pod["status"]["phase"] for pod in lab.objects.list("Pod", "kept")] == ["Running"] * 2)
    time.sleep(1)  # the controllers write the last status
    snapshot = lab.capture()
    choices = random.Random(SEED)
    for round_ in range(ROUNDS):
        done = choices.choice(sorted(ROLLOUTS))
        for name in ("kept", "empty"):
            assert lab.objects.patch("Deployment", name, "kept", ROLLOUTS[done]).ok
        time.sleep(DELAYS[round_ % len(DELAYS)])
        lab.restore(snapshot)
        assert not compare_keys(snapshot.keys, lab.plane.etcd), f"round {round_}: {done}"
        if round_ % BATCH == BATCH - 1:
            time.sleep(LATE)
            assert drifted(lab, snapshot) == [], f"{LATE:g} s after round {round_}: {done}"


def test_what_is_restored_is_what_the_api_shows(lab: Lab) -> None:
    """The API server's caches follow what is written to etcd, and a deny-everything webhook lets go."""
    before = lab.capture()
    eventually(lambda: lab.objects.create(made("v1", "ConfigMap", "first", "default")).ok)
    LAST["dead webhook"](lab.objects, random.Random(SEED), "dead")
    eventually(lambda: lab.objects.create(made("v1", "ConfigMap", "x", "default")).status == 500)
    lab.restore(before)
    eventually(lambda: lab.objects.create(made("v1", "ConfigMap", "y", "default")).ok)
    assert lab.objects.get("ConfigMap", "x", "default").status == 404


def test_thousands_of_cycles_do_not_grow_etcd(make_client: Callable[[], Etcd]) -> None:
    etcd = make_client()
    before = {b"/registry/configmaps/default/kept-%d" % index: b"x" * 1000 for index in range(10)}
    etcd.write(before)
    sizes = [cycle_through(etcd, before, start) for start in (0, CYCLES // 2)]
    assert etcd.dump() == before
    assert sizes[1] < MAX_ETCD
    assert sizes[1] - sizes[0] < MAX_ETCD / 16


def cycle_through(etcd: Etcd, before: dict[bytes, bytes], start: int) -> int:
    """Half of the cycles: objects made, changed and deleted, and a restore. Returns the size of etcd's file."""
    kept = sorted(before)
    for cycle in range(start, start + CYCLES // 2):
        written = {b"/registry/pods/default/c%d-%d" % (cycle, index): b"y" * 4000 for index in range(4)}
        etcd.write({**written, kept[0]: b"changed"}, delete=kept[-5:])
        assert restore_keys(before, etcd, settle=0) == 1
    return etcd.size()


def test_restores_cut_off_no_watcher(lab: Lab, tmp_path: Path) -> None:
    """A learner's watch that was opened before many restores, each of which forgets old revisions, goes on."""
    before = lab.capture()
    seen = tmp_path / "seen"
    kubeconfig = f"--kubeconfig={lab.plane.layout.kubeconfig('learner')}"
    words = [lab.plane.binary("kubectl"), kubeconfig, "get", "namespaces", "--watch", "--output=name"]
    with seen.open("wb") as output, subprocess.Popen(words, stdout=output, stderr=output) as watch:
        try:
            eventually(lambda: "namespace/default\n" in seen.read_text())
            for round_ in range(60):
                lab.plane.etcd.write({b"/registry/cycles/%d" % index: b"%d" % round_ for index in range(3)})
                assert restore_keys(before.keys, lab.plane.etcd, settle=0) == 1
            assert lab.objects.create(made("v1", "Namespace", "at-the-end")).ok
            eventually(lambda: "namespace/at-the-end\n" in seen.read_text())
            assert watch.poll() is None
        finally:
            watch.kill()


def test_a_state_that_was_kept_when_less_ran_is_taken_over(lab: Lab) -> None:
    """A node that nobody simulated yet gets its status at once, again and again: it was waited in vain for an end."""
    wanted = Wanted.load(lab.plane.layout)
    lab.plane.steering.want(replace(wanted, held=(KWOK,)))
    try:
        assert lab.objects.create(made("v1", "Node", "bare")).ok
        kept = lab.plane.settled()
        assert not is_ready(lab, "bare")
    finally:
        lab.plane.steering.want(wanted)
    eventually(lambda: is_ready(lab, "bare"))
    assert lab.objects.delete("Node", "bare").ok
    lab.plane.adopt(kept)

    eventually(lambda: is_ready(lab, "bare"))


def is_ready(lab: Lab, node: str) -> bool:
    """Whether a node says so of itself."""
    conditions = lab.objects.get("Node", node).body.get("status", {}).get("conditions", ())
    return {"Ready": "True"}.items() <= {each["type"]: each["status"] for each in conditions}.items()


def test_control_plane_files_and_objects_come_back_together(
    second: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    scenario = make_scenario(Capability.CONTROL_PLANE_FILES)
    second.start(scenario)
    before = second.capture()
    manifest = second.plane.layout.manifests / "kube-apiserver.yaml"
    manifest.write_text(manifest.read_text().replace("Node,RBAC", "AlwaysAllow"))
    eventually(lambda: "AlwaysAllow" in arguments(second))
    second.plane.up((), lambda *_: {})
    assert second.objects.delete("Namespace", "production").ok
    second.restore(before)
    assert "--authorization-mode=Node,RBAC" in arguments(second)
    assert second.objects.get("ConfigMap", "given", "production").ok
    assert not compare_keys(before.keys, second.plane.etcd)
    assert second.capture().files == before.files


def test_a_state_is_kept_whole_however_slow_controllers_are(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ckslab_labs.snapshot.snapshot.CAUGHT_UP_SECONDS", 0.1)
    pid = pid_of(lab, CONTROLLERS)
    os.kill(pid, signal.SIGSTOP)
    waking = threading.Timer(1, os.kill, (pid, signal.SIGCONT))
    waking.start()
    try:
        assert lab.plane.settled().keys.keys() >= set(PUBLISHED)
    finally:
        waking.join()


def arguments(lab: Lab) -> str:
    """The command line of the API server that runs."""
    pid = lab.status().components["kube-apiserver"]["pid"]
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_text().replace("\0", " ") if path.exists() else ""
