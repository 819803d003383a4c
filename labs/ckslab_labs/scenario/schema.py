"""JSON Schemas of the files that an author writes, so that an editor completes and checks them while they are typed.

They are made from the models that parse those files and from nothing else; the loader, which also knows the curriculum
and the folder, has the last word. The generated files are not edited by hand.
"""

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from ckslab_labs.scenario.curriculum import curriculum
from ckslab_labs.scenario.model import ProbeSpec, ScenarioFile, Suite

Schema = dict[str, Any]

SCENARIO_SCHEMA = "scenario.schema.json"
SUITE_SCHEMA = "suite.schema.json"
_GENERATED = "Generated from the models by ckslab_labs.scenario.schema.write_schemas; do not edit."


def scenario_schema(probes: Mapping[str, type[ProbeSpec]]) -> Schema:
    """The schema of ``scenario.yaml``.

    Args:
        probes: the kinds of probe; a check names exactly one of them.

    """
    schema, references = _schema(ScenarioFile, *probes.values())
    definitions = schema["$defs"]
    definitions["Check"] = _with_probes(definitions["Check"], probes, references)
    definitions.pop("ProbeSpec", None)
    metadata = definitions["Metadata"]["properties"]
    metadata["domain"]["enum"] = curriculum().domain_ids()
    metadata["competencies"]["items"]["enum"] = curriculum().competency_ids()
    return schema


def suite_schema() -> Schema:
    """The schema of ``suite.yaml``."""
    return _schema(Suite)[0]


def write_schemas(folder: Path, probes: Mapping[str, type[ProbeSpec]]) -> None:
    """Write both schemas into a folder, as ``scenario.schema.json`` and ``suite.schema.json``."""
    for name, schema in ((SCENARIO_SCHEMA, scenario_schema(probes)), (SUITE_SCHEMA, suite_schema())):
        (folder / name).write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")


class _Told(GenerateJsonSchema):
    """Pydantic's schema with a description of each field, and without a title, which only repeats its name.

    The descriptions are the fields' docstrings. Pydantic would read them whenever the models are imported, which every
    command would wait for.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: Any) -> Schema:
        described = super().model_schema(schema)
        for name, text in _docstrings(schema["cls"]).items():
            field = schema["cls"].model_fields[name]
            described["properties"][field.alias or name]["description"] = text
        return described


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each field of a model."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text)
        for field, after in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and field.target.id in model.model_fields
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(text := after.value.value, str)
    }


def _schema(root: type[BaseModel], *others: type[BaseModel]) -> tuple[Schema, dict[type[BaseModel], Schema]]:
    """The schema of ``root`` with the definitions of all, and a reference to each of the others."""
    models = [(model, "validation") for model in dict.fromkeys((root, *others))]
    references, shared = models_json_schema(models, by_alias=True, schema_generator=_Told)  # type: ignore[arg-type]
    definitions = shared["$defs"]
    top = definitions.pop(references[(root, "validation")]["$ref"].rsplit("/", 1)[1])
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": _GENERATED}
    return {**draft, **top, "$defs": definitions}, {model: references[(model, "validation")] for model in others}


def _with_probes(
    check: Schema, probes: Mapping[str, type[ProbeSpec]], references: Mapping[type[BaseModel], Schema]
) -> Schema:
    """A check's schema in which exactly one key names a probe and holds its parameters."""
    own = {key: value for key, value in check["properties"].items() if key != "probe"}
    kinds = {kind: {"description": _summary(model), **references[model]} for kind, model in probes.items()}
    return {
        **check,
        "properties": {**own, **kinds},
        "required": [key for key in check["required"] if key != "probe"],
        "oneOf": [{"required": [kind], "description": _summary(model)} for kind, model in probes.items()],
    }


def _summary(model: type[ProbeSpec]) -> str:
    """The first paragraph of a probe's docstring."""
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())
