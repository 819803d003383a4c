"""A state kept and returned to on the task screen and on the command line, with a service that keeps nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.tui.driving import open_task, settle, shown, until
from tests.tui.fakes import ENTRY, FakeService

from ckslab_labs.errors import ExitCode, InvalidInput
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.cli.run import run
from ckslab_tui.service import LabService
from ckslab_tui.standing import moment

KEPT_AT = moment(datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    return FakeService(tmp_path)


@pytest.mark.asyncio
async def test_a_state_is_kept_at_once_and_undone_after_a_yes_that_says_when_it_was_kept(service: FakeService) -> None:
    async with open_task(service) as (pilot, screen):
        assert "u Undo" not in shown(pilot)
        await pilot.press("u", "k")
        await until(pilot, lambda: "u Undo" in shown(pilot))
        await settle(pilot)
        assert service.calls == ["current", "keep"]

        await pilot.press("u")
        await until(pilot, lambda: KEPT_AT in shown(pilot))
        await pilot.press("n")
        await settle(pilot)
        assert "return" not in service.calls

        await pilot.press("c")
        await until(pilot, lambda: screen.report is not None)
        await pilot.press("u", "y")
        await until(pilot, lambda: service.calls[-2:] == ["return", "check"])  # and nobody has seen a change


@pytest.mark.asyncio
async def test_a_second_state_takes_the_place_of_the_first_after_a_yes(service: FakeService) -> None:
    async with open_task(service) as (pilot, _):
        await pilot.press("k")
        await until(pilot, lambda: "u Undo" in shown(pilot))
        await pilot.press("k")
        await until(pilot, lambda: "It takes the place of what you kept" in shown(pilot))
        assert isinstance(pilot.app.screen, ConfirmWindow)
        await pilot.press("n")
        await settle(pilot)
        assert service.calls.count("keep") == 1
        await pilot.press("k", "y")
        await until(pilot, lambda: service.calls.count("keep") == 2)


@pytest.mark.asyncio
@pytest.mark.parametrize(("key", "call"), [("k", "keep"), ("u", "return"), ("r", "reset")])
async def test_a_check_that_runs_is_stopped_by_what_changes_the_state_below_it(
    service: FakeService, key: str, call: str
) -> None:
    service.keep_checkpoint()
    async with open_task(service) as (pilot, screen):
        service.gate.clear()
        service.changed += 1
        await until(pilot, lambda: service.calls[-1] == "check")
        await pilot.press(key, "y")
        await until(pilot, lambda: service.calls[-2:] == [call, "check"])  # done meanwhile, and asked anew
        assert screen.report is None
        service.gate.set()
        await until(pilot, lambda: screen.report is not None)


@pytest.mark.asyncio
async def test_where_a_state_cannot_be_kept_it_is_said_why(service: FakeService) -> None:
    service.keep_error = InvalidInput("keep a checkpoint", "that of kind cannot be kept", "Reset it.")
    async with open_task(service) as (pilot, _):
        await pilot.press("k")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        assert "that of kind cannot be kept" in shown(pilot)
        await pilot.press("escape")
        assert "u Undo" not in shown(pilot)


def test_the_command_line_keeps_and_returns(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for name in ("keep_checkpoint", "return_to_checkpoint"):
        monkeypatch.setattr(LabService, name, lambda self, tell, name=name: getattr(service, name)(tell))
    monkeypatch.setattr(LabService, "reset", lambda self, tell: service.reset())

    assert run(["checkpoint"]) == ExitCode.PASSED
    assert capsys.readouterr().out == (
        f"the state of {ENTRY.id} is kept; `ckslab reset --to-checkpoint` leads back to it\n"
    )
    assert run(["reset"]) == ExitCode.PASSED
    assert f"What you kept at {KEPT_AT} is still there" in capsys.readouterr().err
    assert run(["reset", "--to-checkpoint"]) == ExitCode.PASSED
    out, err = capsys.readouterr()
    assert out.startswith(f"{ENTRY.id} is as you kept it at {KEPT_AT} (")
    assert err == ""

    for words in (["checkpoint"], ["reset", "--to-checkpoint"]):
        assert run([*words, "-o", "json"]) == ExitCode.PASSED
        assert json.loads(capsys.readouterr().out)["checkpoint"] == "2026-01-02T03:04:00+00:00"
