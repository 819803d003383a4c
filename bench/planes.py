"""A plane's life: start, reset, memory; and what others take to reset."""

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from bench.result import Result, times
from ckslab_checker.catalogue import catalogue
from ckslab_labs.cluster.port import Capability
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded.processes import of_plane
from ckslab_labs.scenario.model import Scenario

WITH_PODS = "debug-rbac-update-kept"


def measure() -> list[Result]:
    """Start, reset and memory, of a plane with `api` only and of one with everything."""
    small, full = Lab("bench-small"), Lab("bench-full")
    with_pods = catalogue().get(WITH_PODS)
    api_only = with_pods.model_copy(update={"spec": with_pods.spec.model_copy(update={"requires": (Capability.API,)})})
    try:
        results = [
            Result("plane from its baseline, api only", _starts(small, [Capability.API], 5), limit=4.5),
            Result("plane from its baseline, everything", _starts(full, [Capability.NODES], 3), limit=4.5),
        ]
        for lab, scenario in ((small, api_only), (full, with_pods)):
            lab.start(scenario)
        results += [
            Result("scenario start on a warm plane", times(lambda: full.start(with_pods), 10), limit=0.5),
            Result("reset, api only", _resets(small, api_only), limit=0.1),
            Result("reset, pods running again", _resets(full, with_pods), limit=0.5),
            Result("the same by kubectl delete namespace and apply", times(lambda: _by_kubectl(full, with_pods), 2)),
            Result("memory of a plane, api only", [_memory(small)], "MB", limit=380),
            Result("memory of a plane, everything", [_memory(full)], "MB", limit=650),
        ]
    finally:
        small.stop()
        full.stop()
    return results


def _starts(lab: Lab, capabilities: Iterable[Capability], runs: int) -> list[float]:
    return times(lambda: lab.prepare(capabilities), runs, before=lab.stop)


def _resets(lab: Lab, scenario: Scenario) -> list[float]:
    return times(lambda: lab.reset(scenario), 20, before=lambda: work_of_a_learner(lab))


def work_of_a_learner(lab: Lab) -> None:
    """What a reset has to take back."""
    for index in range(10):
        metadata = {"name": f"made-{index}", "namespace": "default"}
        lab.objects.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


def _by_kubectl(lab: Lab, scenario: Scenario) -> None:
    spaces = [path for path in sorted((scenario.folder / "setup").iterdir()) if "namespace" in path.name]
    names = lab.session().kubeconfig
    for arguments in (
        ["delete", "--wait=true", *(word for path in spaces for word in ("-f", str(path)))],
        ["apply", "-f", str(scenario.folder / "setup")],
    ):
        for attempt in range(20):  # pods need the account that a controller makes in a new namespace
            done = subprocess.run([_kubectl(lab), f"--kubeconfig={names}", *arguments], capture_output=True, text=True)
            if done.returncode == 0:
                break
            time.sleep(0.1 * (attempt + 1))
        else:
            raise SystemExit(done.stderr)


def _kubectl(lab: Lab) -> str:
    return lab.plane.binary("kubectl")


def _memory(lab: Lab) -> float:
    """Resident memory of all processes of the plane, the supervisor's included, in MB."""
    return sum(_resident(pid) for pid in of_plane(lab.plane.layout.root)) / 1e6


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
