"""A kubelet that is a thread: what the probe makes of its answers. Real ones are asked by the scenarios' suites."""

import base64
import datetime
import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster

from ckslab_checker.asking import OutOfDate
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes import kubelet
from ckslab_checker.probes.kubelet import Kubelet
from ckslab_labs.cluster.port import Identity, Response

TOKEN = "/api/v1/namespaces/watch/serviceaccounts/reader/token"
ACCOUNT = "/api/v1/namespaces/watch/serviceaccounts/reader"
IDENTITIES = {"reader": Identity.of_service_account("watch", "reader")}


@dataclass
class Node:
    """What the kubelet answers, by path, to tokens and to the administrator (``None``), and what it was asked."""

    statuses: dict[tuple[str, str | None], int] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    ends: dict[str, Any] = field(default_factory=lambda: {"status": "Success"})
    """What becomes of a command."""
    port: int = 0


class Handler(BaseHTTPRequestHandler):
    node: Node

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        self.node.asked.append((path, token))
        status = self.node.statuses.get((path, token), 401 if token is None else 403)
        if "Upgrade" not in self.headers or status != 200:
            self.send_response(status)
            self.end_headers()
            return
        assert query == "output=1&error=1&command=true"
        magic = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v5.channel.k8s.io")
        self.end_headers()
        ended = b"\x03" + json.dumps(self.node.ends).encode()
        self.wfile.write(bytes([0x82, len(ended)]) + ended)

    def log_message(self, *_: Any) -> None:
        pass


