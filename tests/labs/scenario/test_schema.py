"""The JSON Schemas say what the loader says: they are made from the same models."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ckslab_labs.scenario.curriculum import curriculum
from ckslab_labs.scenario.model import ProbeSpec
from ckslab_labs.scenario.schema import scenario_schema, suite_schema, write_schemas

Probes = Mapping[str, type[ProbeSpec]]


@pytest.fixture
def schema(probes: Probes) -> dict[str, Any]:
    return scenario_schema(probes)


def test_a_check_names_exactly_one_kind_of_probe(schema: dict[str, Any]) -> None:
    check = schema["$defs"]["Check"]
    assert list(check["properties"]) == ["id", "title", "why", "points", "keeps", "can-i", "no-new-powers"]
    assert check["required"] == ["id", "title", "why"]
    assert check["additionalProperties"] is False
    assert check["oneOf"] == [
        {"required": ["can-i"], "description": "Ask who may do what."},
        {"required": ["no-new-powers"], "description": "Ask whether anybody can do more than before."},
    ]


def test_the_parameters_of_a_probe_are_those_of_its_model(schema: dict[str, Any]) -> None:
    assert schema["$defs"]["Check"]["properties"]["can-i"] == {
        "description": "Ask who may do what.",
        "$ref": "#/$defs/CanI",
    }
    parameters = schema["$defs"]["CanI"]
    assert list(parameters["properties"]) == ["as", "verbs", "expect", "limit"]
    assert parameters["required"] == ["as", "verbs", "expect"]


def test_domains_and_competencies_are_those_of_the_curriculum(schema: dict[str, Any]) -> None:
    metadata = schema["$defs"]["Metadata"]["properties"]
    assert metadata["domain"]["enum"] == curriculum().domain_ids()
    assert metadata["competencies"]["items"]["enum"] == curriculum().competency_ids()


def test_keys_are_explained_to_the_author(schema: dict[str, Any]) -> None:
    description = "Holds before the fix and after; no points, but without it the score is 0."
    assert schema["$defs"]["Check"]["properties"]["keeps"]["description"] == description


def test_a_suite_is_described_with_the_names_that_yaml_uses() -> None:
    action = suite_schema()["$defs"]["Action"]
    assert list(action["properties"]) == ["apply", "replace", "delete", "patch", "put-file", "node-file", "as"]
    assert action["additionalProperties"] is False


@pytest.mark.parametrize("of", ["scenario", "suite"])
def test_every_reference_leads_somewhere(of: str, probes: Probes) -> None:
    schema = scenario_schema(probes) if of == "scenario" else suite_schema()
    references = json.dumps(schema).split('"$ref": "#/$defs/')[1:]
    names = {reference.split('"')[0] for reference in references}
    assert names
    assert names <= set(schema["$defs"])


def test_both_schemas_are_written_the_same_every_time(tmp_path: Path, probes: Probes) -> None:
    write_schemas(tmp_path, probes)
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    write_schemas(tmp_path, probes)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    assert sorted(first) == ["scenario.schema.json", "suite.schema.json"]
    assert json.loads(first["suite.schema.json"]) == suite_schema()
