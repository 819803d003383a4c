"""Can they add a debug container to a pod? By every way that there is, to every pod, whatever its name.

An ephemeral container can be added by a strategic PATCH (what ``kubectl debug`` does; RBAC verb patch), by a PUT of the
whole pod (verb update) and by server-side apply (verb patch). A grant may be narrowed to names, so each existing pod is
asked about, every name in a role's ``resourceNames``, and a name that nobody can foresee. The containers meet the
strictest Pod Security level, lest that level be taken for a fix; names and images differ, lest a policy against one of
them be.
"""

import copy
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ckslab_checker import access
from ckslab_checker.access import Attributes
from ckslab_checker.asking import (
    Question,
    called,
    expected,
    identities,
    judge,
    missing_namespace,
    require_well_formed,
)
from ckslab_checker.context import Context, Manifest
from ckslab_checker.layers import ADMISSION, Expectation, Layer, classify
from ckslab_checker.outcome import Evidence
from ckslab_labs.cluster.objects import PATCH_TYPES
from ckslab_labs.cluster.port import Identity, Response
from ckslab_labs.scenario.model import Id, ProbeSpec, Text

Method = Literal["PATCH", "PUT", "apply"]

MAX_PODS = 40
"""Existing pods that are asked about, in the order of their names."""
CONTROL_POD = "control"
"""The pod in our own namespace on which the questions are tried first."""
RESOURCE = "pods/ephemeralcontainers"
"""What RBAC calls it."""
_IMAGES: dict[Method, str] = {
    "PATCH": "busybox:1.37.0",
    "PUT": "registry.k8s.io/pause:3.10.1",
    "apply": "nginx:1.29.1-alpine",
}
_NAMES: dict[Method, str] = {"PATCH": "debugger", "PUT": "tools", "apply": "helper"}
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_EXEMPT_NAMES = re.compile(r"[a-z0-9]+$")


class DebugContainer(ProbeSpec):
    """``debug-container: {as, namespace, pods, expect}``."""

    kind: ClassVar[str] = "debug-container"
    as_: Id | tuple[Id, ...] = Field(alias="as")
    """An identity of the scenario, or several."""
    namespace: Text
    """Where the pods are."""
    pods: Literal["all"] | tuple[Text, ...]
    """Which pods: all that there are or could be, or those of these names."""
    expect: Expectation
    """``allowed``: to each pod, as kubectl does it. Denied: to none, by no way."""

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if gone := missing_namespace(ctx, self.namespace):
            return gone
        there = {pod["metadata"]["name"]: pod for pod in ctx.objects.list("pods", self.namespace)}
        who = identities(ctx, self.as_)
        if self.expect == "allowed":
            return [item for identity in who for item in self._allowed(ctx, identity, there)]
        return _Denials(self, ctx, there).ask(who)

    def _allowed(self, ctx: Context, identity: Identity, there: dict[str, Manifest]) -> Iterator[Evidence]:
        names = list(there)[:MAX_PODS] if self.pods == "all" else self.pods
        if not names:
            yield Evidence(f"Which pods are there in {self.namespace}?", "at least one", "none", met=False)
        for name in names:
            question = ask_for(ctx, "PATCH", self.namespace, there.get(name) or _named(name), self.expect)
            answer = question.put(ctx, identity, dry_run=ctx.live)
            if _is_missing(answer):
                yield Evidence(question.asked(identity), "allowed", f"HTTP 404 {answer.message}", met=False)
            else:
                yield _judge(ctx, identity, question, answer, self.expect)


