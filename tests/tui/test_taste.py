"""The theme that somebody has chosen is there again, and nothing that lies in its place does harm."""

from pathlib import Path

import pytest
from tests.tui.driving import running, until
from tests.tui.fakes import FakeService

from ckslab_labs.paths import private_dir, state_home
from ckslab_tui.app.taste import FILE, kept_theme

pytestmark = pytest.mark.asyncio


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    return FakeService(tmp_path)


async def test_a_theme_that_was_chosen_is_there_at_the_next_start(service: FakeService) -> None:
    async with running(service) as pilot:
        before = pilot.app.theme
        assert not (state_home() / FILE).exists()  # nobody has chosen yet
        pilot.app.theme = "textual-light"
        await until(pilot, lambda: kept_theme() == "textual-light")
    assert before != "textual-light"
    assert (state_home() / FILE).stat().st_mode & 0o777 == 0o600
    async with running(service) as pilot:
        assert pilot.app.theme == "textual-light"


@pytest.mark.parametrize("kept", ["no JSON", "[]", "3", '{"theme": 3}', '{"theme": "no such"}', "{}"])
async def test_what_is_no_theme_is_passed_over(service: FakeService, kept: str) -> None:
    async with running(service) as pilot:
        usual = pilot.app.theme
    (private_dir(state_home()) / FILE).write_text(kept)
    async with running(service) as pilot:
        assert pilot.app.theme == usual


async def test_a_theme_that_cannot_be_kept_is_in_force_and_told(service: FakeService) -> None:
    (private_dir(state_home()) / FILE).mkdir()
    async with running(service, (120, 40)) as pilot:
        pilot.app.theme = "textual-light"
        # a test's app draws no notifications
        await until(pilot, lambda: any("The theme is not kept" in each.message for each in pilot.app._notifications))
        assert pilot.app.theme == "textual-light"
