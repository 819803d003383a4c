"""Where everything of one kind cluster lies on this machine, and what it is called in the engine."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ckslab_labs.files import write_atomic
from ckslab_labs.paths import private_dir, state_home
from ckslab_labs.providers.kind.configuration import ETCD_PORT
from ckslab_labs.providers.kind.tools import docker

_NODE_FILES = {
    "ca.crt": "/etc/kubernetes/pki/etcd/ca.crt",
    "snapshot-client.crt": "/etc/kubernetes/pki/apiserver-etcd-client.crt",
    "snapshot-client.key": "/etc/kubernetes/pki/apiserver-etcd-client.key",
}
"""What etcd is asked with, and where kubeadm put it on the node."""
_KUBECONFIGS = {"admin": "/etc/kubernetes/super-admin.conf", "learner": "/etc/kubernetes/admin.conf"}
"""kubeadm's two administrators: in ``system:masters``, and in ``kubeadm:cluster-admins`` (since Kubernetes 1.29)."""


@dataclass(frozen=True)
class Place:
    """The names and paths of a cluster; the user's own kubeconfig is none of them."""

    name: str

    @property
    def cluster(self) -> str:
        """Kind's name for it."""
        return f"ckslab-{self.name}"

    @property
    def container(self) -> str:
        """Its one node, as kind calls it."""
        return f"{self.cluster}-control-plane"

    @property
    def folder(self) -> Path:
        """The folder that holds the files below."""
        return state_home() / "kind" / self.name

    @property
    def configuration(self) -> Path:
        """What it was made with."""
        return self.folder / "kind.yaml"

    @property
    def etcd(self) -> Path:
        """The keys that etcd is asked with."""
        return self.folder / "etcd"

    @property
    def baseline(self) -> Path:
        """Its clean state. Written last: a cluster without one was not finished."""
        return self.folder / "baseline.json"

    @property
    def mounted(self) -> Path:
        """What is mounted into the node: a folder for each of ``FOLDERS``."""
        return self.folder / "node"

    @property
    def measured(self) -> Path:
        """What was measured of it, as its node image does not tell."""
        return self.folder / "measured.json"

    @property
    def logs(self) -> Path:
        """What kind collected when it could not be made."""
        return self.folder / "logs"

    def kubeconfig(self, who: str) -> Path:
        """The kubeconfig of ``admin`` (ours) or ``learner``."""
        return self.folder / f"{who}.yaml"

    def port(self, inside: int) -> int:
        """The port of this machine that leads to one of the node's."""
        told = docker("port", self.container, str(inside), attempted=f"find port {inside} of {self.container}")
        return int(told.split()[0].rpartition(":")[2])

    @property
    def etcd_port(self) -> int:
        """Where etcd answers, on 127.0.0.1."""
        return self.port(ETCD_PORT)

    def read(self, path: str) -> str:
        """A file of the node."""
        return docker("exec", self.container, "cat", path, attempted=f"read {path} of {self.container}")

    def fetch_keys(self) -> None:
        """Take over the node's keys and kubeconfigs."""
        private_dir(self.etcd)
        for name, path in _NODE_FILES.items():
            write_atomic(self.etcd / name, self.read(path).encode())
        server = f"https://127.0.0.1:{self.port(6443)}"
        for who, path in _KUBECONFIGS.items():
            self._write_kubeconfig(who, yaml.safe_load(self.read(path)), server)

    def _write_kubeconfig(self, who: str, config: dict[str, Any], server: str) -> None:
        """Ours names files: the Kubernetes client would write inline keys into a temporary folder, and leave them."""
        config["clusters"][0]["cluster"]["server"] = server
        if who == "admin":
            _move_out(config["clusters"][0]["cluster"], "certificate-authority", self.folder / "ca.crt")
            _move_out(config["users"][0]["user"], "client-certificate", self.folder / "admin.crt")
            _move_out(config["users"][0]["user"], "client-key", self.folder / "admin.key")
        write_atomic(self.kubeconfig(who), yaml.safe_dump(config).encode())


def _move_out(part: dict[str, str], key: str, path: Path) -> None:
    write_atomic(path, base64.b64decode(part.pop(f"{key}-data")))
    part[key] = str(path)
