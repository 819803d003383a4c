"""What every rule looks at: one scenario with its suite and files. No rule may read a file in another way."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ckslab_labs.scenario.manifests import Manifest, read_manifests
from ckslab_labs.scenario.model import Case, Scenario, Suite


@dataclass(frozen=True)
class Entry:
    """A scenario that loads, and the suite that loads with it."""

    scenario: Scenario
    suite: Suite

    def files(self, *folders: str) -> Iterator[tuple[str, Path]]:
        """All files of some folders, with their names relative to the scenario's folder."""
        root = self.scenario.folder
        for folder in folders:
            for path in sorted((root / folder).rglob("*")):
                if path.is_file():
                    yield str(PurePosixPath(path.relative_to(root))), path

    def manifests(self, *folders: str) -> Iterator[tuple[str, Manifest]]:
        """All manifests of some folders, learners' files apart, with the names of their files."""
        for name, path in self.files(*folders):
            if path.suffix == ".yaml" and "files" not in PurePosixPath(name).parts:
                for manifest in read_manifests(path, name):
                    yield name, manifest

    def fails(self, case: Case) -> set[str]:
        """The checks that a case must fail."""
        expect = {} if isinstance(case.expect, str) else case.expect
        return {check for check, outcome in expect.items() if outcome == "failed"}
