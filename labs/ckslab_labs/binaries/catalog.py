"""Which programs make a control plane, and from which Go module each is built: data only.

A module is a folder under ``modules/`` whose go.mod names one upstream release and whose go.sum fixes every byte of it.
A new program or release is a new entry here and a folder there; no code may depend on a program's name.
"""

import hashlib
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.paths import cache_home

MODULES = Path(__file__).parent / "modules"

BUILD_FLAGS = ("-trimpath", "-mod=readonly", "-gcflags=all=-dwarf=false")
"""No path of this machine in the program; nothing but what go.sum names; and no debugging information, which is a sixth
of the compiler's work, and which the linker would leave out."""


@dataclass(frozen=True)
class Binary:
    """One program.

    Args:
        name: its file name.
        package: the Go package that it is built from.
        minutes: roughly, to build it after those before it in its module, on 2 cores without caches.
        version_args: make it say its version.

    """

    name: str
    package: str
    minutes: float
    version_args: tuple[str, ...] = ("--version",)

    @property
    def built_as(self) -> str:
        """The name that ``go build`` gives it: the package's last element that is no major version."""
        return re.sub(r"/v\d+$", "", self.package).rpartition("/")[2]


@dataclass(frozen=True)
class Module:
    """A Go module that only holds tools.

    Args:
        name: what people call it; part of the cache folder's name.
        version: what its programs say to ``--version``, without the "v".
        folder: holds go.mod and go.sum.
        binaries: its programs.
        stamp: ``package.variable=value``, set by the linker; upstream's release scripts do the same.
        tags: build tags.
        cgo: whether its programs need a C compiler.

    """

    name: str
    version: str
    folder: Path
    binaries: tuple[Binary, ...]
    stamp: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cgo: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of ``go list`` and ``go build``."""
        return (*BUILD_FLAGS, *((f"-tags={','.join(self.tags)}",) if self.tags else ()))

    @property
    def ldflags(self) -> str:
        """The linker's flags: no symbol table, and the stamp."""
        return " ".join(["-s", "-w", *(f"-X {value}" for value in self.stamp)])

    @property
    def go_version(self) -> str:
        """The Go that it needs ("1.26.0"), from its go.mod."""
        found = re.search(r"^go (\S+)$", (self.folder / "go.mod").read_text(), re.MULTILINE)
        assert found, f"{self.folder}/go.mod has no go line"
        return found[1]

    @property
    def cache_folder(self) -> Path:
        """Where its programs are kept; another one as soon as anything changes that goes into them."""
        digest = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            digest.update((self.folder / name).read_bytes() + b"\0")
        digest.update("\0".join([*self.flags, self.ldflags, architecture()]).encode())
        return cache_home() / "bin" / f"{self.name}-{digest.hexdigest()[:16]}"

    def binary(self, name: str) -> Binary:
        """The program of that name; KeyError when it is not of this module."""
        return {binary.name: binary for binary in self.binaries}[name]


def _kubernetes(version: str) -> Module:
    major, minor, _ = version.split(".")
    # Unstamped, a build says v0.0.0-master+$Format:%H$. The commit is not known from a module: left empty, the user
    # agent says "unknown".
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitCommit": ""}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    name = f"kubernetes-{major}.{minor}"
    return Module(
        name=name,
        version=version,
        folder=MODULES / name,
        binaries=(
            Binary("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", 3.5),
            Binary("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", 1),
            Binary("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", 0.2),
            Binary("kubectl", "k8s.io/kubernetes/cmd/kubectl", 0.5, ("version", "--client")),
        ),
        stamp=tuple(f"{package}.{key}={value}" for package in packages for key, value in values.items()),
    )


ETCD = Module("etcd", "3.6.16", MODULES / "etcd", (Binary("etcd", "go.etcd.io/etcd/server/v3", 1),))
KWOK = Module("kwok", "0.8.0", MODULES / "kwok", (Binary("kwok", "sigs.k8s.io/kwok/cmd/kwok", 1.3),))
KIND = Module("kind", "0.33.0", MODULES / "kind", (Binary("kind", "sigs.k8s.io/kind", 0.2, ("version",)),))
GATEKEEPER = Module(
    "gatekeeper",
    "3.23.0",
    MODULES / "gatekeeper",
    (Binary("gator", "github.com/open-policy-agent/gatekeeper/v3/cmd/gator", 2),),
    stamp=("github.com/open-policy-agent/gatekeeper/v3/pkg/version.Version=v3.23.0",),
)
PROMETHEUS = Module(
    "prometheus",
    "3.16.0",
    MODULES / "prometheus",  # as a module, v0.316.0
    (Binary("promtool", "github.com/prometheus/prometheus/cmd/promtool", 4),),
    stamp=("github.com/prometheus/common/version.Version=3.16.0",),
)
KYVERNO = Module(
    "kyverno",
    "1.19.1",
    MODULES / "kyverno",
    (Binary("kyverno", "github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno", 4, ("version",)),),
    stamp=("github.com/kyverno/kyverno/pkg/version.BuildVersion=1.19.1",),
)
KUBERNETES = {"1.36": _kubernetes("1.36.3"), "1.35": _kubernetes("1.35.4")}

DEFAULT_KUBERNETES = "1.36"


def modules(kubernetes: str = DEFAULT_KUBERNETES) -> tuple[Module, ...]:
    """The modules of a control plane of that Kubernetes version ("1.36").

    Raises:
        InvalidInput: the version is not one of ``KUBERNETES``.

    """
    if kubernetes not in KUBERNETES:
        known = " or ".join(KUBERNETES)
        raise InvalidInput(f"use Kubernetes {kubernetes}", "there is no such version in ckslab", f"Choose {known}.")
    return (ETCD, KUBERNETES[kubernetes], KWOK)


def programs(kubernetes: str = DEFAULT_KUBERNETES) -> Iterator[tuple[Module, Binary]]:
    """Every program of a control plane of that Kubernetes version, with its module."""
    for module in modules(kubernetes):
        for binary in module.binaries:
            yield module, binary


def architecture() -> str:
    """Go's name for this machine's processor.

    Raises:
        Infrastructure: it is one that ckslab does not run on.

    """
    machine = platform.machine().lower()
    names = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    if machine not in names:
        raise Infrastructure("use this machine", f"its processor is {machine}", "ckslab needs amd64 or arm64.")
    return names[machine]
