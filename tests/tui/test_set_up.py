"""The doctor's screen, and the one that builds what is missing, with a machine of which a test says what it has."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.driving import running, settle, shown, until
from tests.tui.fakes import ENTRY, FakeService

from ckslab_labs.binaries.doctor import Finding
from ckslab_labs.errors import Infrastructure
from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.doctor import DoctorScreen
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.help import HelpWindow
from ckslab_tui.app.main import LabApp
from ckslab_tui.app.setting_up import SetUpScreen
from ckslab_tui.views import Entry, Fitness

NO_GO = Finding("go", False, "there is no Go [/x] \x1b[2J", "Install Go, or pip install 'ckslab[go]'.")
PLATFORM = Finding("platform", True, "linux amd64")
NO_DOCKER = Finding("docker", False, "no engine answers", "Install Docker.")
BARE = Fitness(
    facts={"embedded": (PLATFORM, NO_GO), "kind": (NO_DOCKER,)}, to_build=("etcd", "kube-apiserver"), minutes=7.6
)
READY = Fitness(facts={"embedded": (PLATFORM,)})

pytestmark = pytest.mark.asyncio


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    """On a machine on which nothing was built yet."""
    service = FakeService(tmp_path)
    service.workshop.fitness, service.workshop.after = BARE, READY
    return service


async def test_the_first_run_says_what_is_to_be_built_and_builds_it_when_asked_to(service: FakeService) -> None:
    async with running(service) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await settle(pilot)
        text = " ".join(shown(pilot).split())
        assert "To be built yet: etcd, kube-apiserver." in text
        assert "about 8 min on two cores" in text
        assert "✘ go: there is no Go [/x] \ufffd[2J. Install Go, or pip install 'ckslab[go]'." in text
        assert "docker" not in text
        assert service.workshop.calls == ["look"]

        await pilot.press("enter")
        await until(pilot, lambda: "Everything is there. Escape leads back." in shown(pilot))
        assert "etcd 3.6.16: 0 % of 700 packages compiled" in shown(pilot)
        await pilot.press("enter")
        assert service.workshop.calls == ["look", "set up"]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        await settle(pilot)
        assert service.workshop.calls == ["look", "set up", "look"]


async def test_it_is_offered_once_and_can_be_left_for_later(service: FakeService) -> None:
    async with running(service) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await pilot.press("escape")
        await settle(pilot)
        await pilot.pause(0.2)

        assert isinstance(pilot.app.screen, CatalogueScreen)
        assert "set up" not in service.workshop.calls


async def test_it_is_not_offered_over_what_somebody_looks_at_but_after_it(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    look = service.workshop.look

    def slowly(entries: Sequence[Entry]) -> Fitness:
        gate.wait(10)
        return look(entries)

    monkeypatch.setattr(service.workshop, "look", slowly)
    async with LabApp(service).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "2 scenarios" in shown(pilot))
        await pilot.press("question_mark")
        gate.set()
        await settle(pilot)
        assert isinstance(pilot.app.screen, HelpWindow)

        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))


async def test_a_set_up_under_way_can_be_given_up(service: FakeService) -> None:
    service.workshop.gate.clear()
    async with running(service) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "0 % of 700 packages" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        await until(pilot, lambda: "GivenUp" in service.workshop.calls)


async def test_leaving_the_app_gives_up_a_set_up_too(service: FakeService) -> None:
    service.workshop.gate.clear()
    async with running(service) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "0 % of 700 packages" in shown(pilot))
        await pilot.press("ctrl+q")
    assert "GivenUp" in service.workshop.calls


async def test_a_set_up_that_fails_says_why_and_can_be_tried_again(service: FakeService) -> None:
    service.workshop.error = Infrastructure("make this machine ready", "the disk is full", "Free some space.")
    async with running(service) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        assert "the disk is full" in shown(pilot)
        await pilot.press("escape")
        service.workshop.error = None
        await pilot.press("enter")
        await until(pilot, lambda: "Everything is there." in shown(pilot))


async def test_on_a_machine_that_has_everything_nothing_is_offered(service: FakeService) -> None:
    service.workshop.fitness = READY
    async with running(service) as pilot:
        await pilot.pause(0.2)

        assert isinstance(pilot.app.screen, CatalogueScreen)


async def test_the_doctor_says_what_is_missing_first_and_what_to_do_about_it(service: FakeService) -> None:
    service.workshop.fitness = replace(BARE, to_build=())
    async with running(service) as pilot:
        await pilot.press("d")
        await until(pilot, lambda: "linux amd64" in shown(pilot))
        lines = [" ".join(line.split()) for line in shown(pilot).splitlines()]

        assert lines[1:8] == [
            "For a plane",
            "✘ missing go there is no Go [/x] \ufffd[2J",
            "Install Go, or pip install 'ckslab[go]'.",
            "✔ ok platform linux amd64",
            "For real nodes, with kind",
            "✘ missing docker no engine answers",
            "Install Docker.",
        ]


async def test_the_doctor_looks_again_when_asked_and_the_catalogue_after_it(service: FakeService) -> None:
    service.workshop.fitness = replace(READY, unfit={ENTRY.id: "it needs Docker"})
    async with running(service) as pilot:
        await until(pilot, lambda: "⊘ not here" in shown(pilot))
        await pilot.press("d")
        await until(pilot, lambda: "linux amd64" in shown(pilot))
        service.workshop.fitness = READY
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("b")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DoctorScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen) and "⊘" not in shown(pilot))


async def test_the_doctor_leads_to_the_set_up(service: FakeService) -> None:
    async with running(service) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await pilot.press("escape", "d")
        await until(pilot, lambda: "✘ missing" in shown(pilot))
        await pilot.press("b")
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "Everything is there." in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, DoctorScreen) and "✘" not in shown(pilot))
