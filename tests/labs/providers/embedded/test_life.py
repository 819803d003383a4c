"""A plane lives through the death of any of its parts, and of the commands that work on it; `stop` leaves nothing."""

import datetime
import fcntl
import os
import pickle
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.labs.helpers import eventually, pid_of, running

import ckslab_labs.lab
from ckslab_labs.binaries.locate import ensure
from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import Busy, Infrastructure
from ckslab_labs.files import FileLock
from ckslab_labs.lab import Lab, list_planes
from ckslab_labs.providers.embedded import processes
from ckslab_labs.providers.embedded.components import ETCD, ORDER
from ckslab_labs.providers.embedded.layout import PlaneSpec, Ports
from ckslab_labs.scenario.model import Scenario

pytestmark = pytest.mark.plane

SEED = 20263
KILLED_COMMANDS = 6
EVERYTHING = dict.fromkeys(("supervisor", *ORDER), 1)
API_ONLY = dict.fromkeys(("supervisor", "etcd", "kube-apiserver"), 1)
MARK: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mark", "namespace": "default"}}


def supervisor_of(lab: Lab) -> int:
    """The process id of a plane's supervisor."""
    root = lab.plane.layout.root
    (found,) = [pid for pid in processes.of_plane(root) if "python" in Path(f"/proc/{pid}/exe").resolve().name]
    return found


# --- what is killed is a part of the plane ---


@pytest.mark.parametrize("component", ORDER)
def test_a_killed_component_comes_back_with_everything_it_knew(lab: Lab, component: str) -> None:
    assert lab.objects.create(MARK).ok
    before = pid_of(lab, component)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: lab.status().components[component]["pid"] not in (None, before))
    lab.plane.up((), ensure)
    assert lab.objects.get("ConfigMap", "mark", "default").ok
    assert running(lab) == EVERYTHING


def test_an_api_server_that_is_killed_again_and_again_comes_back_each_time(second: Lab) -> None:
    for _ in range(3):
        os.kill(pid_of(second, "kube-apiserver"), signal.SIGKILL)
        time.sleep(0.1)
        second.plane.up((), ensure)
    assert second.objects.get("Namespace", "ckslab").ok
    assert running(second) == API_ONLY


def test_when_the_supervisor_is_killed_nothing_outlives_it_and_the_next_command_brings_all_back(lab: Lab) -> None:
    assert lab.objects.create(MARK).ok
    before = PlaneSpec.load(lab.plane.layout).ports
    os.kill(supervisor_of(lab), signal.SIGKILL)
    eventually(lambda: running(lab) == {})
    assert not lab.plane.alive
    assert not lab.status().running
    lab.plane.up((), ensure)
    assert lab.objects.get("ConfigMap", "mark", "default").ok
    assert running(lab) == EVERYTHING
    assert PlaneSpec.load(lab.plane.layout).ports == before