class _Denials:
    """One run of questions that must all be denied."""

    def __init__(self, probe: DebugContainer, ctx: Context, there: dict[str, Manifest]) -> None:
        self._probe = probe
        self._ctx = ctx
        self._there = there
        named = access.names_in_roles(ctx.objects, RESOURCE, probe.namespace)
        wanted = list(there)[:MAX_PODS] if probe.pods == "all" else list(probe.pods)
        self._existing = [name for name in dict.fromkeys([*wanted, *named]) if name in there and self._covers(name)]
        unforeseen = [unforeseen_name(sorted(there), ctx.seed)] if probe.pods == "all" else []
        absent = [name for name in dict.fromkeys([*wanted, *named]) if name not in there and self._covers(name)]
        self._absent = [*absent, *unforeseen]

    def _covers(self, name: str) -> bool:
        return self._probe.pods == "all" or name in self._probe.pods

    def ask(self, who: Sequence[Identity]) -> list[Evidence]:
        self._require_well_formed()
        return [evidence for identity in who for evidence in self._of(identity)]

    def _of(self, identity: Identity) -> Iterator[Evidence]:
        by_admission = True
        for name in self._existing:
            for method in ("PATCH", "PUT", "apply"):
                question = self._question(method, self._there[name])
                answer = question.put(self._ctx, identity, dry_run=self._ctx.live)
                by_admission &= classify(answer) in ADMISSION
                yield _judge(self._ctx, identity, question, answer, self._probe.expect)
        for name in self._absent:
            yield from self._of_absent(identity, name, bool(self._existing) and by_admission)

    def _of_absent(self, identity: Identity, name: str, by_admission: bool) -> Iterator[Evidence]:
        """Ask about a pod that is not there: authorization answers first, and not found means that it said yes.

        What admission control would say takes a pod; one is made where that is right. Where it is not, and admission
        control denies it for all pods that there are, nothing speaks for another answer.
        """
        pods = {}
        for method in ("PATCH", "PUT", "apply"):
            question = self._question(method, pods.get(name) or _named(name))
            answer = question.put(self._ctx, identity, dry_run=self._ctx.live)
            if _is_missing(answer) and (pod := self._canary(name)):
                pods[name] = pod
                question = self._question(method, pod)
                answer = question.put(self._ctx, identity, dry_run=self._ctx.live)
            if not _is_missing(answer):
                yield _judge(self._ctx, identity, question, answer, self._probe.expect)
            elif not by_admission:
                observed = "not denied: authorization lets it through (HTTP 404, as there is no such pod yet)"
                yield Evidence(question.asked(identity), expected(self._probe.expect), observed, met=False)

    def _question(self, method: Method, pod: Manifest) -> Question:
        return ask_for(self._ctx, method, self._probe.namespace, pod, self._probe.expect)

    def _canary(self, name: str) -> Manifest | None:
        """A pod of that name, made by the administrator; none in a learner's own cluster, or where it is refused."""
        if self._ctx.live:
            return None
        model = next(iter(self._there.values()), None)
        answer = self._ctx.objects.create(canary(name, self._probe.namespace, model))
        if answer.ok:
            self._there[name] = answer.body
        return self._there.get(name)

    def _require_well_formed(self) -> None:
        ctx = self._ctx
        control = ctx.objects.get("pods", CONTROL_POD, ctx.control_namespace)
        pod = control.body if control.ok else next(iter(self._there.values()), None)
        for method in ("PATCH", "PUT", "apply") if pod else ():
            require_well_formed(ctx, ask_for(ctx, method, pod["metadata"]["namespace"], pod, self._probe.expect))


def ask_for(ctx: Context, method: Method, namespace: str, pod: Manifest, expect: Expectation) -> Question:
    """The request that adds a debug container to a pod by one of the three ways."""
    name = pod["metadata"]["name"]
    container = debug_container(ctx, method, name, expect)
    verb = "update" if method == "PUT" else "patch"
    told = {"PATCH": "PATCH", "PUT": "PUT", "apply": "PATCH (server-side apply)"}[method]
    path = ctx.objects.resource("pods").path(name, namespace, "ephemeralcontainers")
    body: Manifest = {"spec": {"ephemeralContainers": [container]}}
    query: dict[str, str] = {}
    content_type = PATCH_TYPES["strategic"]
    if method == "PUT":
        body, content_type = _with_container(pod, container), "application/json"
    elif method == "apply":
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, **body}
        # A manager of its own each time: what one manager applied before, it would now be taking away.
        query, content_type = {"fieldManager": container["name"], "force": "true"}, PATCH_TYPES["apply"]
    attributes = Attributes(verb, "", "pods", "ephemeralcontainers", namespace, name)
    told = f"{told} pods/{name}/ephemeralcontainers in {namespace}"
    return Question(told, "PUT" if method == "PUT" else "PATCH", path, attributes, body, query, content_type)
