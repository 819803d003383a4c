"""The generated schemas beside the scenarios are those of the models and probes of this checkout."""

from pathlib import Path

import pytest

from ckslab_checker.probes import PROBES
from ckslab_labs.scenario.schema import SCENARIO_SCHEMA, SUITE_SCHEMA, write_schemas

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
REGENERATE = "run: make schemas"


@pytest.mark.parametrize("name", [SCENARIO_SCHEMA, SUITE_SCHEMA])
def test_a_generated_schema_has_not_drifted_from_the_models(name: str, tmp_path: Path) -> None:
    write_schemas(tmp_path, PROBES)
    assert (SCENARIOS / name).read_text(encoding="utf-8") == (tmp_path / name).read_text(encoding="utf-8"), REGENERATE
