"""Pods that somebody has a say on: put aside while pods are ended and made anew, and never longer."""

import json
from collections.abc import Sequence

import pytest
from tests.labs.snapshot.test_snapshot import Memory

from ckslab_labs.errors import Infrastructure
from ckslab_labs.providers.kind import undo
from ckslab_labs.providers.kind.undo import insist, without_a_say

POLICY = b"/registry/validatingadmissionpolicies/no-pods"
OURS = b"/registry/validatingadmissionpolicybindings/ckslab-params"
ROLE = b"/registry/roles/shop/reader"
NAMESPACE = b"/registry/namespaces/shop"


def namespace(**labels: str) -> bytes:
    given = {name.replace("_", "-"): value for name, value in labels.items()}
    return json.dumps({"metadata": {"name": "shop", "labels": given}}).encode()


@pytest.mark.parametrize(
    "key",
    [
        POLICY,
        b"/registry/validatingadmissionpolicybindings/no-pods",
        b"/registry/mutatingadmissionpolicies/m",
        b"/registry/mutatingadmissionpolicybindings/m",
        b"/registry/validatingwebhookconfigurations/w",
        b"/registry/mutatingwebhookconfigurations/w",
        b"/registry/resourcequotas/shop/q",
        b"/registry/limitranges/shop/l",
    ],
)
def test_what_admits_pods_is_put_aside(key: bytes) -> None:
    assert without_a_say({key: b"{}", ROLE: b"{}"}) == {ROLE: b"{}"}


def test_our_own_policy_stays_as_what_it_holds_open_would_never_open_again() -> None:
    assert without_a_say({OURS: b"{}"}) == {OURS: b"{}"}


def test_a_namespace_takes_every_pod_and_keeps_its_other_labels() -> None:
    stored = json.dumps({"metadata": {"labels": {"team": "a", "pod-security.kubernetes.io/enforce": "restricted"}}})
    opened = json.loads(without_a_say({NAMESPACE: stored.encode()})[NAMESPACE])
    assert opened["metadata"]["labels"] == {"team": "a", "pod-security.kubernetes.io/enforce": "privileged"}


def test_nobody_is_put_aside_where_nothing_is_refused() -> None:
    store = Memory({POLICY: b"{}"})
    assert not insist(list, store, {})
    assert store.writes == 0


def test_what_was_refused_is_tried_again_once_nobody_has_a_say() -> None:
    store = Memory({POLICY: b"{}", ROLE: b"{}"})

    def act() -> Sequence[str]:
        return ["Pod web in shop: denied"] if POLICY in store.keys else []

    assert insist(act, store, {ROLE: b"{}"})
    assert store.keys == {ROLE: b"{}"}


def test_whoever_was_put_aside_comes_back_also_where_it_was_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "SECONDS", 0.0)
    keys = {POLICY: b"{}", ROLE: b"{}"}
    store = Memory(keys)
    assert insist(lambda: ["denied"] if POLICY in store.keys else [], store, keys)
    assert store.keys == keys
    with pytest.raises(Infrastructure):
        insist(lambda: ["denied"], store, keys)
    assert store.keys == keys


def test_what_nobody_can_bring_back_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "SECONDS", 0.0)
    with pytest.raises(Infrastructure, match="Pod web in shop: no such account"):
        insist(lambda: ["Pod web in shop: no such account"], Memory({}), {})
