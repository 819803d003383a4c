"""Hints come in tiers, one for each second-level heading."""

from collections.abc import Mapping
from pathlib import Path

from ckslab_labs.scenario.loader import load_scenario
from ckslab_labs.scenario.model import ProbeSpec
from ckslab_labs.scenario.texts import hints, tiers


def test_hints_are_the_tiers_of_hints_md(good_scenario: Path, probes: Mapping[str, type[ProbeSpec]]) -> None:
    scenario = load_scenario(good_scenario, probes)
    assert hints(scenario) == ("## Look\n\nWho may?", "## Do\n\nTake it away.")


def test_a_comment_in_a_fenced_block_starts_no_tier() -> None:
    markdown = "## One\n```sh\n## not a heading\n~~~\n```\n### Below\n## Two\n"
    assert tiers(markdown) == ("## One\n```sh\n## not a heading\n~~~\n```\n### Below", "## Two")


def test_a_text_without_headings_has_no_tier() -> None:
    assert tiers("# Hints\n\nNothing.\n") == ()
