"""How does a workload run? Read from its running processes, and not from its manifest.

Whom a container runs as, and with which powers, is what the kernel says of its first process (proc(5)): an image's own
user, a default and a policy that changes pods count as they came out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from ckslab_checker.context import Context, Manifest
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.running import Pods, called, containers, inside, is_ready, running_containers
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability
from ckslab_labs.cluster.rollouts import STUCK
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.model import ProbeSpec, Text
from ckslab_labs.session import restarts

PowerName = Literal["SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "NET_ADMIN", "NET_RAW", "DAC_OVERRIDE", "MKNOD"]
_BITS: Mapping[str, int] = {
    "DAC_OVERRIDE": 1,
    "NET_ADMIN": 12,
    "NET_RAW": 13,
    "SYS_MODULE": 16,
    "SYS_PTRACE": 19,
    "SYS_ADMIN": 21,
    "MKNOD": 27,
}
"""Of capabilities(7), by linux/capability.h."""

_DEVICES = ("console", "full", "mqueue", "null", "pts", "random", "shm", "termination-log", "tty", "urandom", "zero")
_OF_THE_RUNTIME = frozenset(
    {
        *("/proc", "/sys", "/dev", *(f"/dev/{name}" for name in _DEVICES)),
        *("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"),
    }
)
"""What every container gets, whatever its manifest says; in a user namespace each device is a mount."""
_OF_THE_POD = "/volumes/kubernetes.io~empty-dir/"
"""Of the path of a volume that goes with its pod; those in memory are of type tmpfs."""
_GO_WITH_THE_POD = ("emptyDir", "ephemeral")
"""Kinds of volumes, wherever they lie."""


class Workload(ProbeSpec):
    """``workload: {pods, count?, ...}``; what is named must hold for every such pod."""

    kind: ClassVar[str] = "workload"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.KUBELET})
    pods: Pods
    """The pods; every container that runs in them unless one is named. Those that are asked about need ``cat``."""
    count: int = Field(default=1, ge=1)
    """How many must be ready, at least."""
    user: Literal["root", "non-root"] | None = None
    """Whom the process runs as."""
    powers: Literal["none"] | None = None
    """No capability, no way to get one (no_new_privs), and system calls filtered by seccomp."""
    root: Literal["read-only"] | None = None
    """The container's root file system cannot be written to."""
    writable: tuple[Text, ...] | None = Field(default=None, strict=False)
    """Where files can be written, at most: these folders and what is below them, each in a volume that goes with the
    pod. What a container gets from its runtime (``/dev``, ``/etc/hosts``) does not count."""
    without: tuple[PowerName, ...] | None = Field(default=None, strict=False)
    """Capabilities that it does not have, and cannot get."""
    debug_containers: Literal["none"] | None = Field(default=None, alias="debug-containers")
    """No ephemeral container runs in them."""
    unchanged: Literal[True] | None = None
    """They are the very pods of the untouched start, and none of their containers has restarted."""

    @model_validator(mode="after")
    def _unchanged_alone(self) -> "Workload":
        if self.unchanged and (self._asks_processes or self.debug_containers):
            raise ValueError("unchanged is a question of its own: ask it in another check")
        return self

    @property
    def _asks_processes(self) -> bool:
        return any(each is not None for each in (self.user, self.powers, self.root, self.writable, self.without))

    @property
    def needs_start(self) -> bool:
        """Whether it compares with the untouched start."""
        return bool(self.unchanged)

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        there = self.pods.there(ctx)
        ready = [pod for pod in there if is_ready(pod)]
        counted = Evidence(
            f"How many {self.pods} are ready?", f"at least {self.count}", str(len(ready)), len(ready) >= self.count
        )
        if not counted.met:
            return [counted]
        if self.unchanged:
            return [counted, *(self._as_before(ctx, pod) for pod in ready)]
        asked = [
            partial(self._process, ctx, pod, name)
            for pod in there
            if "deletionTimestamp" not in pod["metadata"]
            for name in self._containers(pod)
        ]
        evidence = [each for found in together(asked) for each in found]
        debugged = there if self.debug_containers else []  # one that is not ready has them all the same
        return [counted, *evidence, *map(_debugged, debugged)]

    def _containers(self, pod: Manifest) -> list[str]:
        """Those to look into: a container may run in a pod that is not ready, and counts all the same."""
        if not self._asks_processes:
            return []
        running = running_containers(pod)
        if self.pods.container is None:
            return running
        return [self.pods.container] if self.pods.container in running or is_ready(pod) else []

    def _as_before(self, ctx: Context, pod: Manifest) -> Evidence:
        assert ctx.start is not None  # the engine skips the check where nobody saw the start
        metadata = pod["metadata"]
        before = ctx.start.pods.get(f"{metadata['namespace']}/{metadata['name']}")
        now = {"uid": metadata["uid"], "restarts": restarts(pod)}
        observed = "yes" if now == before else "it has restarted" if before and before["uid"] == now["uid"] else "no"
        return Evidence(f"Is {called(pod)} the one that ran at the start?", "yes", observed, observed == "yes")

    def _process(self, ctx: Context, pod: Manifest, container: str) -> list[Evidence]:
        if missing := self.pods.without_container(pod):
            return [missing]
        try:
            facts = Process(_first_process(ctx, pod, container))
        except CannotTell:
            if is_ready(pod):
                raise
            return []  # it has ended meanwhile
        own = _own_folders(pod, container)
        asked: tuple[tuple[str, str | None, str], ...] = (
            ("Whom does it run as", self.user, "root" if facts.uid == 0 else "non-root"),
            ("What powers has it", self.powers, facts.powers),
            ("What is its root file system", self.root, facts.root),
            ("Where else can it write", _nothing("nowhere", self.writable), facts.writes(self.writable or (), own)),
            ("Which unwanted powers has it", _nothing("none", self.without), facts.among(self.without or ())),
        )
        return [
            Evidence(f"{question}, {called(pod, container)}?", wanted, clean_line(observed), wanted == observed)
            for question, wanted, observed in asked
            if wanted is not None
        ]


