"""Looking at a plane's processes from outside, and waiting for what does not happen at once."""

from collections.abc import Callable
from pathlib import Path

from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded import processes

POD_SETUP = """\
apiVersion: v1
kind: Namespace
metadata: {name: production}
---
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: production}
spec:
  nodeName: node-1
  containers: [{name: c, image: "registry.k8s.io/pause:3.10.1"}]
"""
"""The setup of a scenario with one pod, which no controller owns."""


def eventually(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds, and fail when it does not."""
    assert processes.wait_until(lambda: bool(holds()), seconds), f"not within {seconds:g} s"


def running(lab: Lab) -> dict[str, int]:
    """How many processes of each program a plane has, by the process table."""
    counts: dict[str, int] = {}
    for pid in processes.of_plane(lab.plane.layout.root):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        name = "supervisor" if "python" in words[0] else Path(words[0]).name
        counts[name] = counts.get(name, 0) + 1
    return counts


def pid_of(lab: Lab, component: str) -> int:
    """The process id of a component, as the supervisor says."""
    return int(lab.status().components[component]["pid"])
