"""Can they add a debug container to a pod? By every way that there is, to every pod, whatever its name.

A grant may be narrowed to names, so each pod that is there is asked about, every name in a role's ``resourceNames``,
and a name that nobody can foresee. Authorization answers before anything is looked up, so a pod need not exist to be
denied; where authorization says yes to a pod that does not, one is made to ask admission control, but never in a
learner's own cluster. A policy can only spare what it names, so it is asked about a pod with the labels that its
selectors leave out, and with each text that it quotes as an image.
"""

from collections.abc import Iterator, Sequence, Set
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from ckslab_checker import access, ephemeral, installed
from ckslab_checker.asking import Question, called, expected, identities, judge, missing_namespace, require_well_formed
from ckslab_checker.context import Context, Manifest
from ckslab_checker.ephemeral import METHODS, Method
from ckslab_checker.layers import ADMISSION, Expectation, Layer, classify
from ckslab_checker.outcome import Evidence
from ckslab_checker.principals import bound_accounts, quoted_accounts
from ckslab_labs.cluster.port import Identity, Response
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.model import Id, ProbeSpec, Text

MAX_PODS = 40
"""Pods that are asked about, in the order of their names; names in roles come on top."""
CONTROL_POD = "control"
"""The pod in our own namespace on which the questions are tried first."""


class DebugContainer(ProbeSpec):
    """``debug-container: {as, and-every-account?, namespace?, pods, expect}``."""

    kind: ClassVar[str] = "debug-container"
    as_: Id | tuple[Id, ...] = Field(alias="as")
    """An identity of the scenario, or several."""
    and_every_account: bool = Field(default=False, alias="and-every-account")
    """Besides them, every service account that a binding or a policy names, alone or by a group."""
    namespace: Text | None = None
    """Where the pods are. Without one: in every namespace, and in one that is yet to come."""
    pods: Literal["all"] | tuple[Text, ...]
    """Which pods: all that there are or could be, or those of these names."""
    expect: Expectation
    """``allowed``: to each pod, as kubectl does it. Denied: to none, by no way."""

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if gone := missing_namespace(ctx, self.namespace):
            return gone
        who = self._who(ctx)
        runs = [_Run(self, ctx, namespace) for namespace in self._where(ctx)]
        return [
            evidence
            for run in runs
            for identity in who
            for evidence in (run.allowed(identity) if self.expect == "allowed" else run.denied(identity))
        ]

    def _who(self, ctx: Context) -> list[Identity]:
        fresh = f"ckslab-member-{ctx.seed}"
        accounts: list[Identity] = []
        if self.and_every_account:
            accounts = [*bound_accounts(ctx.rbac, fresh), *quoted_accounts(installed.quoted(ctx.installed), fresh)]
        return list(dict.fromkeys([*identities(ctx, self.as_), *accounts]))

    def _where(self, ctx: Context) -> list[str]:
        if self.namespace is not None:
            return [self.namespace]
        found = sorted(ctx.namespaces - {ctx.control_namespace})
        if ctx.live:
            return found
        fresh = f"team-{ctx.seed}"
        labels = installed.overlooked(ctx.installed, "namespaceSelector")
        metadata = {"name": fresh, "labels": labels}
        ctx.objects.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        account = {"name": "default", "namespace": fresh}
        made = ctx.objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        return [*found, fresh] if made.ok or made.status == 409 else found  # a controller may have been faster