def test_pods_still_run_after_every_part_was_killed_at_once(lab: Lab) -> None:
    for pid in processes.of_plane(lab.plane.layout.root):
        os.kill(pid, signal.SIGKILL)
    lab.prepare([Capability.NODES])
    container = {"name": "c", "image": "registry.k8s.io/pause:3.10.1"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    assert lab.objects.create(pod).ok
    eventually(lambda: lab.objects.get("Pod", "p", "default").body["status"]["phase"] == "Running")
    assert running(lab) == EVERYTHING


def test_simulated_nodes_hold_fresh_leases(lab: Lab) -> None:
    """The node controller takes a node without one for dead, after 50 s."""
    eventually(lambda: len(lab.objects.list("Lease", "kube-node-lease")) == 2)
    now = datetime.datetime.now(datetime.UTC)
    for lease in lab.objects.list("Lease", "kube-node-lease"):
        assert lease["metadata"]["name"] in ("node-1", "node-2")
        assert now - datetime.datetime.fromisoformat(lease["spec"]["renewTime"]) < datetime.timedelta(seconds=30)


# --- what is killed is the command ---

COMMANDS = {
    "start": "lab.start(scenario)",
    "reset": "lab.start(scenario); [lab.reset(scenario) for _ in range(100)]",
    "check": "lab.start(scenario); [lab.attach().attempted() for _ in range(1000)]",
}
PROGRAM = """\
import os, pickle, sys
from pathlib import Path
from ckslab_labs.lab import Lab
scenario = pickle.loads(Path(sys.argv[1]).read_bytes())
lab = Lab(sys.argv[2], os.environ.get("CKSLAB_TEST_KUBERNETES"))
print("go", flush=True)
{command}
"""


def killed_command(plane: str, scenario: Scenario, command: str, after: float, folder: Path) -> None:
    """Run a command in a process of its own, and kill it some seconds after it began to work on the plane."""
    path = folder / "scenario.pickle"
    path.write_bytes(pickle.dumps(scenario))
    words = [sys.executable, "-c", PROGRAM.format(command=COMMANDS[command]), str(path), plane]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        time.sleep(after)
        process.kill()


def is_sound(lab: Lab) -> bool:
    """Whether a scenario's objects are there, the learner's is not, and each program runs once."""
    given = lab.objects.get("ConfigMap", "given", "production")
    return (
        given.ok
        and given.body["data"] == {"from": "setup"}
        and lab.objects.get("ConfigMap", "mark", "default").status == 404
        and running(lab) == API_ONLY
    )


def test_a_start_works_after_a_command_was_killed_at_any_moment(
    second: Lab, make_scenario: Callable[..., Scenario], tmp_path: Path
) -> None:
    scenario = make_scenario()
    choices = random.Random(SEED)
    for round_ in range(KILLED_COMMANDS):
        command = ("start", "reset", "check")[round_ % 3]
        killed_command("second", scenario, command, choices.uniform(0, 0.8), tmp_path)
        if round_ % 2:
            second.start(scenario)
            second.objects.create(MARK)
            second.reset(scenario)
        else:
            second.start(scenario)
        assert is_sound(second), f"round {round_}, after {command} was killed"


@pytest.mark.parametrize("after", [0.1, 1.6])
def test_a_start_works_after_the_very_first_one_was_killed(
    used_second: Lab, make_scenario: Callable[..., Scenario], tmp_path: Path, after: float
) -> None:
    scenario = make_scenario()
    used_second.stop()
    killed_command("second", scenario, "start", after, tmp_path)
    used_second.start(scenario)
    assert is_sound(used_second)


def test_a_plane_that_was_growing_when_its_command_was_killed_gets_its_nodes(second: Lab) -> None:
    """Killed between the start of more components and the new baseline."""
    second.plane.up(ORDER, ensure)
    second.prepare([Capability.NODES])
    assert [node["metadata"]["name"] for node in second.objects.list("Node")] == ["node-1", "node-2"]
    second.stop()


# --- stop, and several at once ---


def test_after_stop_there_is_no_process_no_port_and_no_folder(
    second: Lab, lab: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    session = second.start(make_scenario())
    (session.files / "mine.txt").write_text("mine")
    layout = second.plane.layout
    ports = PlaneSpec.load(layout).ports
    assert list_planes() == ["second", "shared"]
    second.stop()
    assert processes.of_plane(layout.root) == []
    assert ports.taken() == []
    assert not layout.root.exists()
    assert list_planes() == ["shared"]
    assert (session.files / "mine.txt").read_text() == "mine"
    assert running(lab) == EVERYTHING
    second.stop()  # once more is no error


def test_two_planes_do_not_see_each_others_objects(second: Lab, lab: Lab) -> None:
    assert second.objects.create(MARK).ok
    assert lab.objects.get("ConfigMap", "mark", "default").status == 404


def test_a_second_command_on_a_plane_waits_and_then_says_who_is_in_the_way(
    second: Lab, make_scenario: Callable[..., Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ckslab_labs.lab, "LOCK_SECONDS", 0.2)
    lock = second.plane.layout.root.parent / ".second.lock"
    scenario = make_scenario()
    with FileLock(lock, "plane second"), pytest.raises(Busy) as caught:
        second.start(scenario)
    assert str(caught.value) == (
        "cannot work on plane second: another ckslab command has been working on it for 0.2 s. "
        "Wait for it to end, or use another --plane."
    )
    second.start(scenario)
    assert is_sound(second)


def test_two_commands_at_once_on_one_plane_take_turns(
    second: Lab, make_scenario: Callable[..., Scenario], tmp_path: Path
) -> None:
    scenario = make_scenario()
    second.start(scenario)
    path = tmp_path / "scenario.pickle"
    path.write_bytes(pickle.dumps(scenario))
    program = PROGRAM.format(command="[lab.reset(scenario) for _ in range(5)]")
    commands = [subprocess.Popen([sys.executable, "-c", program, str(path), "second"]) for _ in range(3)]
    assert [command.wait(60) for command in commands] == [0, 0, 0]
    assert is_sound(second)


# --- what is found broken ---


def test_a_port_that_was_taken_meanwhile_is_exchanged(second: Lab) -> None:
    layout = second.plane.layout
    before = PlaneSpec.load(layout).ports
    assert second.objects.create(MARK).ok
    os.kill(supervisor_of(second), signal.SIGKILL)
    eventually(lambda: not before.taken())
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", before.apiserver))
        squatter.listen()
        second.plane.up((), ensure)
        after = PlaneSpec.load(layout).ports
        assert after.apiserver != before.apiserver
        for client in ("admin", "learner"):
            assert f"https://127.0.0.1:{after.apiserver}\n" in layout.kubeconfig(client).read_text()
            assert second.plane.cluster_as(client).request("GET", "/api/v1/namespaces").ok
    assert second.objects.get("ConfigMap", "mark", "default").ok


def test_a_port_that_is_taken_at_the_last_moment_is_exchanged(
    used_second: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the choice of a port and its use there is a moment in which somebody else can take it."""
    second = used_second
    second.stop()
    free = Ports.free
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = replace(free(), etcd=squatter.getsockname()[1])
        chosen = [taken, free()]
        monkeypatch.setattr(Ports, "free", lambda: chosen.pop(0))
        looks: list[Ports] = []
        seen = Ports.taken

        def look(ports: Ports) -> list[int]:
            looks.append(ports)
            return [] if len(looks) == 1 else seen(ports)  # the first look is too early

        monkeypatch.setattr(Ports, "taken", look)
        second.prepare([Capability.API])
    assert chosen == []
    assert PlaneSpec.load(second.plane.layout).ports.etcd != taken.etcd
    assert second.objects.get("Namespace", "ckslab").ok


def test_without_space_no_plane_is_begun(used_second: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    used_second.stop()
    full = shutil.disk_usage("/")._replace(free=20_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: full)
        with pytest.raises(Infrastructure) as caught:
            used_second.prepare([Capability.API])
    assert caught.value.attempted == "make plane second"
    assert caught.value.seen.startswith("20 MB are free for ")
    assert processes.of_plane(used_second.plane.layout.root) == []
    used_second.prepare([Capability.API])
    assert used_second.objects.get("Namespace", "ckslab").ok


def test_a_half_made_folder_is_made_anew(used_second: Lab, shared_lab: Lab) -> None:
    second = used_second
    root = second.plane.layout.root
    second.stop()
    (root / "node" / "etc").mkdir(parents=True)
    (root / "alive.lock").touch()
    (root / "etcd").write_text("no folder")
    assert list_planes() == ["shared"]
    second.prepare([Capability.API])
    assert second.objects.get("Namespace", "ckslab").ok


def test_what_an_orphaned_plane_still_runs_is_ended_before_it_is_made_anew(second: Lab) -> None:
    orphans = processes.of_plane(second.plane.layout.root)
    second.plane.layout.spec.unlink()
    second.prepare([Capability.API])
    assert not set(orphans) & set(processes.of_plane(second.plane.layout.root))
    assert running(second) == API_ONLY


def test_a_supervisor_comes_up_while_others_ask_whether_one_lives(second: Lab) -> None:
    os.kill(supervisor_of(second), signal.SIGKILL)
    eventually(lambda: running(second) == {})
    with second.plane.layout.alive.open() as asked:
        fcntl.flock(asked, fcntl.LOCK_SH)  # as one who asks does, for a moment
        assert not second.plane.alive
        threading.Timer(0.5, lambda: fcntl.flock(asked, fcntl.LOCK_UN)).start()
        second.plane.up((), ensure)
    assert running(second) == API_ONLY


@pytest.mark.parametrize("damage", ["gone", "garbage"])
def test_when_etcds_data_is_lost_there_is_a_clear_error_and_stop_and_start_help(
    second: Lab, request: pytest.FixtureRequest, make_scenario: Callable[..., Scenario], damage: str
) -> None:
    request.addfinalizer(second.plane.stop)  # should it fail, the next test gets a sound plane
    scenario = make_scenario(name=f"lost-{damage}")
    session = second.start(scenario)
    (session.files / "mine.txt").write_text("mine")
    os.kill(supervisor_of(second), signal.SIGKILL)
    eventually(lambda: running(second) == {})
    data = second.plane.layout.etcd_data
    if damage == "gone":
        shutil.rmtree(data)
    else:
        for path in data.rglob("*.wal"):
            path.write_bytes(b"garbage" * 100)
    with pytest.raises(Infrastructure) as caught:
        second.attach()
    assert caught.value.attempted == f"start {ETCD} of plane second"
    assert ("its data is gone" in caught.value.seen) == (damage == "gone")
    log = second.plane.layout.log(ETCD)
    assert caught.value.remedy == (
        f"See {log}; `ckslab stop`, then `ckslab start ID`, makes it anew; your files are kept."
    )
    told: list[str] = []
    second.stop(told.append)
    assert any(text.startswith("the cluster's state could not be kept: ") for text in told)
    again = second.start(scenario)
    assert is_sound(second)
    assert [path.read_text() for path in (again.folder / "kept").rglob("mine.txt")] == ["mine"]
