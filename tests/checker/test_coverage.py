"""The page on the guide's coverage follows its data, and its data follows the scenarios."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ckslab_checker.catalogue import catalogue
from ckslab_checker.coverage import Guide, Line, Part, page, read
from ckslab_labs.scenario.model import Scenario

ROOT = Path(__file__).parents[2]
GUIDE = read(ROOT / "docs" / "guide.yaml")
OF_THE_GUIDE = [scenario for scenario in catalogue().all() if scenario.metadata.guide]
LINE = {"name": "L", "truth": "right"}
PART = {"id": "p", "name": "P", "truth": "so", "works": "no", "scenarios": []}


def test_the_page_is_made_of_the_data() -> None:
    assert (ROOT / "docs" / "guide-coverage.md").read_text(encoding="utf-8") == page(GUIDE), "run `make coverage`"


def test_every_scenario_that_is_named_is_there() -> None:
    named = {scenario for line in GUIDE.lines() for scenario in line.scenarios}
    assert named <= set(catalogue().ids())


@pytest.mark.parametrize("scenario", OF_THE_GUIDE, ids=lambda scenario: scenario.id)
def test_a_scenario_of_the_guide_is_listed_at_its_part(scenario: Scenario) -> None:
    of = scenario.metadata.guide
    lines: list[Line] = [part for section in GUIDE.sections for part in section.parts if of in (section.id, part.id)]
    lines += GUIDE.checklist if of == "checklist" else []
    assert lines, f"the guide has no {of}"
    assert scenario.id in {each for line in lines for each in line.scenarios}


def test_what_has_no_scenario_is_told() -> None:
    section = {"id": "s", "title": "S", "parts": [PART]}
    text = page(Guide.model_validate({"sections": [section], "checklist": [{**LINE, "scenarios": ["a"]}]}))
    assert "1 of 2 parts and lines have a scenario." in text
    assert "| P | no | so | none yet |" in text
    assert "[a](../scenarios/a/task.md)" in text


def test_a_part_works_or_does_not() -> None:
    with pytest.raises(ValidationError, match="works"):
        Part.model_validate({**PART, "works": "perhaps"})