class _Run:
    """One round of questions, with the pods as they are meanwhile."""

    def __init__(self, probe: DebugContainer, ctx: Context, namespace: str) -> None:
        self._probe = probe
        self._ctx = ctx
        self._namespace = namespace
        listed = filter(ephemeral.takes_debug_containers, ctx.objects.list("pods", namespace))
        self._there: dict[str, Manifest] = {pod["metadata"]["name"]: pod for pod in listed}
        everything = sorted(self._there)[:MAX_PODS]
        self._names = everything if probe.pods == "all" else list(probe.pods)
        self._unforeseen = ephemeral.unforeseen_name(everything, ctx.seed)
        self._stranger = ephemeral.stranger_name(ctx.seed)

    def allowed(self, identity: Identity) -> Iterator[Evidence]:
        """Ask as kubectl would, which reads a pod first: of pods that are there, and of one that is yet to come."""
        if not self._names:
            yield Evidence(f"Which pods are there in {self._namespace}?", "at least one", "none", met=False)
        for name in self._names:
            question, answer = self._put(identity, "PATCH", name)
            if _is_missing(answer):
                yield Evidence(question.asked(identity), "allowed", "HTTP 404: there is no such pod", met=False)
            else:
                yield self._judge(identity, question, answer)
                yield from self._unreadable(identity, name)
        if self._probe.pods == "all":
            question, answer = self._put_somewhere(identity, "PATCH", self._unforeseen)
            if not _is_missing(answer):
                yield self._judge(identity, question, answer)
                yield from self._unreadable(identity, self._unforeseen)

    def _unreadable(self, identity: Identity, name: str) -> Iterator[Evidence]:
        asked = access.Attributes("get", "", "pods", namespace=self._namespace, name=name)
        if not access.allowed(self._ctx.cluster, identity, asked, objects=self._ctx.objects).allowed:
            told = f"GET pods/{name} in {self._namespace}, as kubectl debug does first, as {called(identity)}"
            yield Evidence(told, "allowed", "denied by RBAC", met=False)

    def denied(self, identity: Identity) -> Iterator[Evidence]:
        """Ask by every way; where admission control had a say, as another member of the same groups as well.

        Authorizers never let somebody do less for being known by name, so they need not be asked twice; a policy may
        refuse that one alone. Where the other member has no grant, the answers say nothing about the policy.
        """
        self._require_well_formed()
        layers: set[Layer] = set()
        yield from self._denied(identity, layers)
        if layers & ADMISSION and not identity.user.startswith("system:"):
            others: set[Layer] = set()
            evidence = list(self._denied(Identity(f"ckslab-member-{self._ctx.seed}", identity.groups), others))
            yield from evidence if others != {Layer.RBAC} else []

    def _denied(self, identity: Identity, layers: set[Layer]) -> Iterator[Evidence]:
        """Ask of every pod, and note the layers that answered.

        Authorizers tell pods apart by the names in roles only: where they refuse one pod, those with such a name and
        one that nobody can foresee are left to ask about. Admission control may tell pods apart by anything.
        """
        for name in self._in_order():
            if layers != {Layer.RBAC} or name in self._told_apart():
                for evidence, layer in self._by_every_way(identity, name, layers):
                    layers.add(layer)
                    yield evidence
        if layers & ADMISSION and self._there:
            yield from self._with_other_images(identity)

    def _with_other_images(self, identity: Identity) -> Iterator[Evidence]:
        """Ask with every text that a policy quotes as the image: it may spare some tools, or refuse others."""
        name = next(iter(self._there))
        for image in installed.quoted(self._ctx.installed):
            yield self._judge(identity, *self._put(identity, "PATCH", name, image))

    def _by_every_way(self, identity: Identity, name: str, before: Set[Layer]) -> Iterator[tuple[Evidence, Layer]]:
        patch = Layer.NONE
        for method in METHODS:
            if method == "apply" and patch is Layer.RBAC:
                continue  # it is the verb patch too: authorization has answered
            question, answer = self._put_somewhere(identity, method, name)
            layer = _layer(question, answer)
            patch = layer if method == "PATCH" else patch
            if not _is_missing(answer):
                yield self._judge(identity, question, answer), layer
            elif not before or not before <= ADMISSION:
                # Where admission control denies all pods that are there, nothing speaks for another answer here.
                observed = "not denied: authorization lets it through (HTTP 404, as there is no such pod yet)"
                yield Evidence(question.asked(identity), expected(self._probe.expect), observed, met=False), layer

    def _in_order(self) -> Sequence[str]:
        """The names to ask about: pods that are there first, and among them one that the seed picks."""
        names = self._names
        if self._probe.pods == "all":
            start = ephemeral.number_of(self._ctx.seed) % max(len(names), 1)
            names = [*names[start:], *names[:start], *self._told_apart(), self._stranger]
        return sorted(dict.fromkeys(names), key=lambda name: name not in self._there)

    def _told_apart(self) -> Sequence[str]:
        if self._probe.pods != "all":
            return self._probe.pods
        named = access.names_in_roles(self._ctx.rbac, ephemeral.RESOURCE, self._namespace)
        return [*named, self._unforeseen]

    def _put_somewhere(self, identity: Identity, method: Method, name: str) -> tuple[Question, Response]:
        """As ``_put``; a pod that authorization would let through is made, if it may be, and asked about again."""
        question, answer = self._put(identity, method, name)
        if _is_missing(answer) and not self._ctx.live and name not in self._there:
            labels = installed.overlooked(self._ctx.installed, "objectSelector")
            model = ephemeral.canary(name, self._namespace, list(self._there.values()), labels)
            made = self._ctx.objects.create(model)
            if made.ok:
                self._there[name] = made.body
                return self._put(identity, method, name)
        return question, answer

    def _put(self, identity: Identity, method: Method, name: str, image: str = "") -> tuple[Question, Response]:
        pod = self._there.get(name) or ephemeral.absent(name)
        question = self._question(method, self._namespace, pod, image)
        answer = question.put(self._ctx, identity, dry_run=self._ctx.live)
        if answer.ok and not self._ctx.live:
            self._there[name] = answer.body  # a PUT must hold what was added before
        return question, answer

    def _question(self, method: Method, namespace: str, pod: Manifest, image: str = "") -> Question:
        return ephemeral.question(method, self._ctx.objects.resource("pods"), namespace, pod, self._probe.expect, image)

    def _judge(self, identity: Identity, question: Question, answer: Response) -> Evidence:
        expect = self._probe.expect
        if answer.ok and _layer(question, answer) is not Layer.NONE:
            observed = f"accepted (HTTP {answer.status}), but without the container: a policy or webhook took it out"
            return Evidence(question.asked(identity), expected(expect), observed, met=expect == "denied")
        return judge(self._ctx, identity, question, answer, expect)

    def _require_well_formed(self) -> None:
        self._ctx.once(f"control of {self._probe.kind} {self._probe.expect}", self._try_control)

    def _try_control(self) -> None:
        ours = self._ctx.objects.get("pods", CONTROL_POD, self._ctx.control_namespace)
        control = ours.body if ours.ok else next(iter(self._there.values()), None)
        if control is not None:
            namespace = control["metadata"]["namespace"]
            questions = [self._question(method, namespace, control) for method in METHODS]
            together(partial(require_well_formed, self._ctx, question) for question in questions)


def _layer(question: Question, answer: Response) -> Layer:
    """The layer that refused; what takes the container out of an accepted request is a mutating policy or webhook."""
    return Layer.POLICY if answer.ok and not ephemeral.added(question, answer) else classify(answer)


def _is_missing(answer: Response) -> bool:
    return answer.status == 404 and classify(answer) is Layer.NOT_A_DENIAL
