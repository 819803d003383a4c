"""What the tests of labs share: small scenarios, and a second plane that may be broken, with the API only."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ckslab_labs.cluster.port import Capability
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.model import Check, Metadata, ProbeSpec, Scenario, Spec

SETUP = """\
apiVersion: v1
kind: Namespace
metadata: {name: production}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: given, namespace: production}
data: {from: setup}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: production}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
"""


@pytest.fixture
def make_scenario(tmp_path: Path) -> Callable[..., Scenario]:
    """Make a scenario folder with a setup and a learner's file, and the scenario that it holds."""

    def make(*requires: Capability, name: str = "open-door", setup: str = SETUP) -> Scenario:
        folder = tmp_path / "scenarios" / name
        for inner in ("setup", "files"):
            (folder / inner).mkdir(parents=True)
        (folder / "setup" / "10-objects.yaml").write_text(setup)
        (folder / "files" / "answer.yaml").write_text("subjects: []\n")
        check = Check(id="c", title="t", why="w", points=1, probe=ProbeSpec())
        spec = Spec(difficulty="warm-up", minutes=5, requires=requires or (Capability.API,), checks=(check,))
        metadata = Metadata(id=name, title="Open door", domain="cluster-hardening", competencies=("rbac",), version=1)
        return Scenario(folder=folder, metadata=metadata, spec=spec)

    return make


@pytest.fixture(scope="session")
def second_plane(plane_state: Path) -> Iterator[None]:
    """Ends the second plane after the run; tests start it."""
    yield
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(plane_state))
        Lab("second").plane.stop()


@pytest.fixture
def used_second(second_plane: None, shared_lab: Lab, plane_state: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A second plane beside the shared one, as the last test left it: for tests that begin by stopping it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(plane_state))
    lab = Lab("second", shared_lab.plane.kubernetes.rpartition(".")[0])
    lab.sessions.set_open(None)
    return lab


@pytest.fixture
def second(used_second: Lab) -> Lab:
    """The second plane, clean, with the API only; a test may break or stop it."""
    used_second.prepare([Capability.API])
    return used_second
