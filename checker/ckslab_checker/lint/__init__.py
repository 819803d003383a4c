"""What a good scenario has beyond a valid one; each rule is one function, with a broken sample of its own in the tests.

The loader says whether a folder is a scenario; here stands what makes its verdicts worth trusting and its texts fair.
All findings are reported at once. Nothing here needs a cluster: that the suite comes true is for ``suite`` to show.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ckslab_checker.lint import contents, proof, texts
from ckslab_checker.lint.entry import Entry
from ckslab_checker.probes import PROBES
from ckslab_labs.scenario.loader import ScenarioProblems, load_scenario, load_suite
from ckslab_labs.scenario.model import Scenario

__all__ = ["RULES", "Finding", "lint", "lint_folder"]

Rule = Callable[[Entry], Iterator[tuple[str, str]]]
"""Yields file and message of whatever it objects to."""

RULES: tuple[Rule, ...] = (
    proof.a_check_keeps,
    proof.the_suite_is_complete,
    proof.every_check_fails_and_passes,
    proof.wrong_fixes_score_too_little,
    contents.requires_what_its_probes_need,
    contents.access_is_not_gained_elsewhere,
    contents.objects_are_the_last_resort,
    contents.images_are_of_the_list,
    contents.every_file_is_used,
    texts.layers_are_asked_for,
    texts.hints_come_in_tiers,
    texts.why_has_references,
    texts.no_text_names_the_answer,
    texts.nothing_is_left_to_do,
)


@dataclass(frozen=True)
class Finding:
    """One thing to mend."""

    rule: str
    file: str
    """Relative to the scenario's folder."""
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message} [{self.rule}]"


def lint(scenario: Scenario) -> list[Finding]:
    """Everything that the rules find in a scenario.

    Raises:
        ScenarioProblems: the suite is not valid, so that no rule can be asked.

    """
    entry = Entry(scenario, load_suite(scenario))
    return [Finding(rule_name(rule), file, message) for rule in RULES for file, message in rule(entry)]


def lint_folder(folder: Path, pack: str | None = None) -> list[Finding]:
    """Everything that is wrong with a folder: what the loader refuses, else what the rules find."""
    try:
        return lint(load_scenario(folder, PROBES, pack))
    except ScenarioProblems as problems:
        return [Finding("format", p.file, f"{p.key}: {p.message}" if p.key else p.message) for p in problems.problems]


def rule_name(rule: Rule) -> str:
    """A rule's name as shown: its function's, with hyphens."""
    return rule.__name__.replace("_", "-")
