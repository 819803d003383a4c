"""Capture, compare and restore of keys, on a store in memory that others write to as well."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import ckslab_labs.snapshot.snapshot
from ckslab_labs.snapshot.snapshot import (
    Snapshot,
    StillMoving,
    capture_keys,
    compare_keys,
    restore_keys,
)

NODE_LEASE = b"/registry/leases/kube-node-lease/"
HEARTBEATS = (
    b"/registry/masterleases/127.0.0.1",
    b"/registry/peerserverleases/apiserver-abc",
    b"/registry/leases/kube-system/apiserver-abc",
    b"/registry/leases/kube-system/kube-scheduler",
    b"/registry/leases/kube-system/kube-controller-manager",
    NODE_LEASE + b"node-1",
)
STATE = {
    b"/registry/minions/node-1": b"node",
    b"/registry/pods/default/a": b"a",
    b"/registry/configmaps/default/b": b"b",
    b"/registry/leases/default/learners": b"lease",
}


class Memory:
    """A store in memory; ``others`` runs after each write, as a controller would."""

    def __init__(self, keys: dict[bytes, bytes], others: Callable[["Memory"], None] = lambda store: None) -> None:
        self.keys = dict(keys)
        self.writes = 0
        self._others = others

    def dump(self) -> dict[bytes, bytes]:
        return dict(self.keys)

    def write(self, put: Mapping[bytes, bytes], delete: list[bytes]) -> None:
        self.writes += 1
        for key in delete:
            self.keys.pop(key, None)
        self.keys.update(put)
        self._others(self)


def with_heartbeats(keys: dict[bytes, bytes], beat: bytes) -> dict[bytes, bytes]:
    return {**keys, **dict.fromkeys(HEARTBEATS, beat), b"/registry/events/default/x": beat}


def test_a_capture_holds_everything_but_heartbeats_and_events() -> None:
    assert capture_keys(Memory(with_heartbeats(STATE, b"1"))) == STATE


def test_heartbeats_are_no_difference_and_are_not_put_back() -> None:
    store = Memory(with_heartbeats(STATE, b"2"))
    del store.keys[b"/registry/events/default/x"]
    assert not compare_keys(STATE, store)
    assert restore_keys(STATE, store, settle=0) == 0
    assert store.keys[NODE_LEASE + b"node-1"] == b"2"


def test_a_difference_names_what_is_missing_changed_and_new() -> None:
    store = Memory(STATE)
    del store.keys[b"/registry/pods/default/a"]
    store.keys[b"/registry/configmaps/default/b"] = b"changed"
    store.keys[b"/registry/secrets/default/new"] = b"new"
    difference = compare_keys(STATE, store)
    assert difference.put == {b"/registry/pods/default/a": b"a", b"/registry/configmaps/default/b": b"b"}
    assert difference.delete == [b"/registry/secrets/default/new"]
    assert difference.gone == {b"/registry/pods/default/a"}


@pytest.mark.parametrize(
    "key",
    [
        b"/registry/events/default/x",
        b"/registry/leases/default/mine",
        b"/registry/leases/kube-system/kube-scheduler-mine",
        b"/registry/leases/kube-system/my-apiserver-1",
        NODE_LEASE + b"node-of-the-learner",
        b"/registry/minions/node-of-the-learner",
    ],
)
def test_what_a_learner_added_goes_in_one_write(key: bytes) -> None:
    store = Memory({**STATE, key: b"mine"})
    assert restore_keys(STATE, store, settle=0) == 1
    assert store.keys == STATE


def test_a_restore_repeats_until_a_late_writer_has_ended() -> None:
    def recreate(store: Memory) -> None:
        if store.writes < 4:
            store.keys[b"/registry/configmaps/production/kube-root-ca.crt"] = b"late"

    store = Memory({**STATE, b"/registry/namespaces/production": b"new"}, recreate)
    assert restore_keys(STATE, store, settle=0) == 4
    assert store.keys == STATE


def test_a_restore_gives_up_on_a_writer_that_goes_on_and_names_the_key() -> None:
    def rewrite(store: Memory) -> None:
        store.keys[b"/registry/pods/default/a"] = b"%d" % store.writes

    store = Memory({**STATE, b"/registry/pods/default/a": b"x"}, rewrite)
    with pytest.raises(StillMoving) as caught:
        restore_keys(STATE, store, deadline=0.05, settle=0)
    assert str(caught.value) == (
        "cannot restore the cluster's state: something keeps writing to /registry/pods/default/a. "
        "Try `ckslab reset` again."
    )


def test_a_restore_looks_twice() -> None:
    """What is written between the first clean look and the second is put back as well."""

    class Late(Memory):
        looks = 0

        def dump(self) -> dict[bytes, bytes]:
            self.looks += 1
            if self.looks == 2:
                self.keys[b"/registry/pods/default/late"] = b"late"
            return super().dump()

    store = Late(STATE)
    assert restore_keys(STATE, store, settle=0.001) == 1
    assert store.keys == STATE


def test_what_nobody_but_authorizers_looks_at_is_not_looked_at_twice() -> None:
    store = Memory({**STATE, b"/registry/roles/default/mine": b"mine", b"/registry/clusterrolebindings/x": b"x"})
    assert restore_keys(STATE, store, settle=60) == 1
    assert store.keys == STATE


@pytest.mark.parametrize("key", [b"/registry/clusterroles/x", b"/registry/roles.example.com/x", b"/registry/pods/a/b"])
def test_what_controllers_look_at_is_looked_at_twice(key: bytes) -> None:
    def remember(store: Memory) -> None:
        if store.writes == 1:
            store.keys[key] = b"late"

    store = Memory({**STATE, b"/registry/roles/default/mine": b"mine", key: b"x"}, remember)
    assert restore_keys(STATE, store, settle=0.001) == 2
    assert store.keys == STATE


def test_a_snapshot_survives_its_file(tmp_path: Path) -> None:
    snapshot = Snapshot({b"/registry/\xff": b"\x00k8s\x00"}, {"manifests/kube-apiserver.yaml": b"kind: Pod\n"})
    snapshot.save(tmp_path / "s.json")
    assert Snapshot.load(tmp_path / "s.json") == snapshot
    assert (tmp_path / "s.json").stat().st_mode & 0o777 == 0o600


def test_there_is_no_snapshot_without_its_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Snapshot.load(tmp_path / "s.json")


SENTINEL = b"/registry/serviceaccounts/ckslab/default"


class WithController(Memory):
    """A controller that is so far behind that it makes a new namespace's account after the restore, and then sees it.

    It comes round to its work a number of looks after the first write; then it makes the sentinel again, as a new one.
    """

    behind = 12

    def dump(self) -> dict[bytes, bytes]:
        if self.writes and SENTINEL not in self.keys:
            self.behind -= 1
            if self.behind == 1:
                self.keys[b"/registry/serviceaccounts/new/default"] = b"late"
            if self.behind == 0:
                self.keys[SENTINEL] = b"made again"
        return super().dump()


def test_where_controllers_have_work_a_restore_waits_until_they_have_caught_up() -> None:
    state = {**STATE, SENTINEL: b"sentinel"}
    store = WithController({**state, b"/registry/namespaces/new": b"new"})
    assert restore_keys(state, store, settle=0, sentinels=[SENTINEL]) == 2
    assert store.keys == state


def test_where_controllers_have_no_work_the_sentinel_stays() -> None:
    state = {**STATE, SENTINEL: b"sentinel"}
    store = WithController({**state, b"/registry/roles/default/mine": b"mine"})
    assert restore_keys(state, store, settle=0, sentinels=[SENTINEL]) == 1
    assert store.behind == 12


def test_a_dead_controller_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ckslab_labs.snapshot.snapshot, "CAUGHT_UP_SECONDS", 0.05)
    state = {**STATE, SENTINEL: b"sentinel"}
    store = Memory({**state, b"/registry/namespaces/new": b"new"})
    assert restore_keys(state, store, settle=0, sentinels=[SENTINEL]) == 2
    assert store.keys == state


@pytest.mark.parametrize(
    ("before", "stirs", "undoes"),
    [
        ({b"/registry/roles/default/mine": b"mine"}, False, False),
        ({b"/registry/pods/default/a": b"changed"}, False, False),
        ({b"/registry/namespaces/new": b"new"}, True, False),
        ({b"/registry/deployments/default/new": b"new"}, True, False),
        ({b"/registry/namespaces/production": b"with new labels"}, False, False),
        ({b"/registry/namespaces/production": b"phase: Terminating"}, True, True),
        ({b"/registry/deployments/production/web": b"with new annotations"}, True, False),
        ({b"/registry/deployments/production/web": b"foregroundDeletion"}, True, True),
        ({b"/registry/deployments/production/web": b"finalizers: orphan"}, True, True),
        (
            {b"/registry/deployments/production/web": b"of a new image", b"/registry/pods/production/web-2": b"new"},
            True,
            True,
        ),
    ],
)
def test_a_difference_says_whether_controllers_are_at_work(
    before: dict[bytes, bytes], stirs: bool, undoes: bool
) -> None:
    owner = {b"/registry/deployments/production/web": b"web"}
    state = {**STATE, **owner, b"/registry/namespaces/production": b"ns"}
    difference = compare_keys(state, Memory({**state, **before}))
    assert (difference.stirs_controllers, difference.undoes_deletion) == (stirs, undoes)