def pair(folder: Path) -> tuple[str, str]:
    """A certificate that it signed itself, as a kubelet's, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "node-1")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    (folder / "crt").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(key.private_bytes(*plain))
    return str(folder / "crt"), str(folder / "key")


class Cluster(FakeCluster):
    """With a certificate of its administrator."""

    pair: tuple[str, str] | None = None

    @property
    def certificate(self) -> tuple[str, str] | None:
        return self.pair


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setattr(kubelet, "CACHED_SECONDS", 0.0)
    there = Node()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (Handler,), {"node": there}))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    there.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield there
    server.shutdown()
    server.server_close()
    thread.join()


def machine(name: str, port: int) -> dict[str, Any]:
    status = {
        "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    return {"kind": "Node", "metadata": {"name": name}, "status": status}


def till(node: str = "node-1", ready: str = "True") -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": "till-1", "namespace": "shop", "labels": {"app": "till"}},
        "spec": {"nodeName": node, "containers": [{"name": "till"}]},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.fixture
def cluster(node: Node, tmp_path: Path) -> Cluster:
    made = Cluster([machine("node-1", node.port), till()])
    made.pair = (str(tmp_path / "crt"), str(tmp_path / "key"))
    made.answers = {
        ACCOUNT: Response(200, {}),
        TOKEN: Response(201, {"status": {"token": "secret"}}),
    }
    return made


def ask(cluster: FakeCluster, **parameters: object) -> list[Evidence]:
    probe = Kubelet.model_validate_json(json.dumps(parameters), by_name=False)
    return probe.ask(Context(cluster, IDENTITIES, Path("/nonexistent"), None, True, "seed"))


def test_an_answer_is_an_answer(cluster: Cluster, node: Node) -> None:
    node.statuses = {("/pods", "secret"): 200}
    asked = "GET /pods on the kubelet of node-1, as service account watch/reader"
    assert ask(cluster, **{"as": "reader", "path": "/pods", "expect": "answered"}) == [
        Evidence(asked, "answered", "answered", met=True)
    ]
    assert ask(cluster, **{"as": "reader", "path": "/pods", "expect": "refused"}) == [
        Evidence(asked, "refused", "answered", met=False)
    ]
    assert node.asked == [("/pods", "secret"), ("/pods", "secret")]


@pytest.mark.parametrize(
    ("who", "observed", "meant"),
    [("reader", "forbidden", ("refused", "forbidden")), (None, "unauthenticated", ("refused", "unauthenticated"))],
)
def test_a_refusal_counts_where_the_administrator_gets_an_answer(
    cluster: Cluster,
    node: Node,
    monkeypatch: pytest.MonkeyPatch,
    who: str | None,
    observed: str,
    meant: tuple[str, ...],
) -> None:
    monkeypatch.setattr(kubelet, "_context", contexts(node, {("/pods", None): 200}))
    as_whom = "service account watch/reader" if who else "nobody"
    for expect in ("answered", "refused", "forbidden", "unauthenticated"):
        node.statuses = {}
        parameters = {"path": "/pods", "expect": expect, **({"as": who} if who else {})}
        assert ask(cluster, **parameters) == [
            Evidence(f"GET /pods on the kubelet of node-1, as {as_whom}", expect, observed, expect in meant)
        ]


def contexts(node: Node, administrators: dict[tuple[str, str | None], int]) -> Any:
    """The kubelet is no judge of certificates here: it gives other answers once one is shown."""
    real = kubelet._context

    def context(ctx: Context | None = None) -> ssl.SSLContext:
        if ctx is not None:
            node.statuses = administrators
        return real(ctx)

    return context


def test_a_refusal_is_no_verdict_where_the_administrator_is_refused_as_well(cluster: Cluster, node: Node) -> None:
    node.statuses = {("/nothing", None): 404}
    told = (
        "the control of this question went wrong: GET /nothing on the kubelet of node-1, "
        "as service account watch/reader, as the administrator: HTTP 404"
    )
    with pytest.raises(CannotTell) as error:
        ask(cluster, **{"as": "reader", "path": "/nothing", "expect": "refused"})
    assert str(error.value) == told


def test_without_a_certificate_there_is_no_control(cluster: Cluster, node: Node) -> None:
    cluster.pair = None
    with pytest.raises(CannotTell, match="the administrator has no certificate to ask a kubelet with"):
        ask(cluster, **{"as": "reader", "path": "/pods", "expect": "refused"})


def test_every_node_is_asked(cluster: Cluster, node: Node) -> None:
    cluster.objects.append(machine("node-2", node.port))
    node.statuses = {("/healthz", "secret"): 200}
    found = ask(cluster, **{"as": "reader", "path": "/healthz", "expect": "answered"})
    assert [item.asked for item in found] == [
        "GET /healthz on the kubelet of node-1, as service account watch/reader",
        "GET /healthz on the kubelet of node-2, as service account watch/reader",
    ]


def test_a_command_is_run_by_a_websocket_on_the_node_of_the_pod(cluster: Cluster, node: Node) -> None:
    cluster.objects.insert(0, machine("node-0", 1))
    node.statuses = {("/exec/shop/till-1/till", "secret"): 200}
    where = {"namespace": "shop", "labels": {"app": "till"}}
    assert ask(cluster, **{"as": "reader", "exec-in": where, "expect": "refused"}) == [
        Evidence(
            "a websocket that runs a command in /exec/shop/till-1/till on the kubelet of node-1, "
            "as service account watch/reader",
            "refused",
            "answered",
            met=False,
        )
    ]


@pytest.mark.parametrize("reason", ["InternalError", "NonZeroExitCode"])
def test_whoever_is_let_in_is_answered_whatever_becomes_of_the_command(
    cluster: Cluster, node: Node, reason: str
) -> None:
    """An image without any program hides nothing."""
    node.statuses = {("/exec/shop/till-1/till", "secret"): 200}
    node.ends = {"status": "Failure", "reason": reason}
    where = {"namespace": "shop", "labels": {"app": "till"}}
    (found,) = ask(cluster, **{"as": "reader", "exec-in": where, "expect": "refused"})
    assert (found.observed, found.met) == ("answered", False)


def test_a_command_that_is_refused(cluster: Cluster, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubelet, "_context", contexts(node, {("/exec/shop/till-1/till", None): 200}))
    where = {"namespace": "shop", "name": "till-1"}
    (found,) = ask(cluster, **{"as": "reader", "exec-in": where, "expect": "refused"})
    assert (found.observed, found.met) == ("forbidden", True)


@pytest.mark.parametrize("there", [[], [till(ready="False")]])
def test_where_nothing_runs_no_command_is_refused(cluster: Cluster, there: list[dict[str, Any]]) -> None:
    cluster.objects = [cluster.objects[0], *there]
    where = {"namespace": "shop", "labels": {"app": "till"}}
    assert ask(cluster, **{"as": "reader", "exec-in": where, "expect": "refused"}) == [
        Evidence("Which pods with app=till in shop are ready?", "at least one", "none", met=False)
    ]


def test_an_account_that_is_gone_is_not_refused(cluster: Cluster) -> None:
    cluster.answers[ACCOUNT] = Response(404, {})
    assert ask(cluster, **{"as": "reader", "path": "/pods", "expect": "refused"}) == [
        Evidence("Is there a service account watch/reader?", "yes", "no", met=False)
    ]


REFUSAL = "serviceaccounts \"reader\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no"


def test_a_policy_that_refuses_the_token_is_no_refusal_by_the_kubelet(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.answers[TOKEN] = Response(422, {"reason": "Invalid", "message": REFUSAL})
    monkeypatch.setattr(Context, "admission", frozenset({"p"}))
    assert ask(cluster, **{"as": "reader", "path": "/pods", "expect": "refused"}) == [
        Evidence(
            "a token for service account watch/reader", "allowed", f"denied by an admission policy: {REFUSAL}", False
        )
    ]


def test_a_policy_that_is_not_there_any_more_is_waited_for(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.answers[TOKEN] = Response(422, {"reason": "Invalid", "message": REFUSAL})
    monkeypatch.setattr(Context, "admission", frozenset())
    with pytest.raises(OutOfDate, match="refused by p, which is not there any more"):
        ask(cluster, **{"as": "reader", "path": "/pods", "expect": "refused"})


def test_without_a_token_there_is_nothing_to_ask_with(cluster: Cluster) -> None:
    cluster.answers[TOKEN] = Response(500, {"message": "no key to sign with"})
    with pytest.raises(
        CannotTell, match="no token was to be had for service account watch/reader: no key to sign with"
    ):
        ask(cluster, **{"as": "reader", "path": "/pods", "expect": "answered"})


def test_a_kubelet_that_does_not_answer_is_no_verdict(cluster: Cluster) -> None:
    cluster.objects[0] = machine("node-1", 1)
    with pytest.raises(CannotTell, match=r"127\.0\.0\.1:1 was asked, and gave no answer"):
        ask(cluster, **{"as": "reader", "path": "/pods", "expect": "refused"})


@pytest.mark.parametrize(
    "bad",
    [{}, {"path": "/pods", "exec-in": {"namespace": "shop", "name": "till-1"}}, {"path": "pods"}, {"path": "/a b"}],
)
def test_parameters_that_mean_nothing_are_refused(cluster: Cluster, bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ask(cluster, **{"expect": "refused", **bad})
