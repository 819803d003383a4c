"""Puts the question of debug containers: to each pod of a namespace, by every way, with all that a policy may spare.

What an answer means is decided here and in ``asking``; who is asked, and where, is the probe's business.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Literal

from ckslab_checker import access, ephemeral, installed, variants
from ckslab_checker.asking import Question, called, expected, for_authorizers, judge, member, require_well_formed
from ckslab_checker.context import Context, Manifest
from ckslab_checker.ephemeral import METHODS, Method
from ckslab_checker.layers import ADMISSION, Expectation, Layer, classify, describe
from ckslab_checker.outcome import Evidence
from ckslab_labs.cluster.port import Identity, Response
from ckslab_labs.cluster.together import together

Which = Literal["all"] | tuple[str, ...]
"""Which pods: all that there are or could be, or those of these names."""
MAX_PODS = 40
"""Pods that are asked about, in the order of their names; names in roles come on top."""
FEW = 2
"""Identities that are asked about with other containers: what a policy says of those it rarely says of one person."""
CONTROL_POD = "control"
"""The pod in our own namespace on which the questions are tried first."""


Asking = Callable[[], list[Evidence]]
"""Something to ask, and what is to be said of the answers."""


def ask_all(ctx: Context, calls: Iterable[Asking]) -> list[Evidence]:
    """Ask side by side in a learner's own cluster, where nothing comes of it.

    Elsewhere one call makes pods that the next asks about, and a PUT must hold what was added before.
    """
    return list(chain.from_iterable(together(calls) if ctx.live else [call() for call in calls]))


class Seen:
    """Which layers have answered whom, in whatever namespace: these, and others that follow."""

    def __init__(self, who: Iterable[Identity] = ()) -> None:
        self._layers: dict[Identity, set[Layer]] = {identity: set() for identity in who}

    def of(self, identity: Identity) -> set[Layer]:
        """Those that have answered an identity."""
        return self._layers.setdefault(identity, set())

    def stopped_by_admission(self) -> list[Identity]:
        """Whom admission control has stopped, and nothing let through."""
        return [who for who, layers in self._layers.items() if layers & ADMISSION and Layer.NONE not in layers]


@dataclass(frozen=True)
class Tried:
    """What containers are asked for."""

    fields: Manifest
    """Of the container, in place of its usual ones."""
    harmless: Sequence[Manifest] = ()
    """Fields with any of which it is no danger, so that a policy that gives it these has denied what it was."""

    def is_prevented(self, added: Iterable[Manifest]) -> bool:
        """Whether nothing has come of it, for all that the request was accepted."""
        return all(any(ephemeral.holds(each, fields) for fields in self.harmless) for each in added)


class Run:
    """One round of questions, with the pods as they are meanwhile."""

    def __init__(
        self, pods: Which, expect: Expectation, ctx: Context, namespace: str, seen: Seen, tried: Tried
    ) -> None:
        self._seen = seen
        self._tried = tried
        self._stopped: list[tuple[str, Method]] = []
        self._pods = pods
        self._expect = expect
        self._ctx = ctx
        self._namespace = namespace
        listed = filter(ephemeral.takes_debug_containers, ctx.objects.list("pods", namespace))
        self._there: dict[str, Manifest] = {pod["metadata"]["name"]: pod for pod in listed}
        everything = sorted(self._there)[:MAX_PODS]
        self._names = everything if pods == "all" else list(pods)
        self._unforeseen = ephemeral.unforeseen_name(everything, ctx.seed)
        self._stranger = ephemeral.stranger_name(ctx.seed)

    @property
    def _target(self) -> str:
        """A pod of which admission control, and not the authorizer, has said no; any where there is none."""
        return next((name for name, _ in self._ways if name in self._there), next(iter(self._there)))

    @property
    def _ways(self) -> list[tuple[str, Method]]:
        """Pods with the ways in which admission control has stopped somebody; as kubectl does it first."""
        return sorted(self._stopped, key=lambda stopped: (METHODS.index(stopped[1]), stopped[0]))

    def is_empty(self) -> bool:
        """Whether there is no pod to ask about."""
        return not self._there

    def allowed(self, who: Sequence[Identity]) -> Iterator[Evidence]:
        """Ask as kubectl would, which reads a pod first: of pods that are there, and of one that is yet to come.

        Pods are asked about side by side, each as one identity after the other.
        """
        if not self._names:
            yield Evidence(f"Which pods are there in {self._namespace}?", "at least one", "none", met=False)
        names = [*self._names, *([self._unforeseen] if self._pods == "all" else [])]
        readers = for_authorizers(self._ctx, who)
        yield from chain.from_iterable(together(partial(self._of_one, who, readers, name) for name in names))

    def _of_one(self, who: Sequence[Identity], readers: Sequence[Identity], name: str) -> list[Evidence]:
        foreseen = name in self._names
        evidence = []
        for identity in who:
            question, answer, layer = (self._put if foreseen else self._put_somewhere)(identity, "PATCH", name)
            if not _is_missing(answer):
                evidence.append(self._judge(identity, question, answer, layer))
                evidence += self._unreadable(identity, name) if identity in readers else ()
            elif foreseen:
                told = question.asked(identity)
                evidence.append(Evidence(told, "allowed", "HTTP 404: there is no such pod", met=False))
        return evidence

    def _unreadable(self, identity: Identity, name: str) -> Iterator[Evidence]:
        asked = access.Attributes("get", "", "pods", namespace=self._namespace, name=name)
        if not access.allowed(self._ctx.cluster, identity, asked, objects=self._ctx.objects).allowed:
            told = f"GET pods/{name} in {self._namespace}, as kubectl debug does first, as {called(identity)}"
            yield Evidence(told, "allowed", "denied by RBAC", met=False)

    def denied(self, identity: Identity) -> list[Evidence]:
        """Ask by every way; where admission control had a say, as another member of the same groups as well.

        Authorizers never let somebody do less for being known by name, so they need not be asked twice; a policy may
        refuse that one alone. Where the other member has no grant, the answers say nothing about the policy.
        """
        layers: set[Layer] = set()
        evidence = list(self._denied(identity, layers))
        if layers & ADMISSION and not identity.user.startswith("system:"):
            others: set[Layer] = set()
            further = list(self._denied(member(self._ctx, identity), others))
            evidence += further if others != {Layer.RBAC} else []
        return evidence

    def _denied(self, identity: Identity, layers: set[Layer]) -> Iterator[Evidence]:
        """Ask of every pod, and note the layers that answered.

        Authorizers tell pods apart by the names in roles only: where they refuse one pod, those with such a name and
        one that nobody can foresee are left to ask about. Admission control may tell pods apart by anything.
        """
        for name in self._in_order():
            if layers != {Layer.RBAC} or name in self._told_apart():
                for evidence, layer in self._by_every_way(identity, name, layers):
                    layers.add(layer)
                    self._seen.of(identity).add(layer)
                    yield evidence

    def varied(self, identity: Identity, texts: Sequence[str], fresh: str, rank: int) -> Iterator[Evidence]:
        """Ask what policies may spare; what they refuse, or what is no request, is only counted.

        The first whom they stopped (by ``rank``) is asked with other pods as well, the first few with other containers.
        """
        if self._there:
            calls = list(self._by_requester(identity, texts, fresh))
            calls += self._by_container(identity, texts, fresh) if rank < FEW else ()
            asked = ask_all(self._ctx, calls)
            asked += self._by_pod(identity, texts, fresh) if rank == 0 and not self._ctx.live else ()
            yield from _told(asked, called(identity), self._expect)

    def guessed(self, others: Iterable[Identity]) -> Iterator[Evidence]:
        """Ask as others whom policies may mean, once each."""
        if self._there:
            name = self._target
            asked = ask_all(self._ctx, [partial(self.spared, other, name) for other in others])
            yield from _told(asked, "those whom they may mean", self._expect)

    def _by_requester(self, identity: Identity, texts: Sequence[str], fresh: str) -> Iterator[Asking]:
        name = self._target
        if identity.user.startswith("system:serviceaccount:"):
            yield partial(self.spared, identity.in_pod(name), name)
            return
        for other in variants.requesters(identity, self._ctx.identities.values(), texts, fresh):
            yield partial(self.spared, other, name)

    def _by_container(self, identity: Identity, texts: Sequence[str], fresh: str) -> Iterator[Asking]:
        name = self._target
        for container in variants.containers(texts, fresh):
            yield partial(self.spared, identity, name, container=container)
        for manager in variants.managers(texts):
            yield partial(self.spared, identity, name, manager=manager)

    def _by_pod(self, identity: Identity, texts: Sequence[str], fresh: str) -> Iterator[Evidence]:
        name = self._target
        account = {"name": fresh, "namespace": self._namespace}
        self._ctx.objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        for pod in variants.pods(self._there[name], texts, fresh):
            pod["metadata"]["namespace"] = self._namespace
            made = self._ctx.objects.create(pod)
            if made.ok:
                self._there[made.body["metadata"]["name"]] = made.body
                yield from self.spared(identity, made.body["metadata"]["name"])
        for mark in variants.marks(texts):
            marked = {"metadata": {"labels": mark, "annotations": mark}}
            answer = self._ctx.objects.patch("pods", name, self._namespace, marked)
            if answer.ok:
                self._there[name] = answer.body
                yield from self.spared(identity, name)
        yield from self._a_second_one(identity, name)

    def _a_second_one(self, identity: Identity, name: str) -> Iterator[Evidence]:
        """Ask of a pod that somebody who may has debugged already."""
        for other in (None, *self._ctx.identities.values()):
            question = self._question("PATCH", self._namespace, self._there[name])
            answer = question.put(self._ctx, other, dry_run=False)
            if answer.ok and ephemeral.added(self._there[name], answer.body):
                self._there[name] = answer.body
                yield from self.spared(identity, name)
                return

    def spared(
        self, identity: Identity, name: str, container: Manifest | None = None, manager: str = ""
    ) -> list[Evidence]:
        """Ask once; nothing is said of an answer that is neither a yes nor a no, as the request was made up."""
        way = next((method for stopped, method in self._ways if stopped == self._target), METHODS[0])
        question, answer, layer = self._put_somewhere(identity, way, name, container, manager)
        if layer is Layer.NOT_A_DENIAL:
            return []
        told = question.asked(identity)
        return [Evidence(told, expected(self._expect), describe(answer, layer), met=layer is not Layer.NONE)]

    def _by_every_way(self, identity: Identity, name: str, before: Set[Layer]) -> Iterator[tuple[Evidence, Layer]]:
        patch = Layer.NONE
        for method in METHODS:
            if method == "apply" and patch is Layer.RBAC:
                continue  # it is the verb patch too: authorization has answered
            self._require_well_formed(method)
            question, answer, layer = self._put_somewhere(identity, method, name)
            patch = layer if method == "PATCH" else patch
            if layer in ADMISSION:
                self._stopped.append((name, method))
            if not _is_missing(answer):
                yield self._judge(identity, question, answer, layer), layer
            elif not (known := (before | self._seen.of(identity)) - {Layer.NOT_A_DENIAL}) or not known <= ADMISSION:
                # Where admission control denies all pods that are there, nothing speaks for another answer here.
                observed = "not denied: authorization lets it through (HTTP 404, as there is no such pod yet)"
                yield Evidence(question.asked(identity), expected(self._expect), observed, met=False), layer

    def _in_order(self) -> Sequence[str]:
        """The names to ask about: pods that are there first, and among them one that the seed picks."""
        names = self._names
        if self._pods == "all":
            start = ephemeral.number_of(self._ctx.seed) % max(len(names), 1)
            names = [*names[start:], *names[:start], *self._told_apart(), self._stranger]
        return sorted(dict.fromkeys(names), key=lambda name: name not in self._there)

    def _told_apart(self) -> Sequence[str]:
        if self._pods != "all":
            return self._pods
        named = access.names_in_roles(self._ctx.rbac, ephemeral.RESOURCE, self._namespace)
        return [*filter(ephemeral.is_a_name, named), self._unforeseen]

    def _put_somewhere(
        self, identity: Identity, method: Method, name: str, container: Manifest | None = None, manager: str = ""
    ) -> tuple[Question, Response, Layer]:
        """As ``_put``; a pod that authorization would let through is made, if it may be, and asked about again."""
        put = self._put(identity, method, name, container, manager)
        if _is_missing(put[1]) and not self._ctx.live and name not in self._there:
            labels = installed.overlooked(self._ctx.installed, "objectSelector")
            model = ephemeral.canary(name, self._namespace, list(self._there.values()), labels)
            made = self._ctx.objects.create(model)
            if made.ok:
                self._there[name] = made.body
                return self._put(identity, method, name, container, manager)
        return put

    def _put(
        self, identity: Identity, method: Method, name: str, container: Manifest | None = None, manager: str = ""
    ) -> tuple[Question, Response, Layer]:
        """Ask, and tell the layer that refused; what undoes what an accepted request asked for is a policy, too."""
        pod = self._there.get(name) or ephemeral.absent(name)
        question = self._question(method, self._namespace, pod, container, manager)
        answer = question.put(self._ctx, identity, dry_run=self._ctx.dry_run)
        if not answer.ok:
            return question, answer, classify(answer)
        if not self._ctx.dry_run:
            self._there[name] = answer.body  # a PUT must hold what was added before
        prevented = self._tried.is_prevented(ephemeral.added(pod, answer.body))
        return question, answer, Layer.POLICY if prevented else Layer.NONE

    def _question(
        self, method: Method, namespace: str, pod: Manifest, container: Manifest | None = None, manager: str = ""
    ) -> Question:
        pods = self._ctx.objects.resource("pods")
        fields = {**(container or {}), **self._tried.fields}
        return ephemeral.question(method, pods, namespace, pod, self._expect, fields, manager)

    def _judge(self, identity: Identity, question: Question, answer: Response, layer: Layer) -> Evidence:
        expect = self._expect
        if answer.ok and layer is not Layer.NONE:
            done = "took it out or made it harmless" if self._tried.harmless else "took it out"
            observed = f"accepted (HTTP {answer.status}), but without the container: a policy or webhook {done}"
            return Evidence(question.asked(identity), expected(expect), observed, met=expect == "denied")
        return judge(self._ctx, identity, question, answer, expect)

    def _require_well_formed(self, method: Method) -> None:
        what = f"control of debug containers {self._expect} {method} {self._tried.fields}"
        self._ctx.once(what, partial(self._try_control, method))

    def _try_control(self, method: Method) -> None:
        ours = self._ctx.objects.get("pods", CONTROL_POD, self._ctx.control_namespace)
        control = ours.body if ours.ok else next(iter(self._there.values()), None)
        if control is not None:
            namespace = control["metadata"]["namespace"]
            require_well_formed(self._ctx, self._question(method, namespace, control))


def _told(asked: Sequence[Evidence], who: str, expect: Expectation) -> Iterator[Evidence]:
    """What was not met, in full; what was, as a number."""
    yield from (evidence for evidence in asked if not evidence.met)
    if asked and all(evidence.met for evidence in asked):
        told = f"{len(asked)} further requests, with what the policies speak of, as {who}"
        yield Evidence(told, expected(expect), "denied", met=True)


def _is_missing(answer: Response) -> bool:
    return answer.status == 404 and classify(answer) is Layer.NOT_A_DENIAL
