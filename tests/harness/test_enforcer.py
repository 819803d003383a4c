"""What the node image's enforcer writes for policies: each rule by its text. What it does is in tests/kind."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.kind.node_image.enforcer.rules import matches, ruleset, types

Object = dict[str, Any]

NAMESPACES: list[Object] = [
    {"metadata": {"name": "shop", "labels": {"team": "shop"}}},
    {"metadata": {"name": "ops", "labels": {"team": "ops"}}},
    {"metadata": {"name": "bare"}},
]


def pod(namespace: str, name: str, address: str, *ports: Object, **spec: object) -> Object:
    return {
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "ports": list(ports)}], **spec},
        "status": {"phase": "Running", "podIP": address} if address else {"phase": "Pending"},
    }


def named(name: str, number: int, **more: str) -> Object:
    return {"name": name, "containerPort": number, **more}


WEB = pod("shop", "web", "10.244.0.2", named("http", 80), named("dns", 53, protocol="UDP"))
DB = pod("shop", "db", "10.244.0.3", named("http", 8080))
MONITOR = pod("ops", "monitor", "10.244.0.4")
STRANGER = pod("bare", "monitor", "10.244.0.5", named("http", 9000))
PODS = [WEB, DB, MONITOR, STRANGER]


def policy(namespace: str = "shop", app: str = "web", **spec: object) -> Object:
    return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {"matchLabels": {"app": app}}, **spec}}


def lines(policies: Sequence[Object], pods: Sequence[Object] = PODS) -> list[str]:
    return ruleset(pods, NAMESPACES, policies).splitlines()


def chain(name: str, policies: Sequence[Object], pods: Sequence[Object] = PODS) -> list[str] | None:
    """The rules of a chain, without those that each one has; nothing where there is no such chain."""
    written = lines(policies, pods)
    if f"chain {name} {{" not in written:
        return None
    start = written.index(f"chain {name} {{") + 1
    first, *rules, last = written[start : written.index("}", start)]
    side = "saddr" if name.startswith("ingress") else "daddr"
    assert (first, last) == (f"ip {side} {name.partition('-')[2]} return", "drop")
    return rules


def ingress(*rules: Object) -> list[str] | None:
    return chain("ingress-10.244.0.2", [policy(ingress=list(rules))])


def egress(*rules: Object) -> list[str] | None:
    return chain("egress-10.244.0.2", [policy(egress=list(rules), policyTypes=["Egress"])])


def test_without_a_policy_nothing_is_dropped() -> None:
    assert lines([]) == [
        "table ip network-policies {}",
        "delete table ip network-policies",
        "table ip network-policies {",
        "set pods {",
        "type ipv4_addr;",
        "elements = { 10.244.0.2, 10.244.0.3, 10.244.0.4, 10.244.0.5 }",
        "}",
        "chain forward {",
        "type filter hook forward priority filter;",
        "ct state established,related accept",
        "}",
        "}",
    ]


def test_a_policy_makes_the_chains_of_the_pods_that_it_isolates_and_cuts_off_who_is_not_known() -> None:
    written = lines([policy(policyTypes=["Ingress", "Egress"])])
    assert written[written.index("chain egress-10.244.0.2 {") :] == [
        "chain egress-10.244.0.2 {",
        "ip daddr 10.244.0.2 return",
        "drop",
        "}",
        "chain ingress-10.244.0.2 {",
        "ip saddr 10.244.0.2 return",
        "drop",
        "}",
        "chain forward {",
        "type filter hook forward priority filter;",
        "ct state established,related accept",
        'iifname "veth*" ip saddr != @pods drop',
        "ip saddr vmap { 10.244.0.2 : jump egress-10.244.0.2 }",
        'oifname "veth*" ip daddr 10.244.0.0/16 ip daddr != @pods drop',
        "ip daddr vmap { 10.244.0.2 : jump ingress-10.244.0.2 }",
        "}",
        "}",
    ]


def test_a_set_without_pods_has_no_elements() -> None:
    assert "elements" not in ruleset([], NAMESPACES, [policy()])


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ["Ingress"]),
        ({"ingress": [{}]}, ["Ingress"]),
        ({"egress": []}, ["Ingress"]),
        ({"egress": [{}]}, ["Ingress", "Egress"]),
        ({"egress": [{}], "policyTypes": ["Egress"]}, ["Egress"]),
        ({"egress": [{}], "policyTypes": ["Ingress"]}, ["Ingress"]),
    ],
)
def test_without_types_a_policy_is_for_ingress_and_for_egress_if_it_has_such_rules(
    spec: Object, expected: list[str]
) -> None:
    assert types({"spec": spec}) == expected


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, {"a": "1"}, False),
    ],
)
def test_a_selector_is_met_when_all_its_parts_are(selector: Object, labels: Mapping[str, str], expected: bool) -> None:
    assert matches(selector, labels) is expected


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown operator Near"):
        matches({"matchExpressions": [{"key": "a", "operator": "Near"}]}, {})


def test_a_policy_isolates_pods_of_its_own_namespace_only_and_an_empty_selector_all_of_them() -> None:
    everybody: Object = {"metadata": {"namespace": "shop"}, "spec": {"podSelector": {}}}
    found = [line for line in lines([everybody]) if line.startswith("chain ingress")]
    assert found == ["chain ingress-10.244.0.2 {", "chain ingress-10.244.0.3 {"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, ["return"]),
        ({"from": [], "ports": []}, ["return"]),
        ({"from": [{"podSelector": {}}]}, ["ip saddr { 10.244.0.2, 10.244.0.3 } return"]),
        ({"from": [{"podSelector": {"matchLabels": {"app": "monitor"}}}]}, []),
        (
            {"from": [{"namespaceSelector": {}}]},
            ["ip saddr { 10.244.0.2, 10.244.0.3, 10.244.0.4, 10.244.0.5 } return"],
        ),
        ({"from": [{"namespaceSelector": {"matchLabels": {"team": "ops"}}}]}, ["ip saddr { 10.244.0.4 } return"]),
        (
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"team": "shop"}},
                        "podSelector": {"matchLabels": {"app": "db"}},
                    }
                ]
            },
            ["ip saddr { 10.244.0.3 } return"],
        ),
        (
            {
                "from": [
                    {"namespaceSelector": {"matchLabels": {"team": "ops"}}},
                    {"podSelector": {"matchLabels": {"app": "db"}}},
                ]
            },
            ["ip saddr { 10.244.0.4 } return", "ip saddr { 10.244.0.3 } return"],
        ),
        (
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.1.2.0/24"]}}]},
            ["ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 ip saddr != 10.1.2.0/24 return"],
        ),
        ({"from": [{"ipBlock": {"cidr": "10.0.0.7/8"}}]}, ["ip saddr 10.0.0.0/8 return"]),
        ({"from": [{"ipBlock": {"cidr": "fd00::/8"}}]}, []),
    ],
)
def test_whom_an_ingress_rule_lets_in(rule: Object, expected: list[str]) -> None:
    assert ingress(rule) == expected


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"port": 80}, ["tcp dport 80 return"]),
        ({"port": 53, "protocol": "UDP"}, ["udp dport 53 return"]),
        ({"port": 7, "protocol": "SCTP"}, ["sctp dport 7 return"]),
        ({"protocol": "UDP"}, ["ip protocol udp return"]),
        ({"port": 8000, "endPort": 8090}, ["tcp dport 8000-8090 return"]),
        ({"port": "http"}, ["tcp dport 80 return"]),
        ({"port": "dns"}, []),
        ({"port": "dns", "protocol": "UDP"}, ["udp dport 53 return"]),
        ({"port": "nowhere"}, []),
    ],
)
def test_which_port_an_ingress_rule_opens(port: Object, expected: list[str]) -> None:
    assert ingress({"ports": [port]}) == expected


def test_a_rule_opens_each_of_its_ports_to_each_of_its_peers() -> None:
    peers = [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"podSelector": {"matchLabels": {"app": "db"}}}]
    assert ingress({"from": peers, "ports": [{"port": 1}, {"port": 2}]}) == [
        "ip saddr 10.0.0.0/8 tcp dport 1 return",
        "ip saddr 10.0.0.0/8 tcp dport 2 return",
        "ip saddr { 10.244.0.3 } tcp dport 1 return",
        "ip saddr { 10.244.0.3 } tcp dport 2 return",
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"to": [{"podSelector": {}}]}, ["ip daddr { 10.244.0.2, 10.244.0.3 } return"]),
        ({"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": "http"}]}, []),
        (
            {"to": [{"podSelector": {}}], "ports": [{"port": "http"}]},
            ["ip daddr { 10.244.0.2 } tcp dport 80 return", "ip daddr { 10.244.0.3 } tcp dport 8080 return"],
        ),
        (
            {"ports": [{"port": "http"}]},
            [
                "ip daddr { 10.244.0.2 } tcp dport 80 return",
                "ip daddr { 10.244.0.3 } tcp dport 8080 return",
                "ip daddr { 10.244.0.5 } tcp dport 9000 return",
            ],
        ),
    ],
)
def test_a_named_port_in_an_egress_rule_is_that_of_the_pod_that_is_called(rule: Object, expected: list[str]) -> None:
    assert egress(rule) == expected


def test_policies_add_up() -> None:
    both = [policy(ingress=[{"ports": [{"port": 80}]}]), policy(ingress=[{"ports": [{"port": 81}]}]), policy()]
    assert chain("ingress-10.244.0.2", both) == ["tcp dport 80 return", "tcp dport 81 return"]


def test_the_directions_are_isolated_apart() -> None:
    only = [policy(policyTypes=["Egress"])]
    assert chain("egress-10.244.0.2", only) == []
    assert chain("ingress-10.244.0.2", only) is None


@pytest.mark.parametrize(
    "other",
    [
        pod("shop", "web", "172.18.0.2", hostNetwork=True),
        pod("shop", "web", ""),
        pod("gone", "web", "10.244.0.9"),
        {**pod("shop", "web", "10.244.0.9"), "status": {"phase": "Succeeded", "podIP": "10.244.0.9"}},
        {**pod("shop", "web", "10.244.0.9"), "status": {"phase": "Failed", "podIP": "10.244.0.9"}},
    ],
)
def test_a_pod_without_an_address_of_its_own_is_neither_isolated_nor_a_peer(other: Object) -> None:
    policies = [policy(ingress=[{"from": [{"podSelector": {}}]}])]
    assert lines(policies, [*PODS, other]) == lines(policies)


def test_a_sidecars_ports_have_names_and_another_init_containers_have_not() -> None:
    inits = [
        {"name": "side", "restartPolicy": "Always", "ports": [named("side", 1)]},
        {"name": "before", "ports": [named("before", 2)]},
    ]
    rules = [{"ports": [{"port": "side"}, {"port": "before"}]}]
    found = chain(
        "ingress-10.244.0.2", [policy(ingress=rules)], [pod("shop", "web", "10.244.0.2", initContainers=inits)]
    )
    assert found == ["tcp dport 1 return"]
