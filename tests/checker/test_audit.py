"""What the audit probe asks of a log, and how it takes what it finds; what is logged a real API server says."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster
from tests.checker.worlds import IDENTITIES

from ckslab_checker.audited import Played
from ckslab_checker.catalogue import catalogue
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes import PROBES
from ckslab_checker.probes.audit import Audit
from ckslab_labs.cluster.port import Identity, PolicyRefused, Response
from ckslab_labs.scenario.loader import load_scenario
from ckslab_labs.scenario.problems import ScenarioProblems

PODS = "/api/v1/namespaces/production/pods"


class Server:
    """Answers everything, and logs each request with the given events (level, stage)."""

    def __init__(self, *events: tuple[str, str], audit_id: bool = True) -> None:
        self.logged, self.audit_id = events, audit_id
        self.made: list[tuple[str, str]] = []
        self.ended = False

    def cluster_as(self, identity: Identity) -> Any:
        def request(method: str, path: str, body: object, **_: Any) -> Response:
            self.made.append((identity.user, path))
            return Response(200, headers={"audit-id": str(len(self.made))} if self.audit_id else {})

        return SimpleNamespace(request=request)

    def events(self) -> list[dict[str, Any]]:
        ids = range(1, len(self.made) + 1)
        return [{"auditID": str(id), "level": level, "stage": stage} for id in ids for level, stage in self.logged]


def context(tmp_path: Path, server: Server | Exception, policy: bytes | None = b"policy") -> Context:
    @contextmanager
    def auditor(given: bytes) -> Iterator[Any]:
        assert given == policy
        if isinstance(server, Exception):
            raise server
        yield server
        server.ended = True

    if policy is not None:
        (tmp_path / "policy.yaml").write_bytes(policy)
    return Context(FakeCluster([]), IDENTITIES, tmp_path, None, False, "seed", auditor=auditor)


def probe(who: str | Sequence[str] = "dana", **parameters: Any) -> Audit:
    request = {"as": who, "method": "POST", "path": f"{PODS}?dryRun=All"}
    return Audit.model_validate({"file": "policy.yaml", "requests": [request], **parameters})


@pytest.mark.parametrize(
    ("asked", "events", "observed", "met"),
    [
        ({"at-least": "Request"}, [("Request", "ResponseComplete")], "logged at Request", True),
        ({"at-least": "Request"}, [("RequestResponse", "ResponseComplete")], "logged at RequestResponse", True),
        ({"at-least": "Request"}, [("Metadata", "ResponseComplete")], "logged at Metadata", False),
        ({"at-least": "Metadata"}, [], "not logged", False),
        (
            {"at-least": "Metadata"},
            [("Metadata", "RequestReceived"), ("Metadata", "ResponseStarted")],
            "not logged once it is answered, only at the stage RequestReceived, ResponseStarted",
            False,
        ),
        ({"at-least": "Metadata"}, [("Metadata", "Panic")], "logged at Metadata", True),
        ({"at-most": "None"}, [], "not logged", True),
        ({"at-most": "None"}, [("Metadata", "ResponseComplete")], "logged at Metadata", False),
        (
            {"at-most": "Metadata"},
            [("Request", "RequestReceived")],
            "not logged once it is answered, only at the stage RequestReceived",
            False,
        ),
        ({"at-most": "Metadata"}, [("Metadata", "ResponseComplete")], "logged at Metadata", True),
        (
            {"at-least": "Metadata", "at-most": "Metadata"},
            [("Request", "ResponseComplete")],
            "logged at Request",
            False,
        ),
    ],
)
def test_what_was_logged_is_held_against_the_levels(
    tmp_path: Path, asked: dict[str, str], events: list[tuple[str, str]], observed: str, met: bool
) -> None:
    for evidence in probe(**asked).ask(context(tmp_path, Server(*events))):
        assert (evidence.observed, evidence.met) == (observed, met)


def test_each_asks_and_then_somebody_whom_no_policy_can_name(tmp_path: Path) -> None:
    server = Server()
    told = probe(("dana", "runner"), **{"at-most": "None"}).ask(context(tmp_path, server))
    assert server.made == [
        ("dana", PODS),
        ("system:serviceaccount:build:runner", PODS),
        ("ckslab-member-seed", "/api/v1/namespaces/elsewhere-seed/pods"),
    ]
    assert told[0].asked == f"POST {PODS}?dryRun=All as dana (groups developers): is it logged?"


@pytest.mark.parametrize(
    ("path", "elsewhere"),
    [
        ("/api/v1/namespaces/a/pods/b/exec?command=id", "/api/v1/namespaces/elsewhere-s/pods/b-s/exec?command=id"),
        ("/api/v1/namespaces/a", "/api/v1/namespaces/a-s"),
        ("/api/v1/nodes/n/proxy/pods", "/api/v1/nodes/n-s/proxy/pods"),
        ("/api/v1/secrets", "/api/v1/secrets"),
        ("/apis/apps/v1/namespaces/a/deployments/b", "/apis/apps/v1/namespaces/elsewhere-s/deployments/b-s"),
        ("/metrics", "/metrics"),
        ("/", "/"),
    ],
)
def test_the_same_elsewhere(path: str, elsewhere: str) -> None:
    played = Played.model_validate({"as": "dana", "method": "GET", "path": path})
    assert played.elsewhere("s").path == elsewhere


def test_a_policy_that_no_server_starts_with_fails_every_check(tmp_path: Path) -> None:
    asked = "Does an API server start with policy.yaml as its audit policy?"
    refused = context(tmp_path, PolicyRefused("rules[0].level: no such level"))
    found = probe(**{"at-most": "None"}).ask(refused)
    assert found == [Evidence(asked, "it starts", "it does not: rules[0].level: no such level", met=False)]
    missing = probe(**{"at-most": "None"}).ask(context(tmp_path / "empty", Server(), policy=None))
    assert missing == [Evidence(asked, "it starts", "your file: policy.yaml is not there yet", met=False)]


def test_one_server_for_all_checks_ended_with_the_run(tmp_path: Path) -> None:
    server = Server()
    ctx = context(tmp_path, server)
    probe(**{"at-most": "None"}).ask(ctx)
    probe(**{"at-least": "Request"}).ask(ctx)
    assert len(server.made) == 4
    assert not server.ended
    ctx.opened.close()
    assert server.ended


def test_without_a_server_or_an_audit_id_nobody_can_tell(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match="no API server can be run"):
        probe(**{"at-most": "None"}).ask(Context(FakeCluster([]), IDENTITIES, tmp_path, None, False, "seed"))
    with pytest.raises(CannotTell, match="without an audit id"):
        probe(**{"at-most": "None"}).ask(context(tmp_path, Server(audit_id=False)))


@pytest.mark.parametrize(
    "levels",
    [{}, {"at-least": "None"}, {"at-most": "RequestResponse"}, {"at-least": "Request", "at-most": "Metadata"}],
)
def test_a_question_that_cannot_fail_or_cannot_pass_is_none(levels: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        probe(**levels)


def test_who_makes_a_request_is_declared(tmp_path: Path) -> None:
    folder = shutil.copytree(catalogue().get("audit-misses-debugging").folder, tmp_path / "audit-misses-debugging")
    spec = folder / "scenario.yaml"
    spec.write_text(spec.read_text().replace("as: [dana, gina,", "as: [dana, gino,", 1))
    with pytest.raises(ScenarioProblems) as found:
        load_scenario(folder, PROBES)
    assert 'audit.requests[0].as: unknown identity "gino"; did you mean "gina"?' in str(found.value)
