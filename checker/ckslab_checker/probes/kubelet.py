"""What does a kubelet answer on its own port? An HTTPS request with a service account's token, or with none.

The API server is not asked, so nothing of it shows in its audit log; the kubelet asks it only who the token is, and
whether that one may (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/). A refusal counts
only where the administrator's certificate gets an answer to the same question.
"""

import ssl
import time
from http.client import HTTPException, HTTPSConnection
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ckslab_checker.asking import OutOfDate, called, identities, missing_accounts
from ckslab_checker.context import Context, Manifest
from ckslab_checker.layers import ADMISSION, classify, describe, installed_name
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.running import Pods
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability, Identity, Response
from ckslab_labs.cluster.streams import KUBELETS_OUTPUT, run_command
from ckslab_labs.errors import Unreachable
from ckslab_labs.scenario.model import Id, ProbeSpec

CACHED_SECONDS = 1.2
"""The kubelets of our clusters keep an answer of the API server for a second."""
SECONDS = 5.0
_OBSERVED = {401: "unauthenticated", 403: "forbidden"}
_MEANT = {
    "answered": {"answered"},
    "refused": {"unauthenticated", "forbidden"},
    "unauthenticated": {"unauthenticated"},
    "forbidden": {"forbidden"},
}


class Kubelet(ProbeSpec):
    """``kubelet: {as?, path | exec-in, expect}``; a path is asked of every node."""

    kind: ClassVar[str] = "kubelet"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.KUBELET})
    as_: Id | None = Field(default=None, alias="as")
    """A service account of the scenario; nobody, with no token at all, when left out."""
    path: str | None = Field(default=None, pattern=r"^/[^\s#]*$")
    """What to GET, with its query."""
    exec_in: Pods | None = Field(default=None, alias="exec-in")
    """Instead of a path: a websocket to ``/exec`` that is to run ``true`` in a pod of these."""
    expect: Literal["answered", "refused", "unauthenticated", "forbidden"]
    """``refused`` is either of the two that follow: HTTP 401, HTTP 403."""

    @model_validator(mode="after")
    def _one_question(self) -> "Kubelet":
        if (self.path is None) == (self.exec_in is None):
            raise ValueError("give either path or exec-in")
        return self

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        who = identities(ctx, self.as_) if self.as_ else []
        if gone := missing_accounts(ctx, who):
            return gone
        questions = self._questions(ctx)
        if not questions:
            assert self.exec_in is not None  # a path is asked of nodes, and there is one
            return [self.exec_in.none_runs()]
        token = _token(ctx, who[0]) if who else None
        if isinstance(token, Evidence):
            return [token]
        ctx.once("kubelets' caches", lambda: time.sleep(CACHED_SECONDS))
        return [self._evidence(ctx, question, who, token) for question in questions]

    def _questions(self, ctx: Context) -> list[tuple[str, str, str]]:
        """The nodes to ask, their addresses, and what to ask; a command only of the node that the pod is on."""
        kubelets = _kubelets(ctx)
        if self.exec_in is None:
            return [(node, url, str(self.path)) for node, url in kubelets.items()]
        pods = [pod for pod in self.exec_in.running(ctx) if pod["spec"]["nodeName"] in kubelets]
        return [(pod["spec"]["nodeName"], kubelets[pod["spec"]["nodeName"]], self._exec_path(pod)) for pod in pods[:1]]

    def _exec_path(self, pod: Manifest) -> str:
        assert self.exec_in is not None  # or a path is given
        return f"/exec/{pod['metadata']['namespace']}/{pod['metadata']['name']}/{self.exec_in.container_of(pod)}"

    def _evidence(
        self, ctx: Context, question: tuple[str, str, str], who: list[Identity], token: str | None
    ) -> Evidence:
        node, url, path = question
        action = "a websocket that runs a command in" if self.exec_in else "GET"
        as_whom = called(who[0]) if who else "nobody"
        asked = clean_line(f"{action} {path} on the kubelet of {node}, as {as_whom}")
        observed = self._put(url + path, _context(), token)
        if observed != "answered" and (control := self._put(url + path, _context(ctx), None)) != "answered":
            raise CannotTell(f"the control of this question went wrong: {asked}, as the administrator: {control}")
        return Evidence(asked, self.expect, observed, observed in _MEANT[self.expect])

    def _put(self, url: str, context: ssl.SSLContext, token: str | None) -> str:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status = _run(url, context, headers) if self.exec_in else _get(url, context, headers)
        return _OBSERVED.get(status, "answered" if 200 <= status < 300 else f"HTTP {status}")


def _kubelets(ctx: Context) -> dict[str, str]:
    """Where each node's kubelet listens."""
    found = {}
    for node in ctx.objects.list("Node"):
        status = node["status"]
        addresses = [each["address"] for each in status.get("addresses", ()) if each["type"] == "InternalIP"]
        if addresses:
            port = status["daemonEndpoints"]["kubeletEndpoint"]["Port"]
            found[node["metadata"]["name"]] = f"https://{addresses[0]}:{port}"
    if not found:
        raise CannotTell("no node has an address")
    return found


def _token(ctx: Context, identity: Identity) -> str | Evidence:
    """A token of a service account, good for ten minutes; evidence where the learner's own policies refuse one.

    Whoever has one already can use it as before, so this says nothing of what the kubelet does; and their work ends.
    """
    _, _, namespace, name = identity.user.split(":")
    body: dict[str, Any] = {"spec": {"expirationSeconds": 600}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    answer = ctx.cluster.request("POST", path, body)
    if (layer := classify(answer)) in ADMISSION:
        asked = f"a token for {called(identity)}"
        if (policy := installed_name(answer)) and policy not in ctx.admission:
            raise OutOfDate(f"{asked}: refused by {policy}, which is not there any more")
        return Evidence(asked, "allowed", clean_line(describe(answer, layer)), met=False)
    if not answer.ok:
        raise CannotTell(f"no token was to be had for {called(identity)}: {answer.message}")
    return str(answer.body["status"]["token"])


def _context(ctx: Context | None = None) -> ssl.SSLContext:
    """A kubelet's own certificate is signed by nobody; with a context, the administrator's is shown to it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ctx is not None and ctx.cluster.certificate is None:
        raise CannotTell("the administrator has no certificate to ask a kubelet with, so there is no control")
    if ctx is not None and ctx.cluster.certificate:
        context.load_cert_chain(*ctx.cluster.certificate)
    return context


def _get(url: str, context: ssl.SSLContext, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    connection = HTTPSConnection(parts.netloc, timeout=SECONDS, context=context)
    try:
        connection.request("GET", url.partition(parts.netloc)[2], headers=headers)
        return connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise CannotTell(f"{parts.netloc} was asked, and gave no answer: {error}") from error
    finally:
        connection.close()


def _run(url: str, context: ssl.SSLContext, headers: dict[str, str]) -> int:
    try:
        ran = run_command(url, ["true"], headers=list(headers.items()), context=context, query=KUBELETS_OUTPUT)
    except Unreachable as error:
        raise CannotTell(str(error)) from error
    if isinstance(ran, Response) and not isinstance(ran.body, dict):
        return ran.status
    return 200  # a Status says what became of the command: somebody was let in, whether or not there is such a program
