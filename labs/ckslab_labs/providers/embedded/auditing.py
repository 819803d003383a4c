"""A second API server that runs with somebody's audit policy, on a copy of what a plane stores.

It shares the plane's etcd, under a prefix of its own: what is written there is not seen by the plane, and no snapshot
holds it. It is started like the plane's own from a manifest of ours, never from the learner's, and dies with the
command that asks. Its log is written before a request is at its end (``--audit-log-mode=blocking``).
"""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ckslab_labs.cluster.client import HttpCluster
from ckslab_labs.cluster.port import Capability, Identity, PolicyRefused
from ckslab_labs.errors import Infrastructure, Unreachable
from ckslab_labs.files import FileLock
from ckslab_labs.held import LIMITS, SHORT_LIVED
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.embedded.components import APISERVER, command
from ckslab_labs.providers.embedded.confine import MAX_FILE, Confinement
from ckslab_labs.providers.embedded.flags import apiserver_arguments
from ckslab_labs.providers.embedded.kubeconfigs import write_kubeconfig
from ckslab_labs.providers.embedded.layout import PLANE_VARIABLE, Layout, PlaneSpec, Ports
from ckslab_labs.providers.embedded.manifest import default_manifest, read_manifest
from ckslab_labs.providers.embedded.readiness import READYZ_IF_FILLED
from ckslab_labs.providers.embedded.runner import OURS, Runner
from ckslab_labs.snapshot.etcd import REGISTRY, Etcd

PREFIX = b"/ckslab-audit/"
FOLDER = "audit-"
SECONDS = 30.0
"""In which it is ready, or ends; 2 s are usual."""
WAIT = 60.0
"""Seconds for another trial on the same plane to end."""


class Trial:
    """See ``Audited``."""

    def __init__(self, name: str, pki: Path, port: int, folder: Path) -> None:
        self.port = port
        self._name, self._pki, self._folder = name, pki, folder
        self._known: dict[Identity, HttpCluster] = {}

    @property
    def log(self) -> Path:
        """Where the events are written."""
        return self._folder / "audit.log"

    def cluster_as(self, identity: Identity) -> HttpCluster:
        """See ``Audited``."""
        if identity not in self._known:
            from ckslab_labs.providers.embedded.pki import issue_client  # cryptography takes 60 ms to load

            stem = self._folder / f"client-{len(self._known)}"
            groups = tuple(group for group in identity.groups if group != "system:authenticated")  # added by the server
            issue_client(self._pki, stem, identity.user, groups)
            kubeconfig = stem.with_name(f"{stem.name}.yaml")
            write_kubeconfig(kubeconfig, self.port, self._pki / "ca.crt", stem)
            self._known[identity] = HttpCluster(self._name, kubeconfig, frozenset({Capability.API}))
        return self._known[identity]

    def close(self) -> None:
        """Close all connections: the server ends sooner, and nothing of them is left to be collected."""
        for cluster in self._known.values():
            cluster.close()

    def events(self) -> list[dict[str, Any]]:
        """See ``Audited``. The last answer on each connection shows that what was asked before is written."""
        for cluster in self._known.values():
            cluster.request("GET", "/livez/ping")
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def audited(layout: Layout, etcd: Etcd, version: str, policy: bytes) -> Iterator[Trial]:
    """Run an API server with an audit policy for a while.

    Args:
        layout: of the plane, which must run.
        etcd: the plane's.
        version: of Kubernetes, in full.
        policy: the file, as somebody wrote it.

    Raises:
        PolicyRefused: the API server does not start with it, or it is too large.
        Infrastructure: it does not start for another reason.

    """
    if len(policy) > MAX_FILE:
        raise PolicyRefused(f"it is larger than {MAX_FILE} bytes")
    spec = PlaneSpec.load(layout)
    with FileLock(layout.run / "audit.lock", f"an audit policy on plane {layout.name}", WAIT), _folder(layout) as name:
        folder = Path(name)
        trial = Trial(layout.name, layout.pki, Ports.free().apiserver, folder)
        runner = Runner("audit", folder / "server.log", OURS, LIMITS)
        etcd.clear(PREFIX)
        etcd.write({PREFIX + key.removeprefix(REGISTRY): value for key, value in etcd.dump().items()})
        try:
            (folder / "policy.yaml").write_bytes(policy)
            arguments = _arguments(layout, spec, version, trial, folder)
            env = {PLANE_VARIABLE: str(layout.root), "HOME": name, "TMPDIR": name, **SHORT_LIVED}
            runner.start(command(APISERVER, spec, layout, arguments), env, folder)
            _await(trial, runner)
            yield trial
        finally:
            trial.close()
            runner.stop(patience=0)  # nothing of it is needed any more
            etcd.clear(PREFIX)


def _folder(layout: Layout) -> "tempfile.TemporaryDirectory[str]":
    """A folder for one trial; what a killed command has left is taken away."""
    for left in layout.run.glob(f"{FOLDER}*"):
        shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=FOLDER, dir=layout.run)


def _arguments(layout: Layout, spec: PlaneSpec, version: str, trial: Trial, folder: Path) -> list[str]:
    (folder / "manifest.yaml").write_text(default_manifest(version))
    pod = read_manifest(folder / "manifest.yaml")
    ports = replace(spec.ports, apiserver=trial.port)
    confinement = Confinement(layout.node, pod.mounts, private_dir(folder / "files"))
    return [
        *apiserver_arguments(pod, confinement, ports),
        f"--etcd-prefix={PREFIX.decode().rstrip('/')}",
        f"--audit-policy-file={folder / 'policy.yaml'}",
        f"--audit-log-path={trial.log}",
        "--audit-log-mode=blocking",
    ]


def _await(trial: Trial, runner: Runner) -> None:
    ours = trial.cluster_as(Identity("ckslab", ("system:masters",)))
    deadline = time.monotonic() + SECONDS
    attempted = "start an API server with the audit policy"
    while True:
        try:
            if ours.request("GET", READYZ_IF_FILLED, timeout=2.0).ok:
                return
        except Unreachable:
            pass
        if runner.process is not None and runner.process.poll() is not None:
            words = runner.last_words()
            if "audit" in words:
                raise PolicyRefused(_reason(words))
            raise Infrastructure(attempted, words, "Try again.")
        if time.monotonic() > deadline:
            seen = f"it was not ready after {SECONDS:.0f} s"
            raise Infrastructure(attempted, seen, "Try again, or see `ckslab doctor`.")
        time.sleep(0.05)


def _reason(words: str) -> str:
    """What the server says, without where and how it says so."""
    found = re.search(r'err="loading audit policy file: (.*?)(?:: from file [^"]*)?"$', words)
    return found[1].replace('\\"', '"') if found else words
