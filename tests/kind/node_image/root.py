"""The node's file system: Debian by debootstrap, then our files and programs. Needs root, as packages are installed."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.kind.node_image.parts import DEBIAN, HERE, PACKAGES, PLACES, VERSION

MASKED = (
    "console-getty.service",
    "dev-hugepages.mount",
    "getty.target",
    "networkd-dispatcher.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-journal-flush.service",
    "systemd-logind.service",
    "systemd-modules-load.service",
    "systemd-remount-fs.service",
    "systemd-timesyncd.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
)
"""Units for a machine's own kernel, terminals and devices, which a container has none of."""
_PROXYS_PROGRAMS = ("/usr/sbin/xtables-nft-multi", "/usr/sbin/nft", "/usr/sbin/conntrack", "/usr/sbin/ipset")
_PROXYS_NAMES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")


def make_debian(target: Path) -> None:
    """Install Debian into an empty folder."""
    include = ",".join(PACKAGES)
    command = ["debootstrap", "--variant=minbase", f"--include={include}", DEBIAN, str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for waste in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(target / waste, ignore_errors=True)


def lay_out(root: Path, programs: Mapping[str, Path]) -> None:
    """Put our files and programs in, and have systemd start what a node needs and nothing else."""
    shutil.copytree(HERE / "files", root, dirs_exist_ok=True)
    for folder, names in PLACES.items():
        (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(programs[name], root / folder.lstrip("/") / name)
    shutil.copytree(
        HERE / "enforcer", root / "usr/local/lib/ckslab/enforcer", ignore=shutil.ignore_patterns("__pycache__")
    )
    (root / "kind" / "version").write_text(f"v{VERSION}")
    units = root / "etc/systemd/system"
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    for name in ("containerd", "kubelet", "network-policies"):
        _link(wanted / f"{name}.service", f"/etc/systemd/system/{name}.service")
    for unit in MASKED:
        _link(units / unit, "/dev/null")
    _link(units / "default.target", "/lib/systemd/system/multi-user.target")


def proxy_files(root: Path) -> dict[str, Path]:
    """What kube-proxy runs: the packet filter's programs, their plugins, and every library of both.

    Without the plugins' own libraries a Service with two endpoints makes ``iptables-restore`` fail.
    """
    plugins = sorted((root / "usr/lib").glob("*/xtables/*.so"))
    roots = [root / name.lstrip("/") for name in _PROXYS_PROGRAMS] + plugins
    libraries = {library for path in roots for library in _libraries(root, path)}
    wanted = {str(path.relative_to(root)) for path in roots} | libraries
    return {f"/{path}": (root / path).resolve() for path in wanted}


def proxy_links() -> dict[str, str]:
    """The names by which kube-proxy calls the packet filter; and Debian's merged folders."""
    return {
        **{f"/usr/sbin/{name}": "xtables-nft-multi" for name in _PROXYS_NAMES},
        "/lib": "usr/lib",
        "/lib64": "usr/lib64",
        "/sbin": "usr/sbin",
    }


def _libraries(root: Path, path: Path) -> set[str]:
    inside = f"/{path.relative_to(root)}"
    said = subprocess.run(["chroot", root, "ldd", inside], capture_output=True, text=True).stdout
    found = re.findall(r"(?:=> )?(/\S+) \(0x", said)
    return {f"usr{name}" if name.startswith("/lib") else name.lstrip("/") for name in found}


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
