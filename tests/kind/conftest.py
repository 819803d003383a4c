"""One kind cluster per run, on a node image of our own: where it cannot be had, its tests are skipped with the reason.

``CKSLAB_REQUIRE=kind`` makes them fail instead. ``CKSLAB_KIND_IMAGE`` names another image, such as a published one.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import REAL_CACHE, refuse_or_skip
from tests.kind.node_image import __main__ as node_image

from ckslab_labs.lab import Lab
from ckslab_labs.providers.kind.provider import IMAGE_VARIABLE
from ckslab_labs.scenario.model import Scenario

PLANE = "kind-test"
HERE = Path(__file__).parent
STATE = pytest.StashKey[Path]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the engine."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("kind")


@pytest.fixture(scope="session")
def image() -> str:
    """The node image, built where it is not there."""
    if given := os.environ.get(IMAGE_VARIABLE):
        return given
    if why := _why_not():
        refuse_or_skip("kind", why)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", REAL_CACHE)
        name = node_image.image_name()
        if not node_image.is_there(name):
            node_image.make(name)
    return name


def _why_not() -> str | None:
    if subprocess.run(["docker", "info"], capture_output=True).returncode != 0 if shutil.which("docker") else True:
        return "no Docker engine answers"
    if os.geteuid() != 0:
        return f"only root can build the node image; {IMAGE_VARIABLE} may name one"
    missing = [tool for tool in node_image.TOOLS if shutil.which(tool) is None]
    return f"{', '.join(missing)} must be installed to build the node image" if missing else None


@pytest.fixture(scope="session")
def kind_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state home that the cluster lives in."""
    return tmp_path_factory.mktemp("kind-state")


@pytest.fixture(scope="session")
def _cluster_of_the_run(request: pytest.FixtureRequest, image: str, kind_state: Path) -> Iterator[None]:
    """Ends the cluster after the run, should it be broken off; the tests make it."""
    request.session.stash[STATE] = kind_state
    yield
    _end_cluster(kind_state)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the cluster after the last test of this folder: even at rest it takes a tenth of a core from the others."""
    state = item.session.stash.get(STATE, None)
    if state is not None and (nextitem is None or HERE not in nextitem.path.parents):
        _end_cluster(state)


def _end_cluster(state: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        patch.setenv("XDG_CACHE_HOME", REAL_CACHE)
        Lab(PLANE, provider="kind").provider.stop()


@pytest.fixture
def kind_lab(image: str, kind_state: Path, _cluster_of_the_run: None, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The cluster, as the last test left it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(kind_state))
    monkeypatch.setenv(IMAGE_VARIABLE, image)
    return Lab(PLANE, provider="kind")


@pytest.fixture
def scenario() -> Scenario:
    """A scenario with running pods."""
    from ckslab_checker.catalogue import catalogue

    return catalogue().get("debug-rbac-update-kept")
