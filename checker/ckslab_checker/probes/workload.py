"""How does a workload run? Read from its running processes, and not from its manifest.

Whom a container runs as, and with which powers, is what the kernel says of its first process (proc(5)): an image's own
user, a default and a policy that changes pods count as they came out.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ckslab_checker.context import Context, Manifest
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.running import Pods, called, inside, running_containers
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability
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

_OF_THE_NODE = ("/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
"""What every container gets from its runtime, whatever its manifest says; of ``/dev`` only what lies in memory."""
_OF_THE_POD = "/volumes/kubernetes.io~empty-dir/"


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
        ready = self.pods.running(ctx)
        counted = Evidence(
            f"How many {self.pods} are ready?", f"at least {self.count}", str(len(ready)), len(ready) >= self.count
        )
        if not counted.met:
            return [counted]
        if self.unchanged:
            return [counted, *(self._as_before(ctx, pod) for pod in ready)]
        asked = [partial(self._process, ctx, pod, name) for pod in ready for name in self._containers(pod)]
        evidence = [each for found in together(asked) for each in found]
        return [counted, *evidence, *(_debugged(pod) for pod in ready if self.debug_containers)]

    def _containers(self, pod: Manifest) -> list[str]:
        if not self._asks_processes:
            return []
        return [self.pods.container] if self.pods.container else running_containers(pod)

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
        # Where processes are shared the first one is another container's, or the node's.
        shared = pod["spec"].get("shareProcessNamespace") or pod["spec"].get("hostPID")
        words = ["cat", f"/proc/{'self' if shared else '1'}/status", "/proc/self/mountinfo"]
        ran = inside(ctx, pod, container, words)
        if ran.exit_code != 0:
            raise CannotTell(f"the first process of {called(pod, container)} could not be looked at: {ran.stderr.strip()}")
        facts = Process(ran.stdout)
        asked = {
            "Whom does it run as": (self.user, "root" if facts.uid == 0 else "non-root"),
            "What powers has it": (self.powers, facts.powers),
            "What is its root file system": (self.root, facts.root),
            "Where can it write beside its own folders": ("nowhere", facts.writable(self.writable or ())),
            "Which of these powers can it use": ("none", facts.among(self.without or ())),
        }
        unasked = {2: self.root, 3: self.writable, 4: self.without}
        return []


def _debugged(pod: Manifest) -> Evidence:
    statuses = pod["status"].get("ephemeralContainerStatuses", ())
    running = sorted(each["name"] for each in statuses if "running" in each.get("state", {}))
    return Evidence(
        f"Which debug containers run in {called(pod)}?", "none", clean_line(", ".join(running)) or "none", not running
    )


class Process:
    """What ``status`` and ``mountinfo`` of a process say (proc_pid_status(5), proc_pid_mountinfo(5))."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        self._status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        mounts = [line.split() for line in lines if " - " in line]
        self._root = [fields[5] for fields in mounts if len(fields) > 5 and fields[4] == "/"]

    @property
    def uid(self) -> int:
        """The effective user."""
        return int(self._status["Uid"].split()[1])

    @property
    def powers(self) -> str:
        """``none``, or what there is of them."""
        found = []
        if any(int(self._status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")):
            found.append("capabilities")
        if self._status.get("NoNewPrivs") != "1":
            found.append("new privileges")
        if self._status.get("Seccomp") != "2":
            found.append("every system call")
        return ", ".join(found) or "none"

    @property
    def root(self) -> str:
        """``read-only`` or ``writable``."""
        return "read-only" if self._root and "ro" in self._root[-1].split(",") else "writable"
