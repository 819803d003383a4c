"""The app's screens against a service without a cluster: every state, and text that wants to be more than text."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tui.driving import running, settle, shown, until
from tests.tui.fakes import BROKEN, ENTRY, FakeService, report, result
from textual.pilot import Pilot
from textual.widgets import OptionList

from ckslab_checker.outcome import Outcome
from ckslab_labs.errors import Unreachable
from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.checks import CheckList
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.main import LabApp
from ckslab_tui.app.reading import ReadingWindow
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.shell import Shell

pytestmark = pytest.mark.asyncio


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    return FakeService(tmp_path)


def task_screen(pilot: Pilot[None]) -> TaskScreen:
    screen = pilot.app.screen
    assert isinstance(screen, TaskScreen)
    return screen


async def open_task(pilot: Pilot[None]) -> TaskScreen:
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
    return task_screen(pilot)


async def check(pilot: Pilot[None]) -> None:
    await pilot.press("c")
    await settle(pilot)


async def test_the_catalogue_lists_scenarios_under_their_domains(service: FakeService) -> None:
    async with running(service) as pilot:
        lines = shown(pilot).splitlines()

        domain = next(i for i, line in enumerate(lines) if "Cluster Hardening" in line)
        assert lines[domain].strip() == "Cluster Hardening · 15 % of the exam · 0 of 1 passed · 0 of 3 points"
        assert lines[domain + 1].split() == ["·", "new", "0/3", *["Anybody", "can", "open", "the", "door"]]
        assert lines[domain + 2].strip() == "System Hardening · 10 % of the exam · 0 of 1 passed · 0 of 5 points"
        assert "open-door · exam · 7 min · 3 points" in shown(pilot)
        assert "trains rbac · needs api" in shown(pilot)


async def test_moving_in_the_catalogue_shows_what_the_selected_scenario_is(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("down")
        await settle(pilot)

        assert "old-key · hard · 12 min · 5 points" in shown(pilot)
        assert "trains iam · needs api, nodes" in shown(pilot)


async def test_a_broken_scenario_is_told_and_the_others_are_listed(service: FakeService) -> None:
    service.listed = replace(service.listed, broken=(BROKEN,))
    async with running(service) as pilot:
        await until(pilot, lambda: "metadata.id: is missing" in shown(pilot))

        assert "Anybody can open the door" in shown(pilot)


async def test_enter_starts_the_scenario_and_shows_its_task(service: FakeService) -> None:
    async with running(service) as pilot:
        await open_task(pilot)

        assert service.calls == ["go on open-door"]
        assert "So that it stays shut." in shown(pilot)
        assert "· not checked      3 p  Strangers cannot enter" in shown(pilot)
        assert "· not checked    keeps  The owner still enters" in shown(pilot)


async def test_long_lines_of_task_and_solution_are_read_to_their_end(service: FakeService) -> None:
    service.about = replace(service.about, text=f"```sh\n$ {'word ' * 40}THE-END\n```")
    service.solved = replace(service.solved, files={"door.yaml": f"kind: {'word ' * 40}THE-LAST"})
    async with running(service, size=(140, 40)) as pilot:
        await open_task(pilot)
        await until(pilot, lambda: "THE-END" in shown(pilot))
        await pilot.press("f6", "o", "y")
        await until(pilot, lambda: "THE-LAST" in shown(pilot))


async def test_what_was_put_aside_is_told(service: FakeService) -> None:
    service.listed = replace(service.listed, aside=frozenset({ENTRY.id}))
    async with running(service) as pilot:
        assert "▹ put aside: enter goes on with it" in shown(pilot)


@pytest.mark.parametrize("kept", [{"open": ENTRY.id}, {"aside": frozenset({ENTRY.id})}])
async def test_starting_anew_what_was_begun_asks_first(service: FakeService, kept: dict[str, Any]) -> None:
    service.listed = replace(service.listed, **kept)
    async with running(service) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: "Start it from its beginning?" in shown(pilot))
        assert isinstance(pilot.app.screen, ConfirmWindow)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        await settle(pilot)
        assert service.calls == []

        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmWindow))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
        assert service.calls == [f"start {ENTRY.id}"]


async def test_what_another_app_has_begun_meanwhile_is_not_lost_either(service: FakeService) -> None:
    async with running(service) as pilot:
        service.listed = replace(service.listed, open=ENTRY.id)
        await pilot.press("n")
        await until(pilot, lambda: "Start it from its beginning?" in shown(pilot))
        assert service.calls == []


async def test_starting_anew_what_was_not_begun_asks_nothing(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))

        assert service.calls == [f"start {ENTRY.id}"]


async def test_while_it_starts_the_app_says_what_is_being_done(service: FakeService) -> None:
    service.gate.clear()
    async with running(service) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: "one thing" in shown(pilot))

        service.gate.set()
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))


async def test_a_start_can_be_given_up(service: FakeService) -> None:
    service.gate.clear()
    async with running(service) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: "one thing" in shown(pilot))
        await pilot.press("escape")
        service.gate.set()
        await pilot.pause(0.1)

        assert isinstance(pilot.app.screen, CatalogueScreen)


async def test_a_start_that_fails_says_why_and_leaves_the_catalogue(service: FakeService) -> None:
    service.start_error = Unreachable("start plane fake", "no answer for 10 s", "Look into its log.")
    async with running(service) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        text = shown(pilot)
        await pilot.press("escape")
        await settle(pilot)

        assert "Cannot start plane fake" in text
        assert "no answer for 10 s" in text
        assert "Look into its log." in text
        assert isinstance(pilot.app.screen, CatalogueScreen)


async def test_a_check_shows_outcomes_as_words_points_and_evidence(service: FakeService) -> None:
    async with running(service, (100, 30)) as pilot:
        await open_task(pilot)
        await check(pilot)
        text = shown(pilot)

        assert "✘ failed · 0 of 3 points · 0.25 s" in text
        assert "✘ failed           3 p  Strangers cannot enter" in text
        assert "✔ passed         keeps  The owner still enters" in text
        assert "✘ enter as a stranger" in text
        assert "expected  denied" in text
        assert "observed  allowed" in text


async def test_the_evidence_follows_the_selected_check(service: FakeService) -> None:
    async with running(service, (100, 30)) as pilot:
        await open_task(pilot)
        await check(pilot)
        await pilot.press("down")
        await settle(pilot)

        assert "A fix that stops the work is not a fix." in shown(pilot)


async def test_a_new_run_keeps_the_selection(service: FakeService) -> None:
    async with running(service) as pilot:
        screen = await open_task(pilot)
        await pilot.press("down")
        await check(pilot)

        assert screen.query_one(CheckList).highlighted == 1


async def test_a_check_without_a_verdict_says_could_not_tell(service: FakeService) -> None:
    error = result(0, Outcome.ERROR, error="no answer within 10 s")
    service.answer = report(error, result(1, Outcome.SKIPPED))
    async with running(service, (100, 30)) as pilot:
        await open_task(pilot)
        await check(pilot)
        text = shown(pilot)

        assert "? could not tell · no points · 0.25 s" in text
        assert "Could not tell: no answer within 10 s" in text
        assert "- skipped" in text


async def test_checks_run_in_the_background_and_only_once_at_a_time(service: FakeService) -> None:
    async with running(service) as pilot:
        await open_task(pilot)
        service.gate.clear()
        await pilot.press("c")
        await until(pilot, lambda: "checking …" in shown(pilot))
        await pilot.press("c", "down")
        service.gate.set()
        await settle(pilot)

        assert service.calls.count("check") == 1
        assert "✘ failed · 0 of 3 points" in shown(pilot)


@pytest.mark.parametrize("error", [Unreachable("ask", "refused", "Start it."), ZeroDivisionError("ours")])
async def test_a_failing_service_is_shown_and_the_app_goes_on(service: FakeService, error: Exception) -> None:
    service.answer = error
    async with running(service) as pilot:
        await open_task(pilot)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        text = shown(pilot)
        await pilot.press("escape")
        service.answer = report(result(0, Outcome.PASSED), result(1, Outcome.PASSED))
        await check(pilot)

        assert ("refused" if isinstance(error, Unreachable) else "ZeroDivisionError: ours") in text
        assert "✔ passed · 3 of 3 points" in shown(pilot)


async def test_hints_are_shown_tier_by_tier_each_after_a_yes(service: FakeService) -> None:
    async with running(service) as pilot:
        await open_task(pilot)
        await pilot.press("h")
        await until(pilot, lambda: "Show hint 1 of 2?" in shown(pilot))
        await pilot.press("n")
        await settle(pilot)
        assert "hint" not in "".join(service.calls)

        await pilot.press("h", "y")
        await until(pilot, lambda: "at the door" in shown(pilot))
        assert "Hint 1 of 2    n: next hint" in shown(pilot)
        await pilot.press("n")
        await until(pilot, lambda: "Show hint 2 of 2?" in shown(pilot))
        await pilot.press("y")
        await until(pilot, lambda: "Hint 2 of 2    enter" in shown(pilot))
        assert "at the door" in shown(pilot)
        await pilot.press("n", "escape", "h")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReadingWindow))
        assert service.calls[-2:] == ["hint 1", "hint 2"]


async def test_the_solution_is_shown_after_a_yes_and_after_a_pass_at_once(service: FakeService) -> None:
    async with running(service) as pilot:
        await open_task(pilot)
        await pilot.press("o")
        await until(pilot, lambda: "do not pass yet" in shown(pilot))
        await pilot.press("y")
        await until(pilot, lambda: "open: false" in shown(pilot))
        assert "A door is shut by whoever leaves." in shown(pilot)

        await pilot.press("escape")
        service.answer = report(result(0, Outcome.PASSED), result(1, Outcome.PASSED))
        await check(pilot)
        assert "o: solution and why" in shown(pilot)
        await pilot.press("o")
        await until(pilot, lambda: "open: false" in shown(pilot))


async def test_a_reset_is_done_only_after_yes(service: FakeService) -> None:
    async with running(service) as pilot:
        screen = await open_task(pilot)
        await check(pilot)
        await pilot.press("r", "n")
        await settle(pilot)
        after_no = list(service.calls)
        await pilot.press("r")
        assert isinstance(pilot.app.screen, ConfirmWindow)
        await pilot.press("y")
        await until(pilot, lambda: service.calls[-1] == "reset")
        await settle(pilot)

        assert "reset" not in after_no
        assert screen.report is None
        assert "Not checked yet" in shown(pilot)


async def test_a_shell_that_cannot_be_opened_is_an_error_like_any_other(service: FakeService) -> None:
    async with running(service) as pilot:
        await open_task(pilot)
        service.line = ""
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))

        assert "there is none here" in shown(pilot)


async def test_the_app_steps_aside_for_a_shell_and_is_there_again(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    steps: list[str] = []

    @contextmanager
    def suspend(_: LabApp) -> Iterator[None]:  # a test's app has no terminal to give away
        steps.append("aside")
        yield
        steps.append("back, and the shell has run" if mark.exists() else "back")

    shell = Shell(("/bin/sh", "-c", f"echo $WORD > {mark}"), {"WORD": "ran"})
    monkeypatch.setattr(LabApp, "suspend", suspend)
    monkeypatch.setattr(FakeService, "shell", lambda self, command=None: shell)
    async with running(service) as pilot:
        screen = await open_task(pilot)
        await pilot.press("s")
        await until(pilot, lambda: len(steps) == 2)
        await settle(pilot)

        assert steps == ["aside", "back, and the shell has run"]
        assert mark.read_text() == "ran\n"
        assert pilot.app.screen is screen
        await check(pilot)
        assert screen.report is not None


async def test_escape_leads_back_to_the_catalogue_and_q_out_of_it(service: FakeService) -> None:
    async with running(service) as pilot:
        await open_task(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, CatalogueScreen)
        await pilot.press("q")

        assert not pilot.app.is_running


async def test_the_footer_tells_the_keys_in_a_small_window(service: FakeService) -> None:
    service.keep_checkpoint()
    async with running(service) as pilot:
        await open_task(pilot)
        keys = ("c Check", "h Hint", "o Solution", "s Shell", "r Reset", "k Keep", "u Undo", "q Back", "? Help")
        await until(pilot, lambda: all(word in shown(pilot).splitlines()[-1] for word in keys))


async def test_task_and_checks_stand_side_by_side_in_a_wide_window(service: FakeService) -> None:
    async with running(service, (118, 30)) as pilot:
        screen = await open_task(pilot)
        await settle(pilot)

        assert screen.query_one("#text").region.y == screen.query_one("#result").region.y


async def test_a_list_without_scenarios_is_no_crash(service: FakeService) -> None:
    service.listed = replace(service.listed, entries=())
    async with running(service) as pilot:
        await pilot.press("enter")

        assert isinstance(pilot.app.screen, CatalogueScreen)
        assert pilot.app.screen.query_one(OptionList).option_count == 0


async def test_a_tiny_window_is_no_crash(service: FakeService) -> None:
    async with running(service, (20, 5)) as pilot:
        await open_task(pilot)
        await check(pilot)

        assert task_screen(pilot).report is not None
