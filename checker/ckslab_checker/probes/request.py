"""Does this request get through? Any HTTP request, sent as the identity.

For what the other probes have no words for, such as ``GET /api/v1/nodes/node-1/proxy/metrics`` or ``GET /metrics``.
What is proxied to a kubelet may find nobody there; it is authorization and admission that are asked about, so
``allowed`` then is an answer which shows that both let it through. In a learner's own cluster writes are dry runs;
there is no dry run of what is proxied.
"""

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Annotated, ClassVar, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, JsonValue

from ckslab_checker import access
from ckslab_checker.access import Attributes, PathAttributes
from ckslab_checker.asking import Question, expected, identities, judge, missing_accounts, with_members
from ckslab_checker.context import Context
from ckslab_checker.layers import Expectation, Layer, classify
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_labs.cluster.port import Identity, Response
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.model import Id, ProbeSpec

_CONNECTED = frozenset({"proxy", "exec", "attach", "portforward"})
"""Subresources that lead out of the API server; admission control sees them before anything else does."""
_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_REPEATED = frozenset({"GET", "PUT", "PATCH"})
"""What can be done twice; a second deletion finds nothing there."""
_UNDECIDED = frozenset({429, 504})
"""Too many requests, and no answer in time: the server had no look at the request."""


_Path = Annotated[str, Field(pattern=r"^/[^\s#]*$")]


class Request(ProbeSpec):
    """``request: {as, method, path, body?, content-type?, expect}``."""

    kind: ClassVar[str] = "request"
    as_: Id | tuple[Id, ...] = Field(alias="as")
    """An identity of the scenario, or several."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    """The HTTP method."""
    path: _Path | tuple[_Path, ...]
    """The path with its query, or several, each of which is tried; nobody replaces anything in it."""
    body: JsonValue = None
    """Sent as JSON."""
    content_type: str = Field(default="application/json", alias="content-type")
    """Of the body; a PATCH needs one of the patch types."""
    expect: Expectation
    """What the answer must be; a layer only where the task asks for that layer."""

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        who = identities(ctx, self.as_)
        if self.expect == "allowed":
            if gone := missing_accounts(ctx, who):
                return gone
            who = with_members(ctx, who) if self.method in _REPEATED else who
        paths = (self.path,) if isinstance(self.path, str) else self.path
        return together(partial(self._ask, ctx, *each) for each in product(map(self._question, paths), who))

    def _ask(self, ctx: Context, question: Question, identity: Identity) -> Evidence:
        dry_run = ctx.dry_run and self.method != "GET" and not _connects(question)
        return self._judge(ctx, identity, question, question.put(ctx, identity, dry_run=dry_run))

    def _question(self, path: str) -> Question:
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        attributes = attributes_of(self.method, parts.path, query)
        told = f"{self.method} {path}"
        return Question(told, self.method, parts.path, attributes, self.body, query, self.content_type)

    def _judge(self, ctx: Context, identity: Identity, question: Question, answer: Response) -> Evidence:
        layer = classify(answer)
        if layer is Layer.NOT_A_DENIAL and self._got_through(ctx, identity, question, answer):
            observed = f"allowed, and then HTTP {answer.status} {answer.message}".rstrip()
            return Evidence(question.asked(identity), expected(self.expect), observed, self.expect == "allowed")
        if layer is Layer.NOT_A_DENIAL and answer.status == 404 and self.expect == "allowed":
            return Evidence(question.asked(identity), "allowed", f"HTTP 404 {answer.message}", met=False)
        return judge(ctx, identity, question, answer, self.expect)

    def _got_through(self, ctx: Context, identity: Identity, question: Question, answer: Response) -> bool:
        """Whether an answer that is neither a yes nor a no shows that nothing refused.

        Reads pass no admission control; what connects has passed it by the time that it leads anywhere. A write that
        was not found, or invalid, may not have come that far.
        """
        if answer.status in _UNDECIDED or not (_connects(question) or (self.method == "GET" and answer.status == 404)):
            return False
        if not access.allowed(ctx.cluster, identity, question.attributes, objects=ctx.objects).allowed:
            raise CannotTell(f"{question.asked(identity)}: HTTP {answer.status}, but a review of access says no")
        return True


def _connects(question: Question) -> bool:
    attributes = question.attributes
    return isinstance(attributes, Attributes) and attributes.subresource in _CONNECTED


def attributes_of(method: str, path: str, query: Mapping[str, str]) -> Attributes | PathAttributes:
    """What the API server asks its authorizers about a request.

    As ``RequestInfo`` of apiserver ``pkg/endpoints/request/requestinfo.go`` (v1.36), without the field selector.
    """
    parts = [unquote(part) for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, parts = "", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, parts = parts[1], parts[3:]
    else:
        return PathAttributes(method.lower(), path)
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in ("status", "finalize"):
            parts = parts[2:]
    resource, name, subresource = (*parts, "", "")[:3]
    verb = _VERBS[method]
    if not name and verb in ("get", "delete"):
        watched = query.get("watch", "false") not in ("", "0", "false")
        verb = "deletecollection" if verb == "delete" else "watch" if watched else "list"
    return Attributes(verb, group, resource, subresource, namespace, name)
