"""A cluster's whole state as one value, and the way back to it.

etcd is the source of truth: whatever watches (the API server's caches, controllers, the scheduler, simulated nodes)
follows what is written there. A restore dumps, and in one transaction deletes what is new and puts back what differs;
as a controller may be in the middle of a write, that repeats until two dumps a moment apart show no difference.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ckslab_labs.errors import Infrastructure
from ckslab_labs.files import write_atomic

Keys = Mapping[bytes, bytes]

# What lives on by its own clock and says nothing of a learner's work: leases by which components and API servers show
# that they are alive. Node leases are left out for the snapshot's own nodes only (see `_left_out`).
HEARTBEATS = re.compile(
    rb"^/registry/(masterleases/|peerserverleases/"
    rb"|leases/kube-system/(apiserver-|kube-scheduler$|kube-controller-manager$))"
)
NODE_LEASE = b"/registry/leases/kube-node-lease/"
NODE = b"/registry/minions/"
NAMESPACE = b"/registry/namespaces/"
PODS = b"/registry/pods/"
EVENTS = b"/registry/events/"
MAKES_OTHERS = re.compile(
    rb"^/registry/(namespaces|deployments|replicasets|statefulsets|daemonsets|jobs|cronjobs|controllers)/"
)
"""Objects for which controllers make other objects, and remove them one by one when it goes."""

GOING = (b"Terminating", b"foregroundDeletion", b"orphan")
"""In what is stored: a namespace's phase, and the finalizers of an owner whose deletion the garbage collector ends
(https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion)."""

INERT = re.compile(rb"^/registry/(roles|rolebindings|clusterrolebindings)/")
"""Objects that only authorizers look at; of ClusterRoles a controller makes others."""

CAUGHT_UP_SECONDS = 3.0
AFTER_DELETION_SECONDS = 1.0
"""What makes others was deleted, or rolls out, and is put back: controllers may still be removing what it had."""


class StillMoving(Infrastructure):
    """Something kept writing while a snapshot was restored."""


class Store(Protocol):
    """Where the keys are: etcd, however it is reached."""

    def dump(self) -> dict[bytes, bytes]:
        """Every key with its value."""

    def write(self, put: Keys, delete: list[bytes]) -> None:
        """Put and delete in one transaction."""


@dataclass(frozen=True)
class Snapshot:
    """Every key of etcd that matters; the control-plane files and the learner's files by their relative paths."""

    keys: Keys
    files: Mapping[str, bytes] = field(default_factory=dict)
    learner: Mapping[str, bytes] | None = None
    """``None`` where nobody was at work, or his files are too large to keep: they stay as they are."""

    def save(self, path: Path) -> None:
        """Write it, synced to disk."""
        value = {
            "keys": {_b64(key): _b64(value) for key, value in self.keys.items()},
            "files": {name: _b64(data) for name, data in self.files.items()},
            "learner": None if self.learner is None else {name: _b64(data) for name, data in self.learner.items()},
        }
        write_atomic(path, json.dumps(value).encode())

    @classmethod
    def load(cls, path: Path) -> "Snapshot":
        """Read it back.

        Raises:
            FileNotFoundError: there is none.

        """
        value = json.loads(path.read_bytes())
        decode = base64.b64decode
        learner = value.get("learner")  # a cached baseline may be older
        return cls(
            {decode(key): decode(data) for key, data in value["keys"].items()},
            {name: decode(data) for name, data in value["files"].items()},
            None if learner is None else {name: decode(data) for name, data in learner.items()},
        )


@dataclass(frozen=True)
class Difference:
    """What separates a store from a snapshot."""

    put: dict[bytes, bytes]
    delete: list[bytes]
    gone: frozenset[bytes] = frozenset()
    """Those of ``put`` that are not there at all."""
    undoes_deletion: bool = False
    """Whether something is put back whose content controllers may be removing: it was deleted, or rolls out pods."""
    undoes_work: bool = False
    """Whether something is put back as it was that controllers act on; it may have been no more than that."""

    def __bool__(self) -> bool:
        return bool(self.put or self.delete)

    @property
    def is_inert(self) -> bool:
        """Whether nobody else has, or had, anything to do because of it."""
        return all(map(INERT.match, [*self.put, *self.delete]))

    @property
    def stirs_controllers(self) -> bool:
        """Whether controllers have, or had a moment ago, something to make or remove because of it."""
        return self.undoes_deletion or self.undoes_work or any(map(MAKES_OTHERS.match, self.delete))


