"""How does a workload run? Read from its running processes, and not from its manifest.

Whom a container runs as, and with which powers, is what the kernel says of its first process (proc(5)): an image's own
user, a default and a policy that changes pods count as they came out.
"""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ckslab_checker.context import Context, Manifest
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.running import Pods, called, inside
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability
from ckslab_labs.scenario.model import ProbeSpec
from ckslab_labs.session import restarts

_FILES = ["/proc/1/status", "/proc/1/mountinfo"]


class Workload(ProbeSpec):
    """``workload: {pods, count?, ...}``; what is named must hold for every such pod."""

    kind: ClassVar[str] = "workload"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.KUBELET})
    pods: Pods
    """The pods, and the container; one with ``cat``, where more than ``count`` is asked."""
    count: int = Field(default=1, ge=1)
    """How many must be ready, at least."""
    user: Literal["root", "non-root"] | None = None
    """Whom the process runs as."""
    powers: Literal["none"] | None = None
    """No capability, no way to get one (no_new_privs), and system calls filtered by seccomp."""
    root: Literal["read-only"] | None = None
    """The container's root file system cannot be written to."""
    debug_containers: Literal["none"] | None = Field(default=None, alias="debug-containers")
    """No ephemeral container runs in them."""
    unchanged: Literal[True] | None = None
    """They are the very pods of the untouched start, and none of their containers has restarted."""

    @model_validator(mode="after")
    def _unchanged_alone(self) -> "Workload":
        if self.unchanged and (self.user or self.powers or self.root or self.debug_containers):
            raise ValueError("unchanged is a question of its own: ask it in another check")
        return self

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
        evidence = [evidence for pod in ready for evidence in self._process(ctx, pod)]
        return [counted, *evidence, *(_debugged(pod) for pod in ready if self.debug_containers)]

    def _as_before(self, ctx: Context, pod: Manifest) -> Evidence:
        assert ctx.start is not None  # the engine skips the check where nobody saw the start
        metadata = pod["metadata"]
        before = ctx.start.pods.get(f"{metadata['namespace']}/{metadata['name']}")
        now = {"uid": metadata["uid"], "restarts": restarts(pod)}
        observed = "yes" if now == before else "it has restarted" if before and before["uid"] == now["uid"] else "no"
        return Evidence(f"Is {called(pod)} the one that ran at the start?", "yes", observed, observed == "yes")

    def _process(self, ctx: Context, pod: Manifest) -> list[Evidence]:
        if not (self.user or self.powers or self.root):
            return []
        ran = inside(ctx, pod, self.pods.container_of(pod), ["cat", *_FILES])
        if ran.exit_code != 0:
            raise CannotTell(f"the first process of {called(pod)} could not be looked at: {ran.stderr.strip()}")
        facts = Process(ran.stdout)
        asked = {
            "Whom does it run as": (self.user, "root" if facts.uid == 0 else "non-root"),
            "What powers has it": (self.powers, facts.powers),
            "What is its root file system": (self.root, facts.root),
        }
        return [
            Evidence(f"{question}, {called(pod)}?", wanted, observed, wanted == observed)
            for question, (wanted, observed) in asked.items()
            if wanted is not None
        ]


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
