"""What a node image is made of: data only. Every program comes from a Go module, everything else from Debian."""

from dataclasses import dataclass
from pathlib import Path

from ckslab_labs.binaries.catalog import ETCD, KUBERNETES, Binary, Module

HERE = Path(__file__).parent
KUBERNETES_MODULE = KUBERNETES["1.36"]
VERSION = KUBERNETES_MODULE.version

DEBIAN = "bookworm"
PACKAGES = (
    "ca-certificates",
    "conntrack",
    "dbus",
    "ethtool",
    "iproute2",
    "ipset",
    "iptables",
    "kmod",
    "libseccomp2",
    "mount",
    "nftables",
    "procps",
    "python3",
    "socat",
    "systemd",
    "systemd-sysv",
    "util-linux",
)


def _module(name: str, version: str, packages: dict[str, str], **others: object) -> Module:
    binaries = tuple(Binary(program, package, 1) for program, package in packages.items())
    return Module(name, version, HERE / "modules" / name, binaries, **others)  # type: ignore[arg-type]


_CNI = "github.com/containernetworking/plugins/plugins"
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
CNI = _module(
    "cni",
    "1.9.1",
    {
        "host-local": f"{_CNI}/ipam/host-local",
        "loopback": f"{_CNI}/main/loopback",
        "portmap": f"{_CNI}/meta/portmap",
        "ptp": f"{_CNI}/main/ptp",
    },
)
CONTAINERD = _module(
    "containerd",
    "2.3.4",
    {name: f"{_CONTAINERD}/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")},
    tags=("no_btrfs", "no_zfs", "no_devmapper", "no_aufs"),
)
COREDNS = _module("coredns", "1.14.2", {"coredns": "github.com/coredns/coredns"})
CRICTL = _module("crictl", "1.36.0", {"crictl": "sigs.k8s.io/cri-tools/cmd/crictl"})
NODE = _module(
    "kubernetes",
    VERSION,
    {name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kubeadm", "kubelet", "kube-proxy")},
    stamp=KUBERNETES_MODULE.stamp,
)
PAUSE = _module("pause", "1", {"pause": "ckslab/pause"})
RUNC = _module("runc", "1.4.3", {"runc": "github.com/opencontainers/runc"}, tags=("seccomp",), cgo=True)

MODULES = (KUBERNETES_MODULE, ETCD, CNI, CONTAINERD, COREDNS, CRICTL, NODE, PAUSE, RUNC)

PLACES = {
    "/usr/bin": ("kubeadm", "kubectl", "kubelet"),
    "/usr/local/bin": ("containerd", "containerd-shim-runc-v2", "crictl", "ctr"),
    "/usr/local/sbin": ("runc",),
    "/opt/cni/bin": ("host-local", "loopback", "portmap", "ptp"),
}
"""Where programs lie on the node."""


@dataclass(frozen=True)
class Component:
    """A container image with one program, which is its entrypoint."""

    program: str
    names: tuple[str, ...]
    arguments: tuple[str, ...] = ()


_REGISTRY = "registry.k8s.io"
COMPONENTS = (
    *(
        Component(name, (f"{_REGISTRY}/{name}:v{VERSION}",))
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    ),
    Component("etcd", (f"{_REGISTRY}/etcd:3.6.8-0",)),
    Component("coredns", (f"{_REGISTRY}/coredns/coredns:v{COREDNS.version}",)),
    Component("pause", (f"{_REGISTRY}/pause:3.10.2", f"{_REGISTRY}/pause:3.10.1")),
)
"""As ``kubeadm config images list`` names them."""
PROXY = Component("kube-proxy", (f"{_REGISTRY}/kube-proxy:v{VERSION}",))
"""It runs programs of the node's Debian, see ``root.proxy_files``."""
WORKLOADS = (
    Component("busybox", ("docker.io/library/busybox:1.37.0",), ("sh",)),
    Component("busybox", ("docker.io/library/nginx:1.29.1-alpine",), ("httpd", "-f", "-p", "80", "-h", "/var/www")),
)
"""Stand-ins for the images that scenarios name: Debian's static busybox."""
