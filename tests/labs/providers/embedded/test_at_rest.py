"""Where requests are made for real nothing on a plane acts of its own accord; everything goes on after."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.labs.helpers import POD_SETUP, eventually, pid_of, running

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Capability
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded import processes
from ckslab_labs.providers.embedded.components import CONTROLLERS, ORDER, SCHEDULER
from ckslab_labs.scenario.model import Scenario

pytestmark = pytest.mark.plane

RESTLESS = (CONTROLLERS, SCHEDULER)
NEW: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}


def states(lab: Lab) -> dict[str, str]:
    """``T`` for a process that is paused, see proc(5)."""
    stats = {name: Path(f"/proc/{pid_of(lab, name)}/stat").read_text() for name in ORDER}
    return {name: stat.rpartition(")")[2].split()[0] for name, stat in stats.items()}


def paused(lab: Lab) -> set[str]:
    return {name for name, state in states(lab).items() if state == "T"}


def test_controllers_never_learn_of_what_is_undone(lab: Lab) -> None:
    before = lab.capture()
    with lab.checkpoint() as undo:
        eventually(lambda: paused(lab) == set(RESTLESS))  # a signal takes a moment on a busy machine
        assert lab.objects.create(NEW).ok
        undo()
        assert lab.objects.get("Namespace", "new").status == 404
        assert lab.objects.create(NEW).ok
        assert lab.objects.get("ServiceAccount", "default", "new").status == 404
    eventually(lambda: paused(lab) == set())
    assert lab.capture().keys == before.keys
    assert lab.objects.create(NEW).ok
    eventually(lambda: lab.objects.get("ServiceAccount", "default", "new").ok)


def test_a_pod_that_was_deleted_meanwhile_is_there_for_good_when_it_is_brought_back(
    lab: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    """The simulated kubelet ends pods by their names, also one that was put back under that name."""
    lab.run(make_scenario(Capability.NODES, setup=POD_SETUP))
    for _ in range(5):
        with lab.checkpoint():
            assert lab.objects.delete("Pod", "bare", "production").ok
        assert not processes.wait_until(lambda: not lab.objects.get("Pod", "bare", "production").ok, 0.5)


def test_a_plane_goes_on_after_an_error(lab: Lab) -> None:
    with pytest.raises(RuntimeError, match="a fault"), lab.checkpoint():
        raise RuntimeError("a fault")
    eventually(lambda: paused(lab) == set())


def test_a_plane_that_a_killed_command_left_paused_goes_on_with_the_next(lab: Lab) -> None:
    program = "import time; from ckslab_labs.lab import Lab\n"
    program += "with Lab('shared').checkpoint(): print('in', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=dict(os.environ)) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"in\n"
        eventually(lambda: paused(lab) == set(RESTLESS))  # a signal takes a moment on a busy machine
        command.send_signal(signal.SIGKILL)
    assert paused(lab) == set(RESTLESS)
    lab.plane.revive()
    eventually(lambda: paused(lab) == set())


def test_a_plane_with_paused_parts_can_be_stopped(used_second: Lab) -> None:
    used_second.stop()
    used_second.prepare([Capability.NODES])
    with used_second.plane.steering.at_rest():
        used_second.plane.stop()
    assert running(used_second) == {}
