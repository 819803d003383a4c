"""What is shown of the catalogue for what somebody types and chooses."""

from dataclasses import replace

import pytest
from tests.tui.fakes import ENTRY, OTHER

from ckslab_tui.filtering import Filter, choices
from ckslab_tui.views import Catalogue, Standing, State

PACKED = replace(ENTRY, id="mine/wide-window", title="A window is wide open", difficulty="warm-up")
CATALOGUE = Catalogue((ENTRY, OTHER, PACKED), standings={OTHER.id: Standing(State.PASSED, 5, 60.0, 1)})


def ids(wanted: Filter) -> list[str]:
    return [entry.id for entry in wanted.select(CATALOGUE)]


def chosen(*pairs: tuple[str, str]) -> Filter:
    return Filter(chosen=frozenset(pairs))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [ENTRY.id, OTHER.id, PACKED.id]),
        ("   ", [ENTRY.id, OTHER.id, PACKED.id]),
        ("DOOR", [ENTRY.id]),
        ("open the", [ENTRY.id]),
        ("open wide", [PACKED.id]),
        ("system hard", [OTHER.id]),
        ("rbac", [ENTRY.id, PACKED.id]),
        ("mine/", [PACKED.id]),
        ("[@click=app.quit]", []),
        ("x" * 10_000, []),
    ],
)
def test_every_word_that_is_typed_must_occur(text: str, found: list[str]) -> None:
    assert ids(Filter(text)) == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (chosen(("domain", "System Hardening")), [OTHER.id]),
        (chosen(("difficulty", "exam"), ("difficulty", "hard")), [ENTRY.id, OTHER.id]),
        (chosen(("difficulty", "exam"), ("domain", "System Hardening")), []),
        (chosen(("competency", "rbac")), [ENTRY.id, PACKED.id]),
        (chosen(("capability", "nodes")), [OTHER.id]),
        (chosen(("pack", "mine")), [PACKED.id]),
        (chosen(("pack", "ckslab")), [ENTRY.id, OTHER.id]),
        (chosen(("state", "passed")), [OTHER.id]),
        (chosen(("state", "new"), ("pack", "mine")), [PACKED.id]),
    ],
)
def test_of_one_facet_any_value_will_do_and_every_facet_has_its_say(wanted: Filter, found: list[str]) -> None:
    assert ids(wanted) == found


def test_words_and_facets_are_wanted_together() -> None:
    assert ids(Filter("open", frozenset({("pack", "mine")}))) == [PACKED.id]


def test_a_value_is_chosen_and_no_longer() -> None:
    once = Filter("door").toggled("pack", "mine")

    assert once == Filter("door", frozenset({("pack", "mine")}))
    assert once.toggled("pack", "mine") == Filter("door")


def test_a_filter_says_what_it_wants() -> None:
    wanted = Filter(" open  door ", frozenset({("difficulty", "hard"), ("difficulty", "exam"), ("pack", "mine")}))

    assert str(wanted) == "“open door” · difficulty exam or hard · pack mine"
    assert bool(wanted)
    assert not Filter("  ")


def test_there_is_to_choose_what_some_scenario_has_in_an_order_that_makes_sense() -> None:
    assert choices(CATALOGUE) == {
        "state": {"new": 2, "passed": 1},
        "difficulty": {"warm-up": 1, "exam": 1, "hard": 1},
        "domain": {"Cluster Hardening": 2, "System Hardening": 1},
        "capability": {"api": 3, "nodes": 1},
        "competency": {"rbac": 2, "iam": 1},
        "pack": {"ckslab": 2, "mine": 1},
    }
    assert list(choices(CATALOGUE)["difficulty"]) == ["warm-up", "exam", "hard"]
