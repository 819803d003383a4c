"""Where everything of one plane lies, and its ports: the facts that the supervisor and the commands share.

``node/`` stands for a control-plane node's file system: what a learner knows as ``/etc/kubernetes/...`` lies below it.
"""

import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ckslab_labs.files import read_json, write_json
from ckslab_labs.paths import state_home

PLANE_VARIABLE = "CKSLAB_PLANE"
"""In the environment of every process of a plane, with the plane's folder as value: how a sweep finds them."""


@dataclass(frozen=True)
class Layout:
    """The paths of a plane below its ``root``."""

    root: Path

    @property
    def name(self) -> str:
        """The plane's name."""
        return self.root.name

    @property
    def alive(self) -> Path:
        """Locked by the supervisor while it lives: the proof of life."""
        return self.root / "alive.lock"

    @property
    def spec(self) -> Path:
        """What the plane is: ports, versions, binaries (``PlaneSpec``)."""
        return self.root / "plane.json"

    @property
    def wanted(self) -> Path:
        """What the supervisor shall run (``Wanted``), written by commands."""
        return self.root / "wanted.json"

    @property
    def status(self) -> Path:
        """What it does run, and why not more; written by the supervisor."""
        return self.root / "status.json"

    @property
    def fill(self) -> Path:
        """A snapshot that an empty etcd is filled with before the API server's first start."""
        return self.root / "fill.json"

    @property
    def baseline(self) -> Path:
        """The plane's own clean state, for reset."""
        return self.root / "baseline.json"

    @property
    def etcd_data(self) -> Path:
        """Etcd's data directory."""
        return self.root / "etcd"

    @property
    def logs(self) -> Path:
        """A log per component, and the supervisor's."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Scratch of the components."""
        return self.root / "run"

    @property
    def copies(self) -> Path:
        """Checked copies of the files that the API server's flags name."""
        return self.run / "files"

    @property
    def node(self) -> Path:
        """The root of the control-plane node's file system."""
        return self.root / "node"

    @property
    def kubernetes_dir(self) -> Path:
        """``/etc/kubernetes`` of the node."""
        return self.node / "etc" / "kubernetes"

    @property
    def manifests(self) -> Path:
        """The static-pod folder that the supervisor watches as a kubelet would."""
        return self.kubernetes_dir / "manifests"

    @property
    def pki(self) -> Path:
        """Keys and certificates, as kubeadm lays them out."""
        return self.kubernetes_dir / "pki"

    def log(self, component: str) -> Path:
        """The log of one component."""
        return self.logs / f"{component}.log"

    def kubeconfig(self, who: str) -> Path:
        """The kubeconfig of ``admin`` (ours), ``learner``, or a component."""
        return self.root / "kubeconfig" / f"{who}.yaml"


@dataclass(frozen=True)
class Ports:
    """The TCP ports of a plane, all on 127.0.0.1."""

    apiserver: int
    etcd: int
    etcd_peer: int

    @classmethod
    def free(cls) -> "Ports":
        """Three ports that nobody uses now; a race until they are bound, so callers try again on a bind error."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            return cls(*(each.getsockname()[1] for each in sockets))

    def taken(self) -> list[int]:
        """Those that somebody listens on."""
        return [port for port in asdict(self).values() if _taken(port)]


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT of our own last run is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@dataclass(frozen=True)
class PlaneSpec:
    """What a plane is, fixed when it is made; only ports may change, when they were taken meanwhile."""

    kubernetes: str
    ports: Ports
    binaries: dict[str, str]

    def save(self, layout: Layout) -> None:
        """Write it down."""
        write_json(layout.spec, asdict(self))

    @classmethod
    def load(cls, layout: Layout) -> "PlaneSpec":
        """Read it back.

        Raises:
            FileNotFoundError: the plane was never made.

        """
        value = read_json(layout.spec)
        return cls(value["kubernetes"], Ports(**value["ports"]), value["binaries"])


@dataclass(frozen=True)
class Wanted:
    """What the supervisor shall run. ``held`` components are stopped for a moment, e.g. to exchange their state."""

    components: tuple[str, ...]
    held: tuple[str, ...] = ()

    def save(self, layout: Layout) -> None:
        """Write it down for the supervisor."""
        write_json(layout.wanted, asdict(self))

    @classmethod
    def load(cls, layout: Layout) -> "Wanted":
        """Read it back; nothing wanted where nothing was written."""
        try:
            value: dict[str, Any] = read_json(layout.wanted)
        except FileNotFoundError:
            return cls(())
        return cls(tuple(value["components"]), tuple(value["held"]))


def planes_home() -> Path:
    """The folder that holds the user's planes."""
    return state_home() / "planes"


def list_planes() -> list[str]:
    """The names of the user's planes, running or not."""
    home = planes_home()
    if not home.is_dir():
        return []
    return sorted(entry.name for entry in home.iterdir() if (entry / "plane.json").is_file())
