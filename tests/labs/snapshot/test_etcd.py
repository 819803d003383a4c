"""A dump fetches what has changed since the last one, and is the same as one that fetches everything."""

import random
from collections.abc import Callable

import pytest

from ckslab_labs.cluster.port import Capability
from ckslab_labs.lab import Lab
from ckslab_labs.snapshot.etcd import Etcd

pytestmark = pytest.mark.plane

SEED = 20264
ROUNDS = 300
KEYS = [b"/registry/pods/default/p%d" % index for index in range(12)]


def test_a_dump_after_anybodys_writes_is_the_whole_truth(make_client: Callable[[], Etcd]) -> None:
    """Ours and others' writes, deletions, and keys that are made again between two dumps."""
    mine, others = make_client(), make_client()
    choices = random.Random(SEED)
    for round_ in range(ROUNDS):
        for _ in range(choices.randrange(4)):
            chosen = choices.sample(KEYS, k=3)
            writer = choices.choice((mine, others))
            writer.write({chosen[0]: b"%d" % round_}, chosen[1:])
        assert mine.dump() == make_client().dump(), f"round {round_}"


def test_what_is_done_to_a_dump_changes_no_later_one(make_client: Callable[[], Etcd]) -> None:
    etcd = make_client()
    etcd.write(dict.fromkeys(KEYS, b"x"))
    etcd.dump().clear()
    assert etcd.dump() == dict.fromkeys(KEYS, b"x")


def test_a_client_that_meets_another_etcd_forgets_what_it_knew(
    make_client: Callable[[], Etcd], lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a plane was stopped and made anew on the same ports."""
    etcd = make_client()
    etcd.write(dict.fromkeys(KEYS, b"x"))
    etcd.dump()
    assert Capability.API in lab.cluster.capabilities
    monkeypatch.setattr(etcd, "_pool", lab.plane.etcd._pool)
    assert etcd.dump() == lab.plane.etcd.dump()
