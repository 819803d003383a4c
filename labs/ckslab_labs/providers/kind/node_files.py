"""The control-plane node's files: what of them can be edited, is put back by a reset, and is read by checks.

A static pod follows its manifest by itself; what the API server reads besides, and the kubelet's own configuration,
count after a restart. So whoever writes here restarts what reads it, and nothing else.
"""

import io
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.providers.kind.place import Place
from ckslab_labs.providers.kind.tools import docker, docker_bytes

TREES = ("etc/kubernetes", "var/lib/kubelet/config.yaml")
"""What counts; everything else of the node is kind's."""
MANIFESTS = "etc/kubernetes/manifests/"
KUBELETS = ("etc/kubernetes/kubelet.conf.d/", "var/lib/kubelet/config.yaml")
LOGS = "etc/kubernetes/audit/"
APISERVER = "kube-apiserver"

Files = Mapping[str, bytes]


class NodeFiles:
    """The files of one node, by their paths without the first slash.

    Args:
        place: where the cluster is.
        await_api: waits until the API server answers.

    """

    def __init__(self, place: Place, await_api: Callable[[], None]) -> None:
        self._place = place
        self._await = await_api

    def capture(self) -> dict[str, bytes]:
        """All that counts; logs do not."""
        attempted = f"read the files of {self._place.container}"
        archive = docker_bytes("exec", self._place.container, "tar", "-C", "/", "-cf", "-", *TREES, attempted=attempted)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            found = {member.name: tar.extractfile(member) for member in tar.getmembers() if member.isreg()}
            return {name: file.read() for name, file in found.items() if file and not name.endswith(".log")}

    def read(self, path: str) -> bytes | None:
        """See ``Node``."""
        return self.capture().get(_inside(path))

    def put(self, files: Mapping[str, bytes | None]) -> None:
        """See ``Node``."""
        named = {_inside(path): data for path, data in files.items()}
        self._remove(name for name, data in named.items() if data is None)
        self._write({name: data for name, data in named.items() if data is not None})
        self._restart(named)
        self._await()

    def restore(self, files: Files) -> None:
        """Make the files exactly these, and restart what reads those that were others."""
        now = self.capture()
        put = {name: data for name, data in files.items() if now.get(name) != data}
        gone = [name for name in now if name not in files]
        self._remove(gone)
        self._write(put)
        self._restart([*put, *gone])

    def _remove(self, names: Iterable[str]) -> None:
        paths = [f"/{name}" for name in names]
        if paths:
            docker("exec", self._place.container, "rm", "-f", "--", *paths, attempted="remove files of the node")

    def _write(self, files: Files) -> None:
        if not files:
            return
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o600
                tar.addfile(member, io.BytesIO(data))
        words = ("exec", "--interactive", self._place.container, "tar", "-C", "/", "-xf", "-")
        docker_bytes(*words, attempted="write files of the node", given=archive.getvalue())

    def _restart(self, changed: Iterable[str]) -> None:
        changed = list(changed)
        if any(name.startswith(KUBELETS) for name in changed):
            self.restart_kubelet()
        components = {PurePosixPath(name).stem for name in changed if name.startswith(MANIFESTS)}
        if any(not name.startswith((MANIFESTS, *KUBELETS)) for name in changed):
            components.add(APISERVER)
        for name in components:
            self._end(name)

    def restart_kubelet(self) -> None:
        """Have the kubelet read its configuration anew, and wait until it answers.

        Raises:
            Infrastructure: it does not come up again; says what it said last.

        """
        container = self._place.container
        docker("exec", container, "systemctl", "restart", "kubelet", attempted="restart the kubelet")
        wait = "for i in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/10250) 2>/dev/null && exit; sleep 0.1; done; exit 1"
        try:
            docker("exec", container, "bash", "-c", wait, attempted="restart the kubelet")
        except Infrastructure:
            said = docker(
                "exec", container, "journalctl", "-u", "kubelet", "-n", "1", "-o", "cat", attempted="read its log"
            )
            remedy = "Mend its configuration, or run `ckslab reset`."
            raise Infrastructure("restart the kubelet", said.strip()[-400:] or "it does not answer", remedy) from None

    def _end(self, component: str) -> None:
        """End a static pod's container at once: the kubelet would give it half a minute."""
        script = f"crictl ps --quiet --name {component} | xargs --no-run-if-empty crictl stop --timeout 0"
        docker("exec", self._place.container, "bash", "-c", script, attempted=f"restart {component}")


def _inside(path: str) -> str:
    name = str(PurePosixPath("/", path).relative_to("/"))
    if ".." in PurePosixPath(name).parts or not name.startswith(TREES):
        seen = f"only what is below /{' and /'.join(TREES)} can be"
        raise InvalidInput(f"use the node's file {path}", seen, "Name one of those.")
    return name
