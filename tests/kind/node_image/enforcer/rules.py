"""What NetworkPolicies mean, as rules of the node's packet filter.

The meaning: https://kubernetes.io/docs/concepts/services-networking/network-policies/ ("the page" below) and
https://kubernetes.io/docs/reference/kubernetes-api/networking/network-policy-v1/. The rules:
https://www.netfilter.org/projects/nftables/manpage.html.

Every packet between two pods, or a pod and the world, is forwarded by the node, and kube-proxy has put a pod's address
in place of a Service's before. What the node itself sends or takes is not forwarded, so it is always allowed, as the
page has it.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
"""As the API server gives it: with defaults, and without fields that are empty."""
Labels = Mapping[str, str]

TABLE = "network-policies"
PODS = "10.244.0.0/16"
"""Where pods have their addresses: kind's default, of which the network plugin gives out a part."""


@dataclass(frozen=True)
class Direction:
    """One of the two ways that a pod is isolated in, apart from the other."""

    type: str
    peers: str
    """Where a rule names the far ends."""
    far: str
    """Where a packet has the far end's address,"""
    near: str
    """and where the pod's own."""
    interface: str
    """By which of its interfaces the node is connected with the pod."""
    unknown: str
    """A packet's address that should be a pod's and is none's that we know."""

    def chain(self, address: str) -> str:
        """The name of a pod's chain."""
        return f"{self.type.lower()}-{address}"


EGRESS = Direction("Egress", "to", far="daddr", near="saddr", interface="iifname", unknown="ip saddr != @pods")
INGRESS = Direction(
    "Ingress", "from", far="saddr", near="daddr", interface="oifname", unknown=f"ip daddr {PODS} ip daddr != @pods"
)
"""To a pod there may be a way for addresses besides its own, such as those of a world outside that it plays."""


@dataclass(frozen=True)
class Pod:
    """What policies look at in a pod; ``ports`` are the numbers of its named ports, by name and protocol."""

    namespace: str
    labels: Labels
    address: str
    ports: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Peer:
    """The far end of a rule: conditions on its address, none for everybody, and the pods that it is known to hold."""

    conditions: tuple[str, ...]
    pods: tuple[Pod, ...]

    def match(self, side: str) -> str:
        """The conditions, as a part of the packet filter's rule; ``side`` is ``saddr`` or ``daddr``."""
        return " ".join(f"ip {side} {condition}" for condition in self.conditions)


@dataclass(frozen=True)
class World:
    """All pods that policies apply to, and the labels of all namespaces."""

    pods: tuple[Pod, ...]
    namespaces: Mapping[str, Labels]

    def select(self, peer: Object, namespace: str) -> tuple[Pod, ...]:
        """The pods of a peer's selectors. Both in one peer must match; without the one for namespaces, only ours does.

        Args:
            peer: with a ``podSelector``, a ``namespaceSelector``, or both.
            namespace: the policy's.

        """
        spaces, pods = peer.get("namespaceSelector"), peer.get("podSelector", {})
        return tuple(
            pod
            for pod in self.pods
            if (pod.namespace == namespace if spaces is None else matches(spaces, self.namespaces[pod.namespace]))
            and matches(pods, pod.labels)
        )


def ruleset(pods: Iterable[Object], namespaces: Iterable[Object], policies: Iterable[Object]) -> str:
    """The packet filter's rules for a state of the cluster.

    Two maps lead from addresses of isolated pods to a chain for each; a packet must come back from both. As soon as
    there is a policy, pods that are not known yet are cut off: the page demands that isolation be effective "from the
    very first instant", and allows that a new pod has no connectivity at first.

    Args:
        pods: every pod, as the API server lists it.
        namespaces: every namespace.
        policies: every NetworkPolicy.

    Returns:
        One transaction for ``nft -f -``, which replaces the rules of before.

    """
    labels = {item["metadata"]["name"]: item["metadata"].get("labels", {}) for item in namespaces}
    world = World(tuple(pod for item in pods for pod in _pods(item) if pod.namespace in labels), labels)
    chosen = list(policies)
    elements = [f"elements = {_among(world.pods)}"] if world.pods else []
    parts = [*_block("set pods", ["type ipv4_addr;", *elements])]
    forward = ["type filter hook forward priority filter;", "ct state established,related accept"]
    for way in (EGRESS, INGRESS):
        isolated = {pod.address: rules for pod in world.pods if (rules := list(_rules(way, pod, chosen, world)))}
        for address, rules in isolated.items():
            parts += _block(f"chain {way.chain(address)}", rules)
        forward += _jumps(way, isolated) if chosen else []
    parts += _block("chain forward", forward)
    # An empty table first, so that there is one to delete.
    return "\n".join([f"table ip {TABLE} {{}}", f"delete table ip {TABLE}", *_block(f"table ip {TABLE}", parts), ""])


