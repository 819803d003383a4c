"""Scenarios are found by id, bundled and in packs; what cannot be found is told with the nearest name."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ckslab_labs.errors import ExitCode, InvalidInput
from ckslab_labs.scenario import catalogue
from ckslab_labs.scenario.catalogue import Catalogue, bundled_root
from ckslab_labs.scenario.model import ProbeSpec
from ckslab_labs.scenario.problems import ScenarioProblems

Make = Callable[[Path], Path]
Probes = Mapping[str, type[ProbeSpec]]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, make_scenario: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundled root of two scenarios, and what else lies about there."""
    root = tmp_path / "bundled"
    make_scenario(root / "open-door")
    make_scenario(root / "loose-window")
    (root / "scenario.schema.json").write_text("{}")
    (root / ".cache").mkdir()
    monkeypatch.setattr(catalogue, "bundled_root", lambda: root)
    return root


@pytest.fixture
def pack(tmp_path: Path, make_scenario: Make) -> Path:
    make_scenario(tmp_path / "workshop" / "cellar-hatch")
    return tmp_path / "workshop"


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value)


def test_ids_are_the_names_of_folders_with_packs_after_the_bundled_ones(probes: Probes, pack: Path) -> None:
    assert Catalogue(probes, [pack]).ids() == ["loose-window", "open-door", "workshop/cellar-hatch"]


def test_listing_ids_reads_no_file(probes: Probes, root: Path) -> None:
    (root / "open-door" / "scenario.yaml").write_text("[" * 20_000)
    assert Catalogue(probes).ids() == ["loose-window", "open-door"]


def test_a_scenario_is_read_by_its_id(probes: Probes, pack: Path, root: Path) -> None:
    scenarios = Catalogue(probes, [pack])
    assert scenarios.get("open-door").folder == root / "open-door"
    assert scenarios.get("workshop/cellar-hatch").id == "workshop/cellar-hatch"
    assert [scenario.id for scenario in scenarios.all()] == scenarios.ids()


def test_an_unknown_id_is_told_with_the_nearest(probes: Probes) -> None:
    message = (
        'cannot open the scenario "open-dor": there is none of that id. Did you mean "open-door"? '
        "See ckslab list for all."
    )
    assert refusal(lambda: Catalogue(probes).get("open-dor")) == message


@pytest.mark.parametrize("id", ["zzz", "", "../../etc", ".cache"])
def test_an_id_like_no_other_is_told_without_a_guess(id: str, probes: Probes) -> None:
    message = f'cannot open the scenario "{id}": there is none of that id. See ckslab list for all.'
    assert refusal(lambda: Catalogue(probes).get(id)) == message


def test_a_broken_scenario_hides_no_other(probes: Probes, root: Path) -> None:
    (root / "open-door" / "scenario.yaml").rename(root / "open-door" / "scenario.yml")
    scenarios = Catalogue(probes)
    assert [scenario.id for scenario in scenarios.sound()] == ["loose-window"]
    [broken] = scenarios.broken()
    assert [str(problem) for problem in broken.problems] == [
        "scenario.yaml: is missing",
        'scenario.yml: may not be in a scenario folder; did you mean "scenario.yaml"?',
    ]
    with pytest.raises(ScenarioProblems):
        scenarios.all()


def test_packs_of_the_environment_are_added_once(
    probes: Probes, pack: Path, tmp_path: Path, make_scenario: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_scenario(tmp_path / "evening" / "attic")
    monkeypatch.setenv("CKSLAB_PACKS", f"{pack}{os.pathsep}{tmp_path / 'evening'}{os.pathsep}")
    ids = ["loose-window", "open-door", "workshop/cellar-hatch", "evening/attic"]
    assert Catalogue(probes, [pack]).ids() == ids


def test_a_pack_given_as_the_current_folder_has_a_name(
    probes: Probes, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pack)
    assert Catalogue(probes, [Path()]).ids()[-1] == "workshop/cellar-hatch"


def test_a_pack_that_is_not_there_is_refused(probes: Probes, tmp_path: Path) -> None:
    message = (
        f"cannot use the pack {tmp_path}/nowhere: there is no such folder. "
        "Give the folder that holds the scenario folders."
    )
    assert refusal(lambda: Catalogue(probes, [tmp_path / "nowhere"])) == message


def test_a_scenario_given_as_a_pack_is_refused(probes: Probes, pack: Path) -> None:
    message = f"cannot use the pack {pack}/cellar-hatch: it is a scenario itself. Give the folder that holds it."
    assert refusal(lambda: Catalogue(probes, [pack / "cellar-hatch"])) == message


def test_a_pack_whose_name_cannot_be_part_of_an_id_is_refused(probes: Probes, tmp_path: Path) -> None:
    (tmp_path / "My Pack").mkdir()
    message = (
        f'cannot use the pack {tmp_path}/My Pack: its name "My Pack" cannot be part of an id. '
        'Rename it: lower-case letters, digits and "-"; it is the first part of every id in it.'
    )
    assert refusal(lambda: Catalogue(probes, [tmp_path / "My Pack"])) == message


def test_two_packs_of_the_same_name_are_refused(probes: Probes, pack: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "workshop"
    other.mkdir(parents=True)
    message = f"cannot use the pack {other}: the pack {pack} has the same name. Rename one of the two folders."
    assert refusal(lambda: Catalogue(probes, [pack, other])) == message


def test_the_bundled_root_is_the_checkouts_scenarios_folder() -> None:
    assert bundled_root() == Path(__file__).resolve().parents[3] / "scenarios"


def test_the_bundled_root_of_a_wheel_lies_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ckslab_labs" / "_scenarios").mkdir(parents=True)
    monkeypatch.setattr(catalogue, "__file__", str(tmp_path / "ckslab_labs" / "scenario" / "catalogue.py"))
    assert bundled_root() == tmp_path / "ckslab_labs" / "_scenarios"
