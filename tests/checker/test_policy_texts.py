"""Which texts a policy goes by: CEL's literals to the letter, parameters, and examples of regular expressions."""

from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster

from ckslab_checker.policy_texts import example, quoted, texts
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Response


@pytest.mark.parametrize(
    ("expression", "literals"),
    [
        ("request.?name.orValue('') == '' || 'break-glass' in groups", ["", "", "break-glass"]),
        ("groups.join(', ').contains('x')", [", ", "x"]),
        (r"""name == "it's" || name == 'say "no"'""", ["it's", 'say "no"']),
        (r"'system\u003aserviceaccount' == r'a\d'", ["system:serviceaccount", r"a\d"]),
        ("'''a'b''' + 'c'", ["a'b", "c"]),
        (r"'a\'b'", ["a'b"]),
        ("size(x) > 1", []),
    ],
)
def test_literals_are_read_as_cel_reads_them(expression: str, literals: list[str]) -> None:
    assert quoted(expression) == literals


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("^system:serviceaccount:ops-[a-z]+:", "system:serviceaccount:ops-a:"),
        ("^tools[.]example[.]com/", "tools.example.com/"),
        ("^report-[0-9]+$", "report-0"),
        (r"a\.b|c", "a.b"),
        ("break-glass", "break-glass"),
    ],
)
def test_a_plain_pattern_has_an_example(pattern: str, matched: str) -> None:
    assert example(pattern) == matched


class WithParameters(FakeCluster):
    """A cluster that holds ConfigMaps for policies to read."""

    def request(self, method: str, path: str, body: Any = None, **others: Any) -> Response:
        if path.endswith("/configmaps"):
            data = {"spared": "robot, cat", "certificate": "a\nb"}
            metadata = [{"name": name, "namespace": "default"} for name in ("list", "other")]
            return Response(200, {"items": [{"metadata": each, "data": data} for each in metadata]})
        return super().request(method, path, body, **others)


def test_parameters_are_read_and_what_cannot_be_sent_is_left_out() -> None:
    taken = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, "validations": [{"expression": "'x' == ''"}]}
    binding = {"spec": {"policyName": "p", "paramRef": {"name": "list", "namespace": "default"}}}
    found: dict[str, Any] = {
        "ValidatingAdmissionPolicy": [{"metadata": {"name": "p"}, "spec": taken}],
        "ValidatingAdmissionPolicyBinding": [binding],
    }
    assert texts(found, Objects(WithParameters([]))) == ["x", "robot, cat", "robot", "cat", "a", "b"]
