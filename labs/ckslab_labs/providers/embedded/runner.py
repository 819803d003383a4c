"""One component under supervision: started, watched, ended, and started again with a pause that grows.

A kubelet restarts a container at once, then after 10 s, 20 s, 40 s ... up to 5 minutes
(https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy). The API server, whose manifest is
the learner's, gets exactly that; what is ours alone comes back faster.
"""

import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ckslab_labs.providers.embedded import processes

LOG_LIMIT = 16 * 1024 * 1024
"""Bytes of a log that are kept when its component starts."""


@dataclass(frozen=True)
class Backoff:
    """Pauses between restarts, in seconds: none, then ``first``, doubling up to ``longest``."""

    first: float
    longest: float
    forgiven_after: float = 600.0
    """A process that has lived so long begins anew."""

    def pause(self, failures: int) -> float:
        """The pause after so many failures in a row."""
        return 0.0 if failures <= 1 else float(min(self.first * 2 ** (failures - 2), self.longest))


ENDED_FROM_OUTSIDE = frozenset({0, -signal.SIGTERM, -signal.SIGKILL})
"""Exit codes that say nothing against what it was started from: it comes back at once, however often."""
OUTSIDE_PAUSE = 0.2

KUBELET = Backoff(10.0, 300.0)
OURS = Backoff(0.2, 5.0, forgiven_after=10.0)


@dataclass
class Runner:
    """The life of one component."""

    name: str
    log: Path
    backoff: Backoff
    limits: Mapping[int, int] = field(default_factory=dict)
    """Hard limits by resource, see ``processes.start``."""
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    reason: str = ""
    failures: int = 0
    generation: str = ""
    """What it was started from; a new one means a new start without a pause."""
    _started: float = 0.0
    _not_before: float = 0.0
    _log_offset: int = field(default=0)

    @property
    def state(self) -> str:
        """``ready``, ``starting``, ``crash-loop`` or ``stopped``."""
        if self.process is not None:
            return "ready" if self.ready else "starting"
        return "crash-loop" if self.failures else "stopped"

    def may_start(self) -> bool:
        """Whether it is down and its pause is over."""
        return self.process is None and time.monotonic() >= self._not_before

    def start(self, argv: list[str], env: dict[str, str], cwd: Path, generation: str = "") -> None:
        """Start it."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.write_bytes(b"")
        self._log_offset = self.log.stat().st_size if self.log.exists() else 0
        self.generation = generation
        try:
            self.process = processes.start(argv, self.log, env, cwd, self.limits)
        except OSError as error:
            self.failed(f"{argv[0]}: {error.strerror}")
            return
        self._started = time.monotonic()

    def watch(self) -> None:
        """Notice that it ended by itself."""
        if self.process is None or self.process.poll() is None:
            return
        code = self.process.returncode
        self.process = None
        if code in ENDED_FROM_OUTSIDE:
            self.ready = False
            self.reason = f"killed by signal {-code}" if code else "somebody ended it"
            self._not_before = time.monotonic() + OUTSIDE_PAUSE
            return
        if time.monotonic() - self._started > self.backoff.forgiven_after:
            self.failures = 0
        self.failed(f"exit status {code}: {self.last_words()}" if code > 0 else f"killed by signal {-code}")

    def failed(self, reason: str) -> None:
        """Write down why it is not running, and when it may start again."""
        self.ready = False
        self.reason = reason
        self.failures += 1
        self._not_before = time.monotonic() + self.backoff.pause(self.failures)

    def forgive(self) -> None:
        """Forget past failures: what it is started from has changed."""
        self.failures = 0
        self.reason = ""
        self._not_before = 0.0

    def stop(self, patience: float = processes.PATIENCE) -> None:
        """End it, if it runs; it is killed after ``patience`` seconds."""
        if self.process is not None:
            processes.end(self.process, patience)
        self.process = None
        self.ready = False

    def last_words(self) -> str:
        """The lines of this run's log that say why it ended."""
        with self.log.open("rb") as file:
            file.seek(max(self._log_offset, self.log.stat().st_size - 32 * 1024))
            lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
        telling = [line for line in lines if _tells(line)]
        return " | ".join((telling or lines)[-2:])[-600:] or "it wrote nothing"


def _tells(line: str) -> bool:
    """Whether a log line is an error: klog's E and F lines, "Error:", etcd's JSON levels, a Go panic."""
    klog = line[:1] in "EF" and line[1:5].isdigit()
    return klog or line.startswith(("Error:", "error:", "panic:")) or '"level":"fatal"' in line
