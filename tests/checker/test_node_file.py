from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster

from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.node_file import NodeFile

PATH = "/etc/kubernetes/audit/policy.yaml"


class Files:
    """A node with one file."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data

    def read(self, path: str) -> bytes | None:
        return self.data if path == PATH else None

    def put(self, files: Mapping[str, bytes | None]) -> None:
        raise NotImplementedError


def ask(data: bytes | None, node: bool = True, **parameters: Any) -> Evidence:
    probe = NodeFile.model_validate({"because": "it is a test", "path": PATH, **parameters})
    ctx = Context(FakeCluster([]), {}, Path("/nonexistent"), None, False, "seed", node=Files(data) if node else None)
    (evidence,) = probe.ask(ctx)
    return evidence


@pytest.mark.parametrize(("data", "observed"), [(b"", "yes"), (None, "no")])
def test_whether_a_file_is_there(data: bytes | None, observed: str) -> None:
    assert ask(data, exists=True) == Evidence(f"{PATH}: is it there?", "yes", observed, data is not None)


@pytest.mark.parametrize(
    ("data", "observed", "met"),
    [
        (b"rules: [{level: Metadata}]", '"Metadata"', True),
        (b"rules: [{level: None}]", '"None"', False),
        (b"rules: []", "not set", False),
        (b"rules: [", "not set", False),
        (None, "not set", False),
    ],
)
def test_a_value_in_a_file(data: bytes | None, observed: str, met: bool) -> None:
    evidence = ask(data, key=["rules", 0, "level"], equals="Metadata")
    assert evidence == Evidence(f"{PATH}: what is .rules[0].level?", '"Metadata"', observed, met)


def test_where_the_node_is_out_of_reach_nothing_can_be_told() -> None:
    with pytest.raises(CannotTell, match="out of reach"):
        ask(b"", node=False, exists=True)


@pytest.mark.parametrize("parameters", [{}, {"exists": True, "key": ["a"], "equals": 1}, {"key": ["a"]}, {"equals": 1}])
def test_one_question_at_a_time(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="give either exists, or key and equals"):
        ask(b"", **parameters)
