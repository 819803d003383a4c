"""Does a pod reach a target over TCP? Asked from inside the pod, so that whatever is in between has its say.

NetworkPolicies have no status: that one is in force is known by a policy of ours, written later, that has taken effect
(``Network.measure``). And a target that nobody serves is not blocked: it must answer on its own pod, or to the pods
that the check names as its control.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ckslab_checker.context import Context, Manifest
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.running import Pods, called, inside
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.network import Network, nc_words
from ckslab_labs.cluster.port import Capability, Ran
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.model import ProbeSpec, Strict, Text

SECONDS = 2
"""After which a connection counts as dropped; on one node it takes a millisecond."""
LOOPBACK = "127.0.0.1"


class Target(Strict):
    """``{namespace, labels, port}``, ``{namespace, service, port}`` or ``{host, port}``."""

    namespace: Text | None = None
    """Where the pods or the Service are."""
    labels: dict[str, Text] = Field(default_factory=dict)
    """Every ready pod that has all of these, at its own address."""
    service: Text | None = None
    """The Service of this name, at its cluster address."""
    host: Text | None = None
    """An address, or a name that the pod itself has to resolve."""
    port: int = Field(ge=1, le=65535)
    """TCP."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Target":
        if sum(map(bool, (self.labels, self.service, self.host))) != 1:
            raise ValueError("give exactly one of labels, service, host")
        if (self.host is None) != (self.namespace is not None):
            raise ValueError("a namespace belongs to labels or to a service, and to nothing else")
        return self

    def __str__(self) -> str:
        """As a learner reads it."""
        named = self.service or self.host or ", ".join(f"{key}={value}" for key, value in self.labels.items())
        return clean_line(named + (f" in {self.namespace}" if self.namespace else ""))

    def addresses(self, ctx: Context) -> dict[str, str]:
        """Where to connect to, by what to call it; nothing where nothing is there."""
        if self.host:
            return {f"{self.host} port {self.port}": self.host}
        if self.service:
            found = ctx.objects.get("Service", self.service, self.namespace)
            address = found.body["spec"].get("clusterIP") if found.ok else None
            return {f"service {self.service} in {self.namespace} port {self.port}": address} if address else {}
        return {f"{called(pod)} port {self.port}": pod["status"]["podIP"] for pod in self.pods(ctx)}

    def pods(self, ctx: Context) -> list[Manifest]:
        """The ready pods behind it that it names itself."""
        return Pods(namespace=self.namespace or "", labels=self.labels).running(ctx) if self.labels else []


class Flow(Strict):
    """``{from, to, control?}``: from every such pod, to every such target."""

    from_: Pods = Field(alias="from")
    """The pods that open the connection; they need ``nc`` of busybox."""
    to: Target
    """What they connect to."""
    control: Pods | None = None
    """For ``blocked`` and a target that is not a pod: pods that reach it, whatever the fix."""

    @property
    def has_control(self) -> bool:
        """Whether it can be seen that somebody is there."""
        return bool(self.to.labels) or self.control is not None


class Connect(ProbeSpec):
    """``connect: {flows: [{from, to, control?}, ...], expect}``."""

    kind: ClassVar[str] = "connect"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.KUBELET, Capability.NETWORK_POLICY})
    flows: tuple[Flow, ...] = Field(min_length=1, strict=False)
    """What is tried."""
    expect: Literal["connects", "blocked"]
    """Of every flow. ``blocked``: refused on the way, or never answered."""

    @model_validator(mode="after")
    def _has_controls(self) -> "Connect":
        if self.expect == "blocked" and not all(flow.has_control for flow in self.flows):
            raise ValueError("blocked needs a control, or a target that is a pod: else nobody may be there at all")
        return self

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if not ctx.once("network policies", lambda: Network(ctx.objects).measure()):
            raise CannotTell("network policies are not enforced here: a connection that one denies went through")
        asked = [call for flow in self.flows for call in self._asked(ctx, flow)]
        return together(asked)

    def _asked(self, ctx: Context, flow: Flow) -> list[Callable[[], Evidence]]:
        """What is to be found out about a flow; what is known already where something of it is missing."""
        pods, addresses = flow.from_.running(ctx), flow.to.addresses(ctx)
        if not pods:
            return [flow.from_.none_runs]
        if not addresses:
            told = f"What is there to connect to, {flow.to}?"
            return [partial(_same, Evidence(told, "something", "nothing", met=False))]
        if self.expect == "blocked" and (silent := list(_silent(ctx, flow, addresses))):
            return [partial(_same, evidence) for evidence in silent]
        return [partial(self._try, ctx, flow, pod, *where) for pod in pods for where in addresses.items()]

    def _try(self, ctx: Context, flow: Flow, pod: Manifest, name: str, address: str) -> Evidence:
        observed = _reach(ctx, pod, flow.from_.container_of(pod), address, flow.to.port)
        asked = clean_line(f"Does {called(pod)} reach {name}?")
        if observed == "the name is not resolved" and self.expect == "blocked":
            raise CannotTell(f"{asked} {observed}")
        return Evidence(asked, self.expect, observed, (observed == "connects") == (self.expect == "connects"))


def _same(evidence: Evidence) -> Evidence:
    return evidence


def _silent(ctx: Context, flow: Flow, addresses: dict[str, str]) -> Iterator[Evidence]:
    """Evidence of targets that do not answer where nothing is in between."""
    if flow.control is None:
        asked = [(pod, LOOPBACK, f"{called(pod)} itself") for pod in flow.to.pods(ctx)]
    else:
        running = flow.control.running(ctx)
        if not running:
            yield flow.control.none_runs()
        asked = [(running[0], address, name) for name, address in addresses.items() if running]
    for pod, address, name in asked:
        observed = _reach(ctx, pod, str(pod["spec"]["containers"][0]["name"]), address, flow.to.port)
        if observed != "connects":
            yield Evidence(clean_line(f"Does {called(pod)} find anybody at {name}?"), "connects", observed, met=False)


def _reach(ctx: Context, pod: Manifest, container: str, address: str, port: int) -> str:
    return _outcome(inside(ctx, pod, container, nc_words(address, port, SECONDS), SECONDS + 8.0))


def _outcome(ran: Ran) -> str:
    """What ``nc`` of busybox says, in our words.

    Raises:
        CannotTell: it says something else.

    """
    if ran.exit_code == 0:
        return "connects"
    said = ran.stderr.lower()
    for words, outcome in _SAID.items():
        if words in said:
            return outcome
    raise CannotTell(f"nc ended with {ran.exit_code}: {clean_line(ran.stderr, 200)}")


_SAID = {
    "refused": "refused",
    "timed out": "no answer",
    "timeout": "no answer",
    "unreachable": "rejected on the way",
    "not permitted": "rejected on the way",
    "bad address": "the name is not resolved",
}
