"""What a kind cluster stores, seen without what only follows from its pods."""

import json
from typing import Any

import pytest
from tests.labs.snapshot.test_snapshot import Memory

from ckslab_labs.providers.kind.stored import Stored
from ckslab_labs.snapshot.snapshot import capture_keys, restore_keys

DEPLOYMENT = b"/registry/deployments/kube-system/coredns"
SLICE = b"/registry/endpointslices/kube-system/kube-dns-abc"


def deployment(ready: int, replicas: int = 2) -> bytes:
    fields = [{"manager": "kubeadm"}, {"manager": "kcm", "subresource": "status", "time": f"t{ready}"}]
    metadata = {"name": "coredns", "managedFields": fields}
    return json.dumps(
        {"metadata": metadata, "spec": {"replicas": replicas}, "status": {"readyReplicas": ready}}
    ).encode()


def slice_(**labels: str) -> bytes:
    return json.dumps({"metadata": {"name": "kube-dns-abc", "labels": labels}}).encode()


def test_how_many_pods_are_ready_is_no_difference() -> None:
    start = capture_keys(Stored(Memory({DEPLOYMENT: deployment(2)})))
    assert restore_keys(start, Stored(Memory({DEPLOYMENT: deployment(0)})), settle=0.0) == 0


def test_what_somebody_asked_for_is_put_back() -> None:
    start = capture_keys(Stored(Memory({DEPLOYMENT: deployment(2)})))
    store = Memory({DEPLOYMENT: deployment(0, replicas=0)})
    restore_keys(start, Stored(store), settle=0.0)
    assert json.loads(store.keys[DEPLOYMENT])["spec"] == {"replicas": 2}


@pytest.mark.parametrize(
    "key",
    [
        b"/registry/pods/default/a",
        b"/registry/minions/node-1",
        b"/registry/csinodes/node-1",
        b"/registry/leases/kube-node-lease/node-1",
        b"/registry/events/default/a",
    ],
)
def test_what_is_the_kubelets_is_never_written(key: bytes) -> None:
    store = Memory({key: b"new"})
    restore_keys({}, Stored(store), settle=0.0)
    assert store.keys == {key: b"new"}


def test_endpoints_that_a_controller_gathers_are_left_to_it() -> None:
    managed = slice_(**{"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"})
    store = Memory({SLICE: managed})
    restore_keys({}, Stored(store), settle=0.0)
    assert store.keys == {SLICE: managed}


def test_endpoints_that_somebody_wrote_are_put_back() -> None:
    store: Any = Memory({SLICE: slice_()})
    restore_keys({}, Stored(store), settle=0.0)
    assert store.keys == {}
