"""The supervisor of one plane: the only parent of its components, and the proof that it lives.

It has no network port and takes no orders but files: ``wanted.json`` says what shall run, the manifest folder says how
the API server shall run, ``status.json`` says what does run and why not more. It holds ``alive.lock`` as long as it
lives; its components die with it. Killed at any moment it leaves nothing that the next one could not go on from.

Run as ``python -m ckslab_labs.providers.embedded.supervisor PLANE_FOLDER``.
"""

import base64
import os
import re
import shutil
import signal
import ssl
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import urllib3

from ckslab_labs.errors import Busy, Infrastructure
from ckslab_labs.files import FileLock, read_json, write_json
from ckslab_labs.held import LIMITS
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.embedded.components import APISERVER, ETCD, KWOK, ORDER, command
from ckslab_labs.providers.embedded.confine import Confinement
from ckslab_labs.providers.embedded.flags import apiserver_arguments
from ckslab_labs.providers.embedded.layout import PLANE_VARIABLE, Layout, PlaneSpec, Wanted
from ckslab_labs.providers.embedded.manifest import ManifestProblem
from ckslab_labs.providers.embedded.readiness import READYZ, READYZ_IF_FILLED
from ckslab_labs.providers.embedded.runner import KUBELET, OURS, Runner
from ckslab_labs.providers.embedded.static_pods import ManifestFolder
from ckslab_labs.snapshot.etcd import Etcd
from ckslab_labs.snapshot.snapshot import NODE_LEASE

TICK = 0.02
"""Seconds between two looks at files and processes while something is on its way."""
REST = 0.1
"""Seconds between two looks otherwise: a plane at rest takes next to nothing of a laptop's battery."""
ASKING_SECONDS = 1.0
"""For commands that hold the lock for a moment as they ask whether somebody does, see ``is_locked``."""


