"""What every test stands on: no reach into the developer's own home, and real control planes that a run shares.

One is made once and shared: each test gets it restored to its baseline, which takes milliseconds. Suites are played on
a second one beside it, too. Where the
binaries are missing they are built; where that is impossible, tests marked ``plane`` are skipped with the reason, or
fail where ``CKSLAB_REQUIRE`` demands ``plane``.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from ckslab_labs.cluster.client import HttpCluster
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import LabError
from ckslab_labs.lab import Lab

REAL_CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
"""Binaries and baselines are looked for where the developer has them; nothing else is."""


def refuse_or_skip(part: str, why: str) -> NoReturn:
    """Skip a test whose part of the proof is not to be had here; fail it where ``CKSLAB_REQUIRE`` lists the part."""
    if part in os.environ.get("CKSLAB_REQUIRE", "").split(","):
        pytest.fail(f"CKSLAB_REQUIRE demands {part}: {why}")
    pytest.skip(f"no {part}: {why}")


REAL = "real"
REAL_THINGS = {
    "plane": "on a real kube-apiserver",
    "kind": "on a real node (kind)",
    "browser": "in a real browser (Chromium)",
}
"""What markers mean."""


@pytest.fixture(autouse=True)
def _no_reach_into_the_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in ("KUBECONFIG", "CKSLAB_PACKS", "CKSLAB_PLANE_NAME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", REAL_CACHE)


@pytest.fixture(scope="session")
def plane_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state home that the shared plane lives in."""
    return tmp_path_factory.mktemp("plane-state")


@pytest.fixture(scope="session")
def shared_lab(plane_state: Path) -> Iterator[Lab]:
    """The plane of the run, with every component."""
    with running("shared", plane_state) as lab:
        yield lab


@pytest.fixture(scope="session")
def lab_beside(plane_state: Path, shared_lab: Lab) -> Iterator[Lab]:
    """A second one, for suites: two planes play more cases in a minute than one."""
    with running("beside", plane_state) as lab:
        yield lab


@contextmanager
def running(name: str, state: Path) -> Iterator[Lab]:
    """A plane with every component, ended in the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        patch.setenv("XDG_CACHE_HOME", REAL_CACHE)
        lab = Lab(name, os.environ.get("CKSLAB_TEST_KUBERNETES"))
        try:
            lab.prepare([Capability.NODES])
        except LabError as error:
            refuse_or_skip("plane", str(error))
        yield lab
        lab.plane.stop()


@pytest.fixture
def lab(shared_lab: Lab, plane_state: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The shared plane, clean."""
    monkeypatch.setenv("XDG_STATE_HOME", str(plane_state))
    shared_lab.prepare([Capability.NODES])
    return shared_lab


@pytest.fixture
def cluster(lab: Lab) -> HttpCluster:
    """The clean plane's API, asked as ckslab itself."""
    return lab.cluster


@pytest.fixture
def objects(lab: Lab) -> Objects:
    """The verbs on the clean plane's objects."""
    return lab.objects


def pytest_configure() -> None:
    """Take Ctrl-C as a terminal's programs do: a run in the background would hand on that it is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write down in a test's report what it runs on; its keywords hold the names of folders as well."""
    for item in items:
        item.user_properties += [(REAL, name) for name in REAL_THINGS if item.get_closest_marker(name)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on the real thing: a green run must not mean that none did."""
    for marker, what in REAL_THINGS.items():
        counts = {
            outcome: sum(
                (REAL, marker) in getattr(report, "user_properties", ())
                for report in terminalreporter.getreports(outcome)
            )
            for outcome in ("passed", "failed", "error", "skipped")
        }
        terminalreporter.write_line(f"{what}: {', '.join(f'{count} {outcome}' for outcome, count in counts.items())}")
