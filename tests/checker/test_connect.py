"""What a connection's outcome means, on a cluster in memory; real ones are made in ``tests/kind``."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster

from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.connect import Connect
from ckslab_labs.cluster.network import nc_words
from ckslab_labs.cluster.port import Ran

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
REFUSED = Ran(1, "", "nc: can't connect to remote host (10.0.0.2): Connection refused")
DROPPED = Ran(1, "", "nc: timed out")
WORDS = {
    "web": tuple(nc_words("10.0.0.2", 5432, 2)),
    "db": tuple(nc_words("127.0.0.1", 5432, 2)),
}
OUTWARDS = tuple(nc_words("198.51.100.1", 80, 2))


def pod(name: str, address: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": {"app": name}}
    spec = {"containers": [{"name": "c"}]}
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": {**READY, "podIP": address}}


def ask(
    commands: dict[tuple[str, ...], Ran], enforced: bool = True, expect: str = "blocked", **parameters: Any
) -> list[Evidence]:
    cluster = FakeCluster([pod("web", "10.0.0.1"), pod("db", "10.0.0.2")])
    cluster.commands.update(commands)
    flow = {
        "from": {"namespace": "shop", "labels": {"app": "web"}},
        "to": {"namespace": "shop", "labels": {"app": "db"}, "port": 5432},
        **parameters,
    }
    values = {"flows": [flow], "expect": expect}
    ctx = Context(cluster, {}, Path("/nonexistent"), None, False, "seed")
    ctx.once("network policies", lambda: enforced)
    return Connect.model_validate(values).ask(ctx)


ASKED = "Does pod web in shop reach pod db in shop port 5432?"


@pytest.mark.parametrize(
    ("ran", "observed"), [(Ran(0, "", ""), "connects"), (REFUSED, "refused"), (DROPPED, "no answer")]
)
@pytest.mark.parametrize("expect", ["connects", "blocked"])
def test_what_nc_says_is_what_was_observed(ran: Ran, observed: str, expect: str) -> None:
    evidence = ask({("web", *WORDS["web"]): ran, ("db", *WORDS["db"]): Ran(0, "", "")}, expect=expect)
    assert evidence == [Evidence(ASKED, expect, observed, (observed == "connects") == (expect == "connects"))]


def test_a_target_that_serves_nobody_is_not_blocked() -> None:
    evidence = ask({("web", *WORDS["web"]): REFUSED, ("db", *WORDS["db"]): REFUSED})
    told = "Does pod db in shop find anybody at pod db in shop itself?"
    assert evidence == [Evidence(told, "connects", "refused", False)]


def test_a_target_outside_needs_pods_that_reach_it() -> None:
    control = {"namespace": "shop", "name": "db"}
    commands = {("web", *OUTWARDS): DROPPED, ("db", *OUTWARDS): Ran(0, "", "")}
    (evidence,) = ask(commands, to={"host": "198.51.100.1", "port": 80}, control=control)
    assert evidence.met
    commands["db", *OUTWARDS] = DROPPED
    (evidence,) = ask(commands, to={"host": "198.51.100.1", "port": 80}, control=control)
    assert (evidence.asked, evidence.met) == ("Does pod db in shop find anybody at 198.51.100.1 port 80?", False)


def test_blocked_without_a_control_is_refused() -> None:
    with pytest.raises(ValidationError, match="blocked needs a control"):
        ask({}, to={"host": "198.51.100.1", "port": 80})


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ({"from": {"namespace": "shop", "name": "gone"}}, "Which pod gone in shop are ready?"),
        (
            {"to": {"namespace": "shop", "labels": {"app": "gone"}, "port": 1}},
            "What is there to connect to, app=gone in shop?",
        ),
    ],
)
def test_where_nothing_is_there_the_check_fails(parameters: dict[str, Any], asked: str) -> None:
    (evidence,) = ask({}, **parameters)
    assert (evidence.asked, evidence.met) == (asked, False)


def test_where_policies_are_not_enforced_nothing_can_be_told() -> None:
    with pytest.raises(CannotTell, match="network policies are not enforced here"):
        ask({}, enforced=False)


def test_what_else_nc_says_is_no_answer() -> None:
    with pytest.raises(CannotTell, match="nc ended with 127"):
        ask({("db", *WORDS["db"]): Ran(0, "", "")})