def capture_keys(store: Store) -> dict[bytes, bytes]:
    """The keys of a snapshot: a dump without heartbeats and events."""
    dump = store.dump()
    left_out = _left_out(dump)
    return {key: value for key, value in dump.items() if not left_out(key) and not key.startswith(EVENTS)}


def settled(capture: Callable[[], Snapshot], seconds: float = 30.0, pause: float = 0.1) -> Snapshot:
    """The state of a cluster once two captures, ``pause`` seconds apart, hold the same keys.

    Raises:
        Infrastructure: they differed for ``seconds``.

    """
    deadline = time.monotonic() + seconds
    before = capture()
    while time.monotonic() < deadline:
        time.sleep(pause)
        after = capture()
        if after.keys == before.keys:
            return after
        before = after
    raise Infrastructure("keep the cluster's state", "it went on changing", "Run `ckslab stop` and start again.")


def compare_keys(keys: Keys, store: Store, besides: re.Pattern[bytes] | None = None) -> Difference:
    """What a restore would write now; ``besides`` matches further keys that are not looked at."""
    now = store.dump()
    left_out = _left_out(keys, besides)
    put = {key: value for key, value in keys.items() if now.get(key) != value and not left_out(key)}
    delete = [key for key in now if key not in keys and not left_out(key)]
    gone = frozenset(key for key in put if key not in now)
    makers = [key for key in put if MAKES_OTHERS.match(key)]
    going = [key for key in makers if _is_going(now.get(key))]
    changed = any(key not in going and not key.startswith(NAMESPACE) for key in makers)
    rolls_out = changed and any(key.startswith(PODS) for key in [*put, *delete])
    return Difference(put, delete, gone, bool(going) or rolls_out, changed)


def _is_going(value: bytes | None) -> bool:
    """Whether what was made by somebody's account of this object is being removed, or is to be."""
    return value is None or any(mark in value for mark in GOING)


def restore_keys(
    keys: Keys,
    store: Store,
    deadline: float = 15.0,
    settle: float = 0.05,
    besides: re.Pattern[bytes] | None = None,
    sentinels: Collection[bytes] = (),
) -> int:
    """Bring the store back to these keys.

    Args:
        keys: of a snapshot.
        store: where to write.
        deadline: seconds after which to give up.
        settle: seconds between the two dumps that must both show no difference; one dump is enough when it is 0, and
            none where the difference was nothing to anybody else.
        besides: matches further keys that are left alone.
        sentinels: keys that controllers make again whenever they go; none where no controllers run. They are removed
            together with what stirs controllers: once they are there again, the controllers have seen the restore.

    Returns:
        how many transactions it took.

    Raises:
        StillMoving: something kept writing until the deadline; names what.

    """
    until = time.monotonic() + deadline
    writes = 0
    clean_since: float | None = None
    while True:
        difference = compare_keys(keys, store, besides)
        if not difference:
            if clean_since is not None or not settle:
                return writes
            clean_since = time.monotonic()
            time.sleep(settle)
            continue
        if time.monotonic() > until:
            raise StillMoving("restore the cluster's state", _still_moving(difference), "Try `ckslab reset` again.")
        if sentinels and difference.stirs_controllers:
            settle = AFTER_DELETION_SECONDS if difference.undoes_deletion else settle
            put = {key: value for key, value in difference.put.items() if key not in sentinels}
            store.write(put, [*difference.delete, *sentinels])
            await_keys(sentinels, store)
        else:
            store.write(difference.put, difference.delete)
        writes += 1
        if writes == 1 and difference.is_inert:
            return writes
        clean_since = None


def await_keys(keys: Collection[bytes], store: Store, seconds: float | None = None) -> bool:
    """Wait until keys are there that controllers make again; not for ever, as these may be dead.

    Returns:
        whether they are there.

    """
    until, pause = time.monotonic() + (CAUGHT_UP_SECONDS if seconds is None else seconds), 0.005
    while not store.dump().keys() >= set(keys):
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.02)  # to look costs who makes them more than it costs us
    return True


def _still_moving(difference: Difference) -> str:
    keys = [key.decode("utf-8", "replace") for key in [*difference.put, *difference.delete]]
    return f"something keeps writing to {', '.join(keys[:5])}"


def _left_out(keys: Keys, besides: re.Pattern[bytes] | None = None) -> Callable[[bytes], bool]:
    nodes = {key.removeprefix(NODE) for key in keys if key.startswith(NODE)}

    def left_out(key: bytes) -> bool:
        if HEARTBEATS.match(key) or (besides is not None and besides.match(key)):
            return True
        return key.startswith(NODE_LEASE) and key.removeprefix(NODE_LEASE) in nodes

    return left_out


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
