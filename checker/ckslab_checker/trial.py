"""One fix on trial: fresh setup, the fix, the checks, with requests made for real as in grading.

A fix is a list of steps, as a case's, or a folder from outside a suite (``ckslab author try``). In such a folder
``fix.yaml`` lists the steps; without one it is applied as a whole: every ``*.yaml`` in name order, and what lies under
``files/`` as learner's files.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import Field, ValidationError

from ckslab_checker.engine import check
from ckslab_checker.facts import context_for
from ckslab_checker.outcome import Report
from ckslab_checker.play import LEARNERS_FILES, play
from ckslab_labs import strict_yaml
from ckslab_labs.errors import InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.documents import as_json
from ckslab_labs.scenario.model import Action, Scenario, Strict
from ckslab_labs.scenario.problems import Findings, explain
from ckslab_labs.scenario.texts import read_bytes


class Fix(Strict):
    """``fix.yaml``: the steps of a fix, their paths relative to its folder."""

    do: tuple[Action, ...] = Field(min_length=1, strict=False)


def play_and_check(scenario: Scenario, lab: Lab, actions: Sequence[Action], folder: Path) -> Report:
    """Set the scenario up afresh, play the steps, whose paths are relative to ``folder``, and check.

    Raises:
        InvalidInput: a step could not be played.
        Infrastructure: the plane gave no answer.

    """
    with lab.exclusive():
        session = lab.run(scenario)
        play(actions, folder, lab.objects, scenario.identities, session.files, lab.provider.node)
        return check(scenario, context_for(scenario, lab, session, live=False), provider=lab.provider.name)


def try_fix(scenario: Scenario, lab: Lab, folder: Path) -> Report:
    """Set the scenario up afresh, play the fix in ``folder``, and check it for real.

    Raises:
        InvalidInput: the folder holds no fix, or the API server refused it.

    """
    return play_and_check(scenario, lab, read_fix(folder), folder)


def read_fix(folder: Path) -> tuple[Action, ...]:
    """The steps of the fix in a folder.

    Raises:
        InvalidInput: it holds none, or ``fix.yaml`` is not valid, with everything that is wrong with it.

    """
    if not folder.is_dir():
        raise InvalidInput(f"read the fix in {folder}", "it is not a folder", "Give the folder that holds the fix.")
    if (folder / "fix.yaml").exists():
        return _read_steps(folder)
    if not any(folder.glob("**/*.yaml")) and not (folder / LEARNERS_FILES).is_dir():
        remedy = "Give a folder with fix.yaml, with manifests (*.yaml), or with learner's files under files/."
        raise InvalidInput(f"read the fix in {folder}", "there is nothing in it that could be played", remedy)
    return (Action(apply="."),)


def _read_steps(folder: Path) -> tuple[Action, ...]:
    document = strict_yaml.load(read_bytes(folder / "fix.yaml", "fix.yaml"), source="fix.yaml")
    try:
        return Fix.model_validate_json(as_json(document), by_name=False).do
    except ValidationError as error:
        findings = Findings(folder)
        explain(error, document, Fix.model_json_schema(), partial(findings.add, "fix.yaml"))
        lines = "".join(f"\n  {problem}" for problem in findings.problems)
        raise InvalidInput(
            f"read the fix in {folder}", f"it is not valid:{lines}", "Write it as in suite.yaml."
        ) from None
