"""The one client of the cluster port.

It goes below the official client's typed models, as they get in the way of what a checker must send and see: several
``Impersonate-Group`` headers (``set_default_header`` keeps the last one only), raw PATCH and PUT to subresources, and
the exact ``Status`` of a refusal. Every exchange has a deadline by the wall clock, a size limit and no redirects.
"""

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from ckslab_labs.cluster.connection import connection
from ckslab_labs.cluster.port import Capability, Identity, Ran, Response
from ckslab_labs.cluster.streams import OUTPUT, run_command
from ckslab_labs.errors import BRINGS_BACK, Unreachable

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""All that the API server serves in one answer (KEP-3352, GA since Kubernetes 1.30), instead of one for each group."""
MAX_BODY = 64 * 1024 * 1024
"""Bytes; a lab's largest list is a few hundred kB."""


class HttpCluster:
    """A ``Cluster`` over HTTPS. The kubeconfig is loaded without further checks: somebody else's must be checked first.

    Args:
        name: what to call it in messages.
        kubeconfig: the administrator's.
        capabilities: what it can do.
        context: of the kubeconfig; its current one when not given.

    """

    def __init__(
        self, name: str, kubeconfig: Path, capabilities: frozenset[Capability], context: str | None = None
    ) -> None:
        self.name = name
        self.kubeconfig = kubeconfig
        self.capabilities = capabilities
        self._connection = connection(kubeconfig, context)

    def close(self) -> None:
        """Close the idle connections; an API server that restarts has dropped them anyway."""
        self._connection.pool.clear()

    def request(
        self,
        method: str,
        path: str,
        body: object | None = None,
        *,
        as_: Identity | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Response:
        """See ``Cluster.request``."""
        url = f"{self._connection.host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = _headers(as_, content_type if body is not None else None, path)
        headers.extend(self._connection.headers)
        data = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + timeout
        try:
            return self._exchange(method, url, data, headers, deadline)
        except urllib3.exceptions.HTTPError as error:
            seen = f"no answer from {self.name} ({_cause(error)})"
            raise Unreachable(f"{method} {path}", seen, BRINGS_BACK) from error

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        words: Sequence[str],
        *,
        timeout: float = 10.0,
    ) -> Ran | Response:
        """See ``Cluster.exec``."""
        url = f"{self._connection.host}/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/exec"
        headers = list(self._connection.headers.items())
        context = ssl.create_default_context(cafile=self._connection.authority)
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        query = {"container": container, **OUTPUT}
        return run_command(url, words, headers=headers, context=context, query=query, timeout=timeout)

    @property
    def certificate(self) -> tuple[str, str] | None:
        """See ``Cluster.certificate``."""
        return self._connection.certificate

    def _exchange(
        self, method: str, url: str, data: bytes | None, headers: urllib3.HTTPHeaderDict, deadline: float
    ) -> Response:
        for last in (False, True):
            seconds = max(0.05, deadline - time.monotonic())
            try:
                answer = self._connection.pool.request(
                    method,
                    url,
                    body=data,
                    headers=headers,
                    preload_content=False,
                    redirect=False,
                    retries=False,
                    timeout=urllib3.Timeout(total=seconds),
                )
                break
            except urllib3.exceptions.ProtocolError:
                # A pooled connection may have died with the API server that it led to; a read is safe to repeat.
                if last or method != "GET":
                    raise
        try:
            return _response(answer, _read(answer, deadline))
        finally:
            answer.release_conn()


def _headers(identity: Identity | None, content_type: str | None, path: str) -> urllib3.HTTPHeaderDict:
    accept = AGGREGATED if path in ("/api", "/apis") else "application/json"
    headers = urllib3.HTTPHeaderDict({"Accept": accept, "Accept-Encoding": "identity"})
    if content_type is not None:
        headers["Content-Type"] = content_type
    if identity is not None:
        headers["Impersonate-User"] = identity.user
        for group in identity.groups:
            headers.add("Impersonate-Group", group)
        if identity.uid:
            headers["Impersonate-Uid"] = identity.uid
        for key, value in identity.extra:
            headers[f"Impersonate-Extra-{quote(key, safe='')}"] = value
    return headers


def _read(answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := answer.read1(1 << 20):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            answer.close()
            raise urllib3.exceptions.HTTPError(f"the answer is larger than {MAX_BODY} bytes")
        if time.monotonic() > deadline:
            answer.close()
            raise urllib3.exceptions.HTTPError("the answer did not end in time")
    return b"".join(chunks)


def _response(answer: urllib3.BaseHTTPResponse, raw: bytes) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    body: Any = raw.decode("utf-8", "replace")
    if "json" in headers.get("content-type", ""):
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise urllib3.exceptions.HTTPError(f"the answer is not JSON: {error}") from error
    return Response(answer.status, body, headers)


def _cause(error: BaseException) -> str:
    """The innermost reason: urllib3 wraps "Connection refused" in two further errors."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error)