def _jumps(way: Direction, isolated: Iterable[str]) -> Iterator[str]:
    """The ends of pods that lie on the node have names with veth (the ptp plugin's)."""
    yield f'{way.interface} "veth*" {way.unknown} drop'
    if targets := ", ".join(f"{address} : jump {way.chain(address)}" for address in isolated):
        yield f"ip {way.near} vmap {{ {targets} }}"


def _block(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield from (f"{name} {{", *lines, "}")


def _among(pods: Iterable[Pod]) -> str:
    return f"{{ {', '.join(dict.fromkeys(pod.address for pod in pods))} }}"


def types(policy: Object) -> Sequence[str]:
    """The directions that a policy isolates: without ``policyTypes``, Ingress, and Egress if it has egress rules."""
    spec = policy["spec"]
    given: Sequence[str] = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return given


def matches(selector: Object, labels: Labels) -> bool:
    """Whether labels meet a selector; an empty one is met by all.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
    """
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return equal and all(_holds(expression, labels) for expression in selector.get("matchExpressions", ()))


def _holds(expression: Object, labels: Labels) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":  # also met where the label is missing
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case unknown:
            raise ValueError(f"unknown operator {unknown}")


def _pods(item: Object) -> Iterator[Pod]:
    """The pod, where it has an address of its own: one in the node's network counts as the node (the page)."""
    spec, status, metadata = item["spec"], item.get("status", {}), item["metadata"]
    ended = status.get("phase") in ("Succeeded", "Failed")  # its address may be another pod's by now
    if spec.get("hostNetwork") or ended or not status.get("podIP"):
        return
    sidecars = [one for one in spec.get("initContainers", ()) if one.get("restartPolicy") == "Always"]
    ports = {
        (port["name"], port.get("protocol", "TCP")): port["containerPort"]
        for container in (*spec["containers"], *sidecars)
        for port in container.get("ports", ())
        if "name" in port
    }
    yield Pod(metadata["namespace"], metadata.get("labels", {}), status["podIP"], ports)


def _rules(way: Direction, pod: Pod, policies: Iterable[Object], world: World) -> Iterator[str]:
    """What the policies together allow a pod in one direction, the rest being dropped; nothing if none isolates it."""
    isolating = [policy for policy in policies if way.type in types(policy) and _selects(policy, pod)]
    if not isolating:
        return
    yield f"ip {way.far} {pod.address} return"  # a pod cannot block access to itself (the page)
    for policy in isolating:
        for rule in policy["spec"].get(way.type.lower(), ()):
            for peer in _peers(rule.get(way.peers), policy["metadata"]["namespace"], world):
                for far, port in _ports(way, pod, peer, rule.get("ports")):
                    yield " ".join(part for part in (far.match(way.far), port, "return") if part)
    yield "drop"


def _selects(policy: Object, pod: Pod) -> bool:
    ours = policy["metadata"]["namespace"] == pod.namespace
    return ours and matches(policy["spec"].get("podSelector", {}), pod.labels)


def _peers(given: Sequence[Object] | None, namespace: str, world: World) -> Iterator[Peer]:
    """The far ends of a rule: everybody where none is given, and none where nobody is found."""
    if not given:
        yield Peer((), world.pods)
    for peer in given or ():
        if "ipBlock" in peer:
            yield from _addresses(peer["ipBlock"])
        elif found := world.select(peer, namespace):
            yield _holding(*found)


def _holding(*pods: Pod) -> Peer:
    return Peer((_among(pods),), pods)


def _addresses(block: Object) -> Iterator[Peer]:
    """Addresses without some of them. This node has none of IPv6."""
    whole, *parts = (ipaddress.ip_network(text, strict=False) for text in (block["cidr"], *block.get("except", ())))
    if whole.version == 4:
        yield Peer((str(whole), *(f"!= {part}" for part in parts)), ())


def _ports(way: Direction, pod: Pod, peer: Peer, ports: Sequence[Object] | None) -> Iterator[tuple[Peer, str]]:
    """Far ends, each with a condition on the port. A port's name means what the pod that is called makes of it."""
    for port in ports or (None,):
        if port is None:
            yield peer, ""
        elif isinstance(name := port.get("port"), str):
            called = [(peer, pod)] if way is INGRESS else [(_holding(other), other) for other in peer.pods]
            for far, target in called:
                if number := target.ports.get((name, port.get("protocol", "TCP"))):
                    yield far, _port({**port, "port": number})
        else:
            yield peer, _port(port)


def _port(port: Object) -> str:
    """One port, those from one to another, or without any every port of the protocol."""
    protocol = port.get("protocol", "TCP").lower()
    if "port" not in port:
        return f"ip protocol {protocol}"
    return f"{protocol} dport {port['port']}" + (f"-{port['endPort']}" if "endPort" in port else "")