class Supervisor:
    """Runs what is wanted, as far as it can."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._spec = PlaneSpec.load(layout)
        self._runners = {name: _runner(name, layout) for name in ORDER}
        self._folder = ManifestFolder(layout.manifests)
        self._etcd = Etcd(self._spec.ports.etcd, layout.pki / "etcd")
        self._apiserver = _apiserver_pool(layout, self._spec.ports.apiserver)
        self._was_filled = False
        self._wanted = Wanted(())
        self._confinement: Confinement | None = None
        self._ending = False
        self._written: dict[str, Any] = {}

    def run(self) -> None:
        """Work until SIGTERM, then end every component."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "_ending", True))
        while not self._ending:
            self._tick()
            self._report()
            time.sleep(TICK if self._is_moving() else REST)
        self._stop_all_but(())
        self._report()

    def _tick(self) -> None:
        wanted = self._wanted = Wanted.load(self._layout)
        self._folder.look(time.monotonic())
        for runner in self._runners.values():
            runner.watch()
        self._copy_again()
        self._stop_all_but(tuple(name for name in wanted.components if name not in wanted.held))
        for name in ORDER:
            if name not in wanted.components or name in wanted.held:
                continue
            runner = self._runners[name]
            if runner.may_start():
                self._start(runner)
            if not runner.ready and runner.process is not None:
                runner.ready = self._is_ready(name)
            if not runner.ready and name in (ETCD, APISERVER):
                break  # what comes after needs it

    def _is_moving(self) -> bool:
        """Whether somebody waits for what is wanted."""
        return bool(self._wanted.held) or not all(self._runners[name].ready for name in self._wanted.components)

    def _stop_all_but(self, names: tuple[str, ...]) -> None:
        pod = self._folder.pod
        for name in reversed(ORDER):
            runner = self._runners[name]
            outdated = name == APISERVER and runner.generation != (pod.uid if pod else "")
            if name not in names or outdated:
                runner.stop()
                runner.forgive()  # what it is started from may be different the next time

    def _start(self, runner: Runner) -> None:
        run = str(self._layout.run)
        env = {PLANE_VARIABLE: str(self._layout.root), "HOME": run, "TMPDIR": run}
        if runner.name not in (ETCD, APISERVER):
            env["GOMAXPROCS"] = "1"
        flags: list[str] = []
        generation = ""
        if runner.name == KWOK and not self._free_nodes():
            return
        if runner.name == APISERVER:
            pod = self._folder.pod
            if pod is None:
                runner.reason = "no manifest in the static-pod folder asks for it"
                return
            generation = pod.uid
            shutil.rmtree(self._layout.copies, ignore_errors=True)
            self._confinement = Confinement(self._layout.node, pod.mounts, private_dir(self._layout.copies))
            try:
                flags = apiserver_arguments(pod, self._confinement, self._spec.ports)
            except ManifestProblem as problem:
                runner.generation = generation
                runner.failed(f"{pod.file}: {problem}")
                return
        runner.start(command(runner.name, self._spec, self._layout, flags), env, self._layout.run, generation)

    def _copy_again(self) -> None:
        """Let a running API server see files that were edited; it reads some of them again without a restart."""
        pod, confinement = self._folder.pod, self._confinement
        running = self._runners[APISERVER]
        if pod is None or confinement is None or running.process is None or running.generation != pod.uid:
            return
        if confinement.edited:
            try:
                apiserver_arguments(pod, confinement, self._spec.ports)
                running.reason = ""
            except ManifestProblem as problem:
                running.reason = f"{pod.file}: {problem}; it runs on with what it had"

    def _free_nodes(self) -> bool:
        """End the node leases of an earlier kwok: each has a name of its own, and the next would wait for 40 s."""
        try:
            self._etcd.write({}, [key for key in self._etcd.dump() if key.startswith(NODE_LEASE)])
        except Infrastructure:
            return False
        return True

    def _is_ready(self, name: str) -> bool:
        if name == ETCD:
            return self._etcd.healthy() and self._filled()
        if name == APISERVER:
            return self._apiserver_ready()
        return True

    def _apiserver_ready(self) -> bool:
        try:
            asked = READYZ_IF_FILLED if self._was_filled else READYZ
            return self._apiserver.request("GET", asked).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _filled(self) -> bool:
        """Fill a new plane's etcd. An older plane's empty one has lost its data and must not pass for a cluster."""
        try:
            stored: dict[str, str] | None = read_json(self._layout.fill)
        except FileNotFoundError:
            stored = None
        try:
            empty = not self._etcd.dump()
            if empty and stored:
                self._etcd.write({_decode(key): _decode(value) for key, value in stored.items()})
                self._was_filled = True
        except Infrastructure:
            return False
        if empty and stored is None:
            self._runners[ETCD].stop()
            self._runners[ETCD].failed("its data is gone")
            return False
        self._layout.fill.unlink(missing_ok=True)
        return True

    def _report(self) -> None:
        pod = self._folder.pod
        status = {
            "wanted": asdict(self._wanted),
            "components": {
                name: {
                    "state": runner.state,
                    "reason": self._told(runner.reason),
                    "pid": runner.process.pid if runner.process else None,
                    "failures": runner.failures,
                }
                for name, runner in self._runners.items()
            },
            "manifest": {"runs": pod.file if pod else None, "waiting": self._folder.waiting},
            "problems": dict(self._folder.problems),
        }
        if status != self._written:
            write_json(self._layout.status, status)
            self._written = status

    def _told(self, reason: str) -> str:
        """Paths as the learner knows them."""
        copied = re.sub(rf"{re.escape(str(self._layout.copies))}/[^/]+", "", reason)
        return copied.replace(str(self._layout.node), "")


def _runner(name: str, layout: Layout) -> Runner:
    """The API server is started from what a learner edits, so it is held like a stranger's program."""
    if name == APISERVER:
        return Runner(name, layout.log(name), KUBELET, LIMITS)
    return Runner(name, layout.log(name), OURS)


def _decode(text: str) -> bytes:
    return base64.b64decode(text)


def _apiserver_pool(layout: Layout, port: int) -> urllib3.HTTPSConnectionPool:
    context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
    context.load_cert_chain(str(layout.pki / "client-admin.crt"), str(layout.pki / "client-admin.key"))
    timeout = urllib3.Timeout(total=2)
    return urllib3.HTTPSConnectionPool("127.0.0.1", port, ssl_context=context, retries=False, timeout=timeout)


def main() -> int:
    """Supervise the plane whose folder is the one argument; 0 also when somebody else does so already."""
    layout = Layout(Path(sys.argv[1]))
    if os.fork():  # nobody's child: the command that started it neither waits for it nor leaves a zombie
        os._exit(0)
    os.umask(0o077)
    try:
        with FileLock(layout.alive, f"plane {layout.name}", wait=ASKING_SECONDS):
            private_dir(layout.run)
            Supervisor(layout).run()
    except Busy:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
