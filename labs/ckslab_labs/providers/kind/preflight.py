"""What a machine has and lacks for a kind cluster: every problem at once, each with its remedy."""

import json
import shutil
from pathlib import Path

from ckslab_labs.binaries.doctor import Finding
from ckslab_labs.binaries.golang import as_numbers
from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.providers.kind.tools import docker

DOCKER = "20.10"
"""The first that gives a container cgroups of its own (``--cgroupns=private``), which kind asks for."""
GIGABYTES = 4.0
"""Of disk, for a node with its images."""
MEMORY = 2.0
"""Gigabytes, for a node with some pods."""
INOTIFY = {"max_user_instances": 512, "max_user_watches": 65536}
"""What a systemd in a container and a kubelet need (https://kind.sigs.k8s.io/docs/user/known-issues/)."""
_PROC = Path("/proc/sys/fs/inotify")


def findings() -> list[Finding]:
    """All facts that a kind cluster depends on."""
    engine = engine_fact()
    return [engine, *([cgroup_fact(), disk_fact()] if engine.ok else []), memory_fact(), inotify_fact()]


def refuse_unfit() -> None:
    """Refuse to make a cluster on a machine that lacks something.

    Raises:
        InvalidInput: with everything that is wrong.

    """
    if wrong := [finding for finding in findings() if not finding.ok]:
        seen = "; ".join(f"{finding.name}: {finding.seen}" for finding in wrong)
        raise InvalidInput("make a kind cluster here", seen, " ".join(finding.remedy for finding in wrong))


def engine_fact() -> Finding:
    """Whether a Docker engine answers, and is recent enough."""
    try:
        version = docker("version", "--format", "{{.Server.Version}}", attempted="ask the Docker engine").strip()
    except Infrastructure as error:
        remedy = "Install Docker, start its engine, and see that you may use it (the group docker)."
        return Finding("docker", False, error.seen, remedy)
    ok = as_numbers(version) >= as_numbers(DOCKER)
    return Finding("docker", ok, f"Docker {version}", "" if ok else f"Use Docker {DOCKER} or newer.")


def cgroup_fact() -> Finding:
    """Which cgroups the engine uses: both work, as the kubelet is told."""
    return Finding("cgroups", True, f"version {cgroup_version()}")


def cgroup_version() -> str:
    """``1`` or ``2``."""
    return docker("info", "--format", "{{.CgroupVersion}}", attempted="ask the Docker engine").strip()


def disk_fact() -> Finding:
    """Whether the engine's disk has room for a node."""
    folder = json.loads(docker("info", "--format", "{{json .DockerRootDir}}", attempted="ask the Docker engine"))
    if not Path(folder).is_dir():  # the engine is in a machine of its own
        return Finding("disk", True, f"{folder} is the engine's own")
    free = shutil.disk_usage(folder).free / 1e9
    remedy = "" if free >= GIGABYTES else f"Free {GIGABYTES - free:.1f} GB, e.g. with `docker system prune`."
    return Finding("disk", not remedy, f"{free:.1f} GB free for {folder}, {GIGABYTES:g} GB needed", remedy)


def memory_fact() -> Finding:
    """Whether there is memory for a node."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) / 1e6
    remedy = "" if free >= MEMORY else "End what takes much of it, or use the embedded provider."
    return Finding("memory", not remedy, f"{free:.1f} GB available, {MEMORY:g} GB needed", remedy)


def inotify_fact() -> Finding:
    """Whether the kernel lets as many files be watched as a node watches."""
    has = {name: int((_PROC / name).read_text()) for name in INOTIFY}
    lacking = {name: wanted for name, wanted in INOTIFY.items() if has[name] < wanted}
    commands = ", ".join(f"sudo sysctl fs.inotify.{name}={wanted}" for name, wanted in lacking.items())
    seen = ", ".join(f"{name} {value}" for name, value in has.items())
    return Finding("inotify", not lacking, seen, f"Run: {commands}." if lacking else "")
