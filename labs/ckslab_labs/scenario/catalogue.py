"""Which scenarios there are, and where: the bundled ones, and those of packs of one's own.

Listing ids looks at folder names only, so that a shell completes them at once and a broken scenario hides no other.
Nothing is remembered between calls: an author edits a scenario while the app is open.
"""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.loader import load_scenario
from ckslab_labs.scenario.model import ID_PATTERN, ProbeSpec, Scenario
from ckslab_labs.scenario.problems import ScenarioProblems

PACKS_VARIABLE = "CKSLAB_PACKS"
"""The environment variable that holds folders of packs, separated as in ``PATH``."""


def bundled_root() -> Path:
    """The folder of the bundled scenarios: inside the package in a wheel, ``scenarios/`` in a checkout."""
    here = Path(__file__).resolve().parents[1]
    packaged = here / "_scenarios"
    return packaged if packaged.is_dir() else here.parents[1] / "scenarios"


class Catalogue:
    """The scenarios of the bundled root and of packs, by id; a pack's ids are ``pack/id``.

    Args:
        probes: the kinds of probe that a check may name.
        packs: folders that hold scenario folders; those of ``CKSLAB_PACKS`` are added.

    Raises:
        InvalidInput: a pack is not a folder of scenarios, or two packs have the same name.

    """

    def __init__(self, probes: Mapping[str, type[ProbeSpec]], packs: Sequence[Path] = ()) -> None:
        self._probes = probes
        named = [Path(each) for each in os.environ.get(PACKS_VARIABLE, "").split(os.pathsep) if each]
        self._packs: dict[str, Path] = {}
        for folder in (*packs, *named):
            self._add_pack(folder)

    def ids(self) -> list[str]:
        """The ids of all scenarios, broken or not: the bundled ones first, each pack in name order."""
        return list(self._folders())

    def get(self, id: str) -> Scenario:
        """Read one scenario.

        Raises:
            InvalidInput: there is no such scenario.
            ScenarioProblems: it is broken.

        """
        folders = self._folders()
        if id not in folders:
            near = difflib.get_close_matches(id, folders, n=1)
            hint = f'Did you mean "{near[0]}"? ' if near else ""
            raise InvalidInput(
                f'open the scenario "{id[:80]}"', "there is none of that id", f"{hint}See ckslab list for all."
            )
        pack, folder = folders[id]
        return load_scenario(folder, self._probes, pack)

    def all(self) -> list[Scenario]:
        """Read all scenarios.

        Raises:
            ScenarioProblems: one is broken.

        """
        sound, broken = self.read()
        if broken:
            raise broken[0]
        return sound

    def sound(self) -> list[Scenario]:
        """Read all scenarios, and leave out the broken ones."""
        return self.read()[0]

    def broken(self) -> list[ScenarioProblems]:
        """What is wrong with the scenarios that cannot be read."""
        return self.read()[1]

    def read(self) -> tuple[list[Scenario], list[ScenarioProblems]]:
        """Read all scenarios: the sound ones, and what is wrong with the others."""
        sound, broken = [], []
        for pack, folder in self._folders().values():
            try:
                sound.append(load_scenario(folder, self._probes, pack))
            except ScenarioProblems as problems:
                broken.append(problems)
        return sound, broken

    def _folders(self) -> dict[str, tuple[str | None, Path]]:
        found: dict[str, tuple[str | None, Path]] = {each.name: (None, each) for each in _scenarios_in(bundled_root())}
        for pack, root in self._packs.items():
            found |= {f"{pack}/{each.name}": (pack, each) for each in _scenarios_in(root)}
        return found

    def _add_pack(self, folder: Path) -> None:
        attempted, root = f"use the pack {folder}", folder.resolve()
        if not root.is_dir():
            raise InvalidInput(attempted, "there is no such folder", "Give the folder that holds the scenario folders.")
        if (root / "scenario.yaml").exists():
            raise InvalidInput(attempted, "it is a scenario itself", "Give the folder that holds it.")
        if not re.fullmatch(ID_PATTERN, root.name):
            remedy = 'Rename it: lower-case letters, digits and "-"; it is the first part of every id in it.'
            raise InvalidInput(attempted, f'its name "{root.name}" cannot be part of an id', remedy)
        if self._packs.setdefault(root.name, root) != root:
            other = self._packs[root.name]
            raise InvalidInput(attempted, f"the pack {other} has the same name", "Rename one of the two folders.")


def _scenarios_in(root: Path) -> list[Path]:
    """Every folder counts, whatever it holds, so that a misnamed scenario.yaml is reported and not passed over."""
    if not root.is_dir():
        return []
    return sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith((".", "_")))
