"""Whatever stands in place of any value of a sound scenario, the loader answers or refuses; it never breaks."""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ckslab_labs import strict_yaml
from ckslab_labs.scenario.loader import ScenarioProblems, load_scenario, load_suite
from ckslab_labs.scenario.model import ProbeSpec

INSTEAD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    "",
    "x/../y z\n",
    [],
    [[]],
    {},
    {"as": [1], "x": {}},
    ["as", {"id": 0}],
)


def places(value: Any, *path: int | str) -> Iterator[tuple[int | str, ...]]:
    """The place of every value in a document."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, *path, key)


def with_instead(document: Any, path: tuple[int | str, ...], value: Any) -> Any:
    """A copy of a document with another value at a place."""
    if not path:
        return value
    changed = copy.deepcopy(document)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@pytest.mark.parametrize("name", ["scenario.yaml", "suite.yaml"])
def test_any_value_in_any_place_is_answered_or_refused(
    name: str, good_scenario: Path, probes: Mapping[str, type[ProbeSpec]]
) -> None:
    document = strict_yaml.load((good_scenario / name).read_bytes(), source=name)
    accepted = 0
    refusals = []
    for path in places(document):
        for value in INSTEAD:
            (good_scenario / name).write_text(json.dumps(with_instead(document, path, value)))
            try:
                load_suite(load_scenario(good_scenario, probes))
                accepted += 1
            except ScenarioProblems as refused:
                refusals.append(refused)
    assert accepted < len(refusals)
    assert all(problem.message for refused in refusals for problem in refused.problems)
    assert not [refused for refused in refusals if "Input should" in str(refused)], "pydantic's own words"