def _first_process(ctx: Context, pod: Manifest, container: str) -> str:
    """What the kernel says of it; where processes are shared the first is another container's, or the node's."""
    shared = pod["spec"].get("shareProcessNamespace") or pod["spec"].get("hostPID")
    words = ["cat", f"/proc/{'self' if shared else '1'}/status", "/proc/self/mountinfo"]
    ran = inside(ctx, pod, container, words)
    if ran.exit_code != 0:
        named = f"the first process of {called(pod, container)}"
        raise CannotTell(f"{named} could not be looked at: {ran.stderr.strip()}")
    return ran.stdout


def _own_folders(pod: Manifest, container: str) -> set[str]:
    """Where volumes that go with the pod are mounted, by what the API server says."""
    volumes = {
        each["name"] for each in pod["spec"].get("volumes", ()) if any(kind in each for kind in _GO_WITH_THE_POD)
    }
    found = [each for each in containers(pod) if each["name"] == container]
    mounts = [mount for each in found for mount in each.get("volumeMounts", ())]
    return {mount["mountPath"].rstrip("/") for mount in mounts if mount["name"] in volumes}


def _nothing(word: str, asked: object | None) -> str | None:
    """The word for nothing, where it is asked at all."""
    return None if asked is None else word


def _debugged(pod: Manifest) -> Evidence:
    """One is taken to run unless it is known to have ended, or not to come up: a status may be late, or taken out."""
    statuses = pod.get("status", {}).get("ephemeralContainerStatuses", ())
    added = {each["name"] for each in pod["spec"].get("ephemeralContainers", ())}
    running = ", ".join(sorted(added - {each["name"] for each in statuses if _is_over(each.get("state", {}))}))
    asked = f"Which debug containers run in {called(pod)}?"
    return Evidence(asked, "none", clean_line(running) or "none", not running)


def _is_over(state: Mapping[str, Any]) -> bool:
    return "terminated" in state or state.get("waiting", {}).get("reason") in STUCK


class Process:
    """What ``status`` and ``mountinfo`` of a process say (proc_pid_status(5), proc_pid_mountinfo(5))."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        self._status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        mounts = [line.split() for line in lines if " - " in line]
        self._mounts = {fields[4]: fields for fields in mounts if len(fields) > 5}
        """By where they are; what is mounted later lies on top."""

    @property
    def uid(self) -> int:
        """The effective user."""
        return int(self._status["Uid"].split()[1])

    @property
    def powers(self) -> str:
        """``none``, or what there is of them."""
        found = []
        if self._capabilities:
            found.append("capabilities")
        if self._status.get("NoNewPrivs") != "1":
            found.append("new privileges")
        if self._status.get("Seccomp") != "2":
            found.append("every system call")
        return ", ".join(found) or "none"

    @property
    def root(self) -> str:
        """``read-only`` or ``writable``."""
        return "writable" if "/" not in self._mounts or _is_writable(self._mounts["/"]) else "read-only"

    def writes(self, folders: Iterable[str], own: Collection[str] = ()) -> str:
        """``nowhere``, or where it can write outside these folders, and in them where the volume is none of its own."""
        found = []
        for place, fields in self._mounts.items():
            if not _is_writable(fields) or place in _OF_THE_RUNTIME or place.startswith(("/proc/", "/sys/")):
                continue
            goes = place in own or _OF_THE_POD in fields[3] or fields[fields.index("-") + 1] == "tmpfs"
            if not any(place == folder or place.startswith(f"{folder}/") for folder in folders):
                found.append(place)
            elif not goes:
                found.append(f"{place} of the node")
        return ", ".join(found) or "nowhere"

    def among(self, names: Iterable[PowerName]) -> str:
        """``none``, or which of these capabilities it has or can get."""
        return ", ".join(name for name in names if self._capabilities >> _BITS[name] & 1) or "none"

    @property
    def _capabilities(self) -> int:
        """Those that it has, and those that a program with privileges of its own would give it."""
        return int(self._status["CapEff"], 16) | int(self._status["CapPrm"], 16) | int(self._status["CapBnd"], 16)


def _is_writable(mount: Sequence[str]) -> bool:
    """Whether neither the mount nor the file system on it is read-only."""
    return "rw" in mount[5].split(",") and "ro" not in mount[-1].split(",")
