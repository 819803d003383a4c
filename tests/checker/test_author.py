from pathlib import Path

import pytest

from ckslab_checker import author
from ckslab_checker.lint import lint_folder
from ckslab_checker.probes import PROBES
from ckslab_checker.suite import run_suite
from ckslab_labs.errors import InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.loader import load_scenario


def test_a_new_scenario_loads_and_only_says_what_is_left_to_write(tmp_path: Path) -> None:
    folder = author.new(tmp_path / "pack", "secrets-for-all")
    assert folder == tmp_path / "pack/secrets-for-all"
    assert load_scenario(folder, PROBES).id == "secrets-for-all"
    assert {finding.rule for finding in lint_folder(folder)} == {"nothing-is-left-to-do"}


@pytest.mark.parametrize("id", ["", "Upper", "../out", "a b", "-x", "x" * 64, "a/b"])
def test_what_is_no_id_is_refused(tmp_path: Path, id: str) -> None:
    with pytest.raises(InvalidInput, match="an id is made of"):
        author.new(tmp_path, id)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(InvalidInput, match="exists"):
        author.new(tmp_path, "taken")
    assert list((tmp_path / "taken").iterdir()) == []


@pytest.mark.plane
def test_a_new_scenarios_suite_comes_true(tmp_path: Path, lab: Lab) -> None:
    result = run_suite(load_scenario(author.new(tmp_path, "sample"), PROBES), [lab])
    assert [case.mismatches for case in result.cases if not case.ok] == []
    assert (len(result.cases), result.ok) == (7, True)
