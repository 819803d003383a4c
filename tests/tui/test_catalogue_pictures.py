"""The catalogue and what is opened from it, as somebody has looked at them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.drawing import looks_as_it_did
from tests.tui.driving import running, settle, until
from tests.tui.fakes import BROKEN, ENTRY, OTHER, FakeService
from textual.pilot import Pilot

from ckslab_labs.binaries.doctor import Finding
from ckslab_labs.errors import Infrastructure
from ckslab_tui.app.doctor import DoctorScreen
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.help import HelpWindow
from ckslab_tui.app.setting_up import SetUpScreen
from ckslab_tui.views import Catalogue, Entry, Fitness, Standing, State

NO_GO = Finding("go", False, "there is no Go", "Install Go, or pip install 'ckslab[go]'.")
PLATFORM = Finding("platform", True, "linux amd64")
NO_DOCKER = Finding("docker", False, "no engine answers", "Install Docker.")
BARE = Fitness(
    facts={"embedded": (PLATFORM, NO_GO), "kind": (NO_DOCKER,)}, to_build=("etcd", "kube-apiserver"), minutes=7.6
)

pytestmark = pytest.mark.asyncio


def entry(id: str, title: str, difficulty: str = "exam", minutes: int = 8) -> Entry:
    return replace(ENTRY, id=id, title=title, difficulty=difficulty, minutes=minutes)


MANY = (
    ENTRY,
    entry("two-keys", "Two people hold the key that one should hold", "hard", 14),
    entry("bell", "The bell rings for nobody", "easy", 4),
    entry(
        "fence", "The fence ends where the garden begins, and nobody has walked along it for as long as anyone knows"
    ),
    OTHER,
    replace(OTHER, id="attic", title="The attic's window is never shut", minutes=9),
)


@pytest.fixture
def service() -> FakeService:
    """Some scenarios, in every state that there is."""
    service = FakeService(Path("/files"))
    reached = {
        ENTRY.id: Standing(State.PASSED, 3, 161.0, 4),
        "two-keys": Standing(State.OPEN, 2, None, 1),
        OTHER.id: Standing(State.PASSED, 5, 754.0, 1),
    }
    service.listed = Catalogue(MANY, open="two-keys", aside=frozenset({OTHER.id}), standings=reached)
    service.workshop.fitness = Fitness(
        facts={"embedded": (PLATFORM,), "kind": (NO_DOCKER,)}, unfit={"attic": "it needs kubelet of the kind provider"}
    )
    return service


async def listed(pilot: Pilot[None], service: FakeService) -> None:
    await pilot.press("down")


async def light(pilot: Pilot[None], service: FakeService) -> None:
    pilot.app.theme = "textual-light"


async def what_cannot_run(pilot: Pilot[None], service: FakeService) -> None:
    await pilot.press("end")


async def searched(pilot: Pilot[None], service: FakeService) -> None:
    await pilot.press("slash", *"key")


async def nothing_found(pilot: Pilot[None], service: FakeService) -> None:
    await pilot.press("slash", *"ghost")


async def choosing(pilot: Pilot[None], service: FakeService) -> None:
    await pilot.press("f")


async def doctor(pilot: Pilot[None], service: FakeService) -> None:
    await pilot.press("d")
    await until(pilot, lambda: isinstance(pilot.app.screen, DoctorScreen))


async def helped(pilot: Pilot[None], service: FakeService) -> None:
    await pilot.press("question_mark")
    await until(pilot, lambda: isinstance(pilot.app.screen, HelpWindow))


async def asked_first(pilot: Pilot[None], service: FakeService) -> None:
    await pilot.press("n")


async def refused(pilot: Pilot[None], service: FakeService) -> None:
    service.start_error = Infrastructure("start etcd", "no space left on the device", "Free 1 GB, and start it again.")
    await pilot.press("down", "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))


@pytest.mark.parametrize(
    ("name", "size", "pose"),
    [
        ("catalogue", (80, 24), listed),
        ("catalogue-wide", (140, 36), listed),
        ("catalogue-light", (100, 30), light),
        ("catalogue-unfit", (80, 24), what_cannot_run),
        ("catalogue-tiny", (20, 5), listed),
        ("catalogue-searched", (80, 24), searched),
        ("catalogue-nothing-found", (80, 24), nothing_found),
        ("catalogue-choosing", (100, 30), choosing),
        ("catalogue-doctor", (100, 30), doctor),
        ("catalogue-help", (80, 24), helped),
        ("catalogue-asked-first", (80, 24), asked_first),
        ("catalogue-refused", (80, 24), refused),
    ],
)
async def test_the_catalogue_looks_as_it_did_when_somebody_looked_at_it(
    name: str, size: tuple[int, int], pose: Callable[..., object], service: FakeService, tmp_path: Path
) -> None:
    async with running(service, size) as pilot:
        await settle(pilot)
        await pose(pilot, service)  # type: ignore[misc]
        await looks_as_it_did(pilot, name, tmp_path)


async def test_broken_packs_are_told(service: FakeService, tmp_path: Path) -> None:
    service.listed = replace(service.listed, broken=(BROKEN,), remark="your progress cannot be read: it is newer")
    async with running(service) as pilot:
        await pilot.press("end")
        await looks_as_it_did(pilot, "catalogue-broken", tmp_path)


async def test_a_first_run_offers_to_build(service: FakeService, tmp_path: Path) -> None:
    service.workshop.fitness = BARE
    async with running(service) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await looks_as_it_did(pilot, "set-up", tmp_path)


async def test_a_set_up_says_what_it_does(service: FakeService, tmp_path: Path) -> None:
    service.workshop.fitness = BARE
    service.workshop.error = Infrastructure("build etcd", "no space left on the device", "Free 2 GB.")
    async with running(service, (100, 30)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetUpScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        await looks_as_it_did(pilot, "set-up-failed", tmp_path)
