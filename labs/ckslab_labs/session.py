"""One learner working on one scenario: when it began, what was used, and the learner's own files.

A session's folder outlives its plane: what a learner wrote is never removed or overwritten unasked.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.files import read_json, write_json
from ckslab_labs.paths import private_dir, state_home
from ckslab_labs.snapshot.snapshot import Snapshot

ASIDE = "aside.json"
CHECKPOINT = "checkpoint.json"
RBAC_KINDS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


@dataclass(frozen=True)
class Start:
    """The untouched start: RBAC objects by kind, pods by ``namespace/name``, and the cluster's whole state."""

    rbac: Mapping[str, list[Manifest]]
    pods: Mapping[str, Mapping[str, Any]]
    snapshot: Snapshot


@dataclass(frozen=True)
class Session:
    """A session as written down in ``session.json`` of its folder."""

    scenario_id: str
    pack_folder: str | None
    version: int
    started: str
    folder: Path
    kubeconfig: Path
    hints: int = 0
    attempts: int = 0
    worked: float = 0.0
    """Seconds of work before ``since``."""
    since: str = ""
    """Since when it is worked on; empty while it is put aside."""

    @property
    def files(self) -> Path:
        """The learner's files."""
        return self.folder / "files"

    @property
    def aside(self) -> Path:
        """The cluster's state as it was when the learner went on to another scenario."""
        return self.folder / ASIDE

    @property
    def checkpoint(self) -> Path:
        """The state that the learner has kept to come back to."""
        return self.folder / CHECKPOINT

    def checkpoint_kept(self) -> datetime.datetime | None:
        """When that was, in UTC; ``None`` where nothing is kept."""
        try:
            return datetime.datetime.fromtimestamp(self.checkpoint.stat().st_mtime, datetime.UTC)
        except FileNotFoundError:
            return None

    def start(self) -> "Start":
        """The untouched start."""
        return replace(self.start_facts(), snapshot=Snapshot.load(self.folder / "start-state.json"))

    def start_facts(self) -> "Start":
        """The untouched start without the cluster's state, which takes longer to read."""
        facts = read_json(self.folder / "start.json")
        return Start(facts["rbac"], facts["pods"], Snapshot({}))

    def write_start(self, start: "Start") -> None:
        """Write down the untouched start."""
        write_json(self.folder / "start.json", {"rbac": start.rbac, "pods": start.pods})
        start.snapshot.save(self.folder / "start-state.json")

    def used_hint(self, tier: int) -> "Session":
        """The session with hints up to ``tier`` counted as used, written down."""
        return self._saved(hints=max(self.hints, tier))

    def attempted(self) -> "Session":
        """The session with one more attempt, written down."""
        return self._saved(attempts=self.attempts + 1)

    def seconds(self, at: str) -> float:
        """Seconds of work from the untouched start to a time; none of those for which it was put aside."""
        return self.worked + (_between(self.since, at) if self.since else 0.0)

    def begun_again(self) -> "Session":
        """The session at its untouched start once more, written down: the clock begins anew."""
        at = now()
        return self._saved(started=at, worked=0.0, since=at)

    def paused(self) -> "Session":
        """The session put aside, written down: the clock stands still."""
        return self._saved(worked=self.seconds(now()), since="")

    def gone_on(self) -> "Session":
        """The session taken up again, written down; the clock of one that was not put aside has run on."""
        return self._saved(since=self.since or now())

    def _saved(self, **changes: Any) -> "Session":
        changed = replace(self, **changes)
        changed.save()
        return changed

    def save(self) -> None:
        """Write it down."""
        value = {
            "scenario": self.scenario_id,
            "pack": self.pack_folder,
            "version": self.version,
            "started": self.started,
            "kubeconfig": str(self.kubeconfig),
            "hints": self.hints,
            "attempts": self.attempts,
            "worked": self.worked,
            "since": self.since,
        }
        write_json(self.folder / "session.json", value)

    @classmethod
    def load(cls, folder: Path) -> "Session":
        """Read it back.

        Raises:
            FileNotFoundError: there is none.

        """
        value = read_json(folder / "session.json")
        return cls(
            scenario_id=value["scenario"],
            pack_folder=value["pack"],
            version=value["version"],
            started=value["started"],
            folder=folder,
            kubeconfig=Path(value["kubeconfig"]),
            hints=value["hints"],
            attempts=value["attempts"],
            worked=value.get("worked", 0.0),  # older sessions have no clock of their own
            since=value.get("since", value["started"]),
        )


class Sessions:
    """The sessions of one plane: a folder per scenario, and which of them is open."""

    def __init__(self, plane: str) -> None:
        self._home = state_home() / "sessions" / plane

    @property
    def path(self) -> Path:
        """Their folder, whether it is there or not."""
        return self._home

    @property
    def home(self) -> Path:
        """Their folder, made private."""
        private_dir(self._home.parent)
        return private_dir(self._home)

    def folder(self, scenario_id: str) -> Path:
        """The folder of a scenario's session; a pack's ``pack/id`` becomes one name."""
        return self.home / scenario_id.replace("/", "--")

    def open(self) -> Session | None:
        """The session that is open on the plane."""
        try:
            name = read_json(self._home / "open.json")["folder"]
            return Session.load(self._home / name)
        except FileNotFoundError:
            return None

    def put_aside(self) -> frozenset[str]:
        """The scenarios that can be gone on with: what a learner made of each is kept, and it is not open."""
        opened = self.open()
        kept = (Session.load(path.parent) for path in self._home.glob(f"*/{ASIDE}"))
        return frozenset(s.scenario_id for s in kept if opened is None or s.folder != opened.folder)

    def set_open(self, session: Session | None) -> None:
        """Write down which session is open."""
        if session is None:
            (self._home / "open.json").unlink(missing_ok=True)
        else:
            write_json(self.home / "open.json", {"folder": session.folder.name})


def now() -> str:
    """The time, in UTC, as written down in sessions."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _between(earlier: str, later: str) -> float:
    """Seconds from one time to another; none where somebody has put the clock back."""
    passed = datetime.datetime.fromisoformat(later) - datetime.datetime.fromisoformat(earlier)
    return max(passed.total_seconds(), 0.0)


def start_rbac(objects: Objects) -> dict[str, list[Manifest]]:
    """All RBAC objects, by kind."""
    return objects.lists(RBAC_KINDS)


def start_pods(objects: Objects) -> dict[str, dict[str, Any]]:
    """Which pods there are, by ``namespace/name``: ``uid`` and the sum of their containers' ``restarts``."""
    return {
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": {
            "uid": pod["metadata"]["uid"],
            "restarts": restarts(pod),
        }
        for pod in objects.list("Pod")
    }


def restarts(pod: Manifest) -> int:
    """How often containers of a pod have restarted."""
    return sum(status["restartCount"] for status in pod.get("status", {}).get("containerStatuses", ()))
