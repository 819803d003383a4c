"""Commands in containers, by the websocket of ``exec``: through the API server, or straight to a kubelet.

A websocket starts with a GET, so who may only ``get`` may run a command where the kubelet decides
(https://kubernetes.io/docs/concepts/security/api-server-bypass-risks/#kubelet-api). Each frame begins with the number
of its stream; the last frame is a Status with the exit code (KEP-4006).
"""

import json
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import websocket

from ckslab_labs.cluster.port import Ran, Response
from ckslab_labs.errors import Unreachable

OUTPUT = {"stdout": "1", "stderr": "1"}
KUBELETS_OUTPUT = {"output": "1", "error": "1"}
"""How the API server, and how a kubelet calls the streams that are wanted."""
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDOUT, STDERR, STATUS = 1, 2, 3
MAX_OUTPUT = 1024 * 1024
"""Bytes of what a command prints; the rest is not read."""


def run_command(
    url: str,
    words: Sequence[str],
    *,
    headers: Sequence[tuple[str, str]] = (),
    context: ssl.SSLContext,
    query: Mapping[str, str],
    timeout: float = 10.0,
) -> Ran | Response:
    """Run a command in a container.

    Args:
        url: of ``exec``, ``https://...``; the command is added.
        words: the command.
        headers: who asks, where the certificate does not say it.
        context: whom to trust, and the certificate to show.
        query: which streams, and more of the question; see ``OUTPUT`` and ``KUBELETS_OUTPUT``.
        timeout: seconds for all of it.

    Returns:
        what it did, or the refusal.

    Raises:
        Unreachable: no answer, or none that ends in time.

    """
    asked = [*query.items(), *(("command", word) for word in words)]
    address = f"wss{url.removeprefix('https')}?{urlencode(asked)}"
    deadline = time.monotonic() + timeout
    try:
        socket = websocket.create_connection(
            address,
            timeout=timeout,
            header=[f"{name}: {value}" for name, value in headers],
            subprotocols=list(PROTOCOLS),
            sslopt={"context": context},
            suppress_origin=True,
            http_no_proxy=["*"],
        )
    except websocket.WebSocketBadStatusException as refusal:
        return Response(refusal.status_code, _decoded(refusal.resp_body or b""))
    except (websocket.WebSocketException, OSError) as error:
        raise Unreachable(f"run {words[0]} in a container", str(error), "See `ckslab doctor`.") from error
    try:
        return _ran(_frames(socket, deadline))
    except (websocket.WebSocketException, OSError) as error:
        raise Unreachable(f"run {words[0]} in a container", str(error) or "it did not end in time", "") from error
    finally:
        socket.close()


def _frames(socket: Any, deadline: float) -> Iterator[tuple[int, bytes]]:
    size = 0
    while size < MAX_OUTPUT:
        socket.settimeout(max(0.01, deadline - time.monotonic()))
        code, frame = socket.recv_data()
        if code == websocket.ABNF.OPCODE_CLOSE or not frame:
            return
        size += len(frame)
        yield frame[0], frame[1:]
        if frame[0] == STATUS:
            return


def _ran(frames: Iterator[tuple[int, bytes]]) -> Ran | Response:
    streams: dict[int, bytes] = {STDOUT: b"", STDERR: b"", STATUS: b""}
    for number, data in frames:
        streams[number] = streams.get(number, b"") + data
    status = _decoded(streams[STATUS])
    out, err = (streams[number].decode("utf-8", "replace") for number in (STDOUT, STDERR))
    if not isinstance(status, dict) or status.get("status") == "Success":
        return Ran(0, out, err)
    causes = (status.get("details") or {}).get("causes") or ()
    codes = [cause["message"] for cause in causes if cause.get("reason") == "ExitCode"]
    # Without a code the command was not even started: there is no such program, or no such container.
    return Ran(int(codes[0]), out, err) if codes else Response(500, status)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
