"""Steering a supervisor from a command: see that it lives, tell it what shall run, read what does, end it.

All of it by files and the process table, so that a command can be killed at any moment and the next one goes on.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ckslab_labs import background
from ckslab_labs.errors import Infrastructure
from ckslab_labs.files import is_locked, read_json
from ckslab_labs.providers.embedded import processes
from ckslab_labs.providers.embedded.components import APISERVER, CONTROLLERS, SCHEDULER
from ckslab_labs.providers.embedded.kubeconfigs import write_kubeconfigs
from ckslab_labs.providers.embedded.layout import PLANE_VARIABLE, Layout, PlaneSpec, Ports, Wanted

Progress = Callable[[str], None]

SUPERVISOR = "ckslab_labs.providers.embedded.supervisor"
PORT_SECONDS = 2.0
"""For the kernel to free the ports of what was killed."""
UP_SECONDS = 15.0
"""For a supervisor to live, and to take up what is wanted: it takes some 0.1 s."""


def quiet(_text: str) -> None:
    """Progress that nobody wants to see."""


@dataclass(frozen=True)
class PlaneStatus:
    """What a plane runs, as its supervisor says."""

    running: bool
    wanted: Wanted | None = None
    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    """Per file of the static-pod folder, why it cannot be read."""

    def explain(self) -> str | None:
        """Why the API server does not run, in one sentence; None when it does."""
        if not self.running:
            return "no supervisor runs"
        apiserver = self.components.get(APISERVER, {})
        if apiserver.get("state") == "ready":
            return None
        texts = [*self.problems.values(), str(apiserver.get("reason") or "")]
        return "; ".join(text for text in texts if text) or f"kube-apiserver is {apiserver.get('state', 'not wanted')}"


class Steering:
    """The supervisor of one plane, as commands see it."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def alive(self) -> bool:
        """Whether a supervisor lives: it holds a lock as long as it does."""
        return is_locked(self._layout.alive)

    def status(self) -> PlaneStatus:
        """What it runs."""
        if not self.alive:
            return PlaneStatus(running=False)
        try:
            value = read_json(self._layout.status)
        except FileNotFoundError:
            return PlaneStatus(running=True)
        wanted = Wanted(tuple(value["wanted"]["components"]), tuple(value["wanted"]["held"]))
        return PlaneStatus(True, wanted, value["components"], value["manifest"], value["problems"])

    def revive(self, progress: Progress = quiet) -> None:
        """See that a supervisor lives, with ports that are free and binaries that are there."""
        if self.alive:
            self._go_on()
            return
        for pid in processes.sweep(self._layout.root):
            progress(f"ended process {pid}, which an earlier supervisor had left")
        spec = PlaneSpec.load(self._layout)
        # The kernel may still be at work on what was killed: its ports are free in a moment.
        if not processes.wait_until(lambda: not spec.ports.taken(), PORT_SECONDS):
            spec = replace(spec, ports=Ports.free())
            spec.save(self._layout)
            write_kubeconfigs(self._layout, spec.ports)
        self._layout.status.unlink(missing_ok=True)
        self._spawn()
        if not processes.wait_until(lambda: self.alive and self._layout.status.exists(), UP_SECONDS):
            log = self._layout.log("supervisor")
            seen = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            raise Infrastructure(f"start the supervisor of plane {self._layout.name}", seen, f"See {log}.")

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Pause what acts of its own accord: controllers and scheduler. The API server answers.

        What comes and goes meanwhile they see when it is over, so next to nothing of it is left for them to do. The
        simulated kubelet goes on: a pod's end that it heard of too late would be the end of the one brought back.
        Should this process be killed, ``revive`` lets them go on.
        """
        try:
            for pid in self._restless():
                processes.pause(pid, self._layout.root)
            yield
        finally:
            self._go_on()

    def _go_on(self) -> None:
        for pid in self._restless():
            processes.go_on(pid, self._layout.root)

    def _restless(self) -> list[int]:
        known = self.status().components
        pids = [known.get(name, {}).get("pid") for name in (SCHEDULER, CONTROLLERS)]
        return [pid for pid in pids if pid is not None]

    def _spawn(self) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        self._layout.log("supervisor").touch(mode=0o600)
        with self._layout.log("supervisor").open("ab") as log:
            env = {**kept, PLANE_VARIABLE: str(self._layout.root)}
            background.start(SUPERVISOR, str(self._layout.root), cwd=self._layout.root, output=log, env=env)

    def end(self) -> None:
        """Let the supervisor end its components in order; sweep after it."""
        for pid in processes.of_plane(self._layout.root):
            if SUPERVISOR.encode() in _command_line(pid):
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue
        processes.wait_until(lambda: not self.alive, 12)
        processes.sweep(self._layout.root)

    def want(self, wanted: Wanted) -> None:
        """Write down what shall run, and wait until the supervisor acts on it: held components are stopped then."""
        if Wanted.load(self._layout) != wanted:
            wanted.save(self._layout)

        def is_taken_up() -> bool:
            self.revive()  # it may be killed at this very moment
            return self.status().wanted == wanted

        if not processes.wait_until(is_taken_up, UP_SECONDS):
            seen = "its supervisor did not take up what it shall run"
            log = self._layout.log("supervisor")
            raise Infrastructure(f"steer plane {self._layout.name}", seen, f"See {log}.")


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
