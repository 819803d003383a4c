"""The terminal beside the task: a real shell in the real widget, with real editors in it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.tui.driving import settle, shown, until
from tests.tui.fakes import FakeService
from textual import events
from textual._xterm_parser import XTermParser
from textual.pilot import Pilot

from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.keys import Parser
from ckslab_tui.app.main import LabApp
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.app.terminal import TerminalPane

BASH = "exec bash --norc -i"
PROMPT = "here$"

pytestmark = pytest.mark.asyncio


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeService:
    monkeypatch.setenv("PS1", f"{PROMPT} ")
    monkeypatch.chdir(tmp_path)
    service = FakeService(tmp_path)
    service.line = BASH
    return service


@asynccontextmanager
async def desk(service: FakeService, size: tuple[int, int] = (140, 40)) -> AsyncIterator[Pilot[None]]:
    """The task with its terminal, and the shell's prompt in it."""
    async with LabApp(service).run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
        if service.line == BASH:
            await until(pilot, lambda: PROMPT in pane(pilot).text)
        yield pilot


def pane(pilot: Pilot[None]) -> TerminalPane:
    return pilot.app.screen_stack[-1].query_one(TerminalPane)


def turn(pilot: Pilot[None], wheel: type[events.MouseEvent]) -> None:
    """Turn the wheel over the terminal."""
    x, y = pane(pilot).content_region.offset
    pane(pilot).post_message(wheel(pane(pilot), x, y, 0, 0, 0, False, False, False, x, y))


async def line(pilot: Pilot[None], text: str, answer: str) -> None:
    """Type a line, and wait for what it answers."""
    await pilot.press(*text, "enter")
    await until(pilot, lambda: answer in pane(pilot).text)


def processes_with(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append((path.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


async def test_in_a_wide_window_a_shell_is_open_and_has_the_focus(service: FakeService) -> None:
    async with desk(service) as pilot:
        assert pane(pilot).has_focus
        await line(pilot, "echo $((6*7)) $TERM", "42 xterm-256color")
        text = shown(pilot)

        assert "Terminal · F6 leaves it · F8 whole window" in text
        assert f"Files to edit: {service.folder}"[:40] in text
        assert "42 xterm-256color" in text
        assert "Strangers cannot enter" in text
        assert "check" not in service.calls


async def test_one_looks_back_by_keys_and_wheel_and_typing_leads_to_the_end(service: FakeService) -> None:
    async with desk(service) as pilot:
        await line(pilot, "for i in {1..200}; do echo line $i; done", "line 200")
        assert "line 80 " not in pane(pilot).text
        await pilot.press("shift+pageup", "shift+pageup", "shift+pageup")
        await until(pilot, lambda: "line 80 " in shown(pilot))
        assert "back · typing leads to the end" in shown(pilot)
        assert "line 200" not in shown(pilot)
        await pilot.press("shift+pagedown")
        await until(pilot, lambda: "line 80 " not in shown(pilot))
        await line(pilot, "echo $((6*7))", "42")
        await until(pilot, lambda: "42" in shown(pilot))
        assert "lines back" not in shown(pilot)

        for _ in range(4):
            turn(pilot, events.MouseScrollUp)
        await until(pilot, lambda: "12 lines back" in shown(pilot))
        for _ in range(4):
            turn(pilot, events.MouseScrollDown)
        await until(pilot, lambda: "lines back" not in shown(pilot))


@pytest.mark.skipif(shutil.which("less") is None, reason="no less here")
async def test_in_less_the_wheel_moves_the_text(service: FakeService, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("".join(f"line {number}\n" for number in range(1, 201)))
    async with desk(service) as pilot:
        await line(pilot, "less long", "line 30")
        turn(pilot, events.MouseScrollDown)
        await until(pilot, lambda: pane(pilot).text.startswith("line 4\n"))
        assert "lines back" not in shown(pilot)
        await pilot.press("q")
        await until(pilot, lambda: "less long" in pane(pilot).text)


async def test_a_narrow_window_has_none(service: FakeService) -> None:
    service.line = "none"
    async with desk(service, (80, 24)) as pilot:
        assert not pilot.app.screen.query(TerminalPane)
        await pilot.press("f6", "f8", "c")
        await settle(pilot)

        assert service.calls[-1] == "check"


async def test_a_window_that_was_narrow_for_a_while_gives_the_shell_its_focus_again(service: FakeService) -> None:
    async with desk(service) as pilot:
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not pane(pilot).has_focus)
        await pilot.resize_terminal(140, 40)
        await until(pilot, lambda: pane(pilot).has_focus)
        await pilot.press("f6")
        await pilot.resize_terminal(80, 24)
        await pilot.resize_terminal(140, 40)
        await settle(pilot)
        assert not pane(pilot).has_focus


async def test_keys_never_go_to_a_terminal_that_is_not_shown(service: FakeService) -> None:
    async with desk(service) as pilot:
        pilot.app.post_message(events.AppBlur())
        await until(pilot, lambda: pilot.app.focused is None)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        pilot.app.post_message(events.AppFocus())
        await until(pilot, lambda: pilot.app.focused is not None)
        await settle(pilot)
        assert not pane(pilot).has_focus


@pytest.mark.parametrize(
    ("is_web", "remedy"), [(False, "Run 'ckslab shell' in another."), (True, "Make the window wider")]
)
async def test_where_there_is_no_terminal_to_step_aside_in_it_is_told(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, is_web: bool, remedy: str
) -> None:
    async with desk(service) as pilot:
        monkeypatch.setattr(type(pilot.app._driver), "is_web", is_web)
        await pilot.press("f6", "s")
        await until(pilot, lambda: "this is no terminal" in shown(pilot))
        assert remedy in shown(pilot)


async def test_every_key_is_the_shells_but_those_that_lead_out(service: FakeService) -> None:
    async with desk(service) as pilot:
        await line(pilot, "cat -v", "cat -v")
        keys = ("c", "q", "h", "question_mark", "tab", "ctrl+p", "ctrl+x", "escape", "f5", "up", "r", "enter")
        await pilot.press(*keys)
        await until(pilot, lambda: pane(pilot).text.count("cqh?") == 2)
        answer = next(text for text in reversed(pane(pilot).text.splitlines()) if "cqh?" in text)
        assert answer.replace("\t", " ").split() == ["cqh?", "^P^X^[^[[15~^[[Ar"]
        assert isinstance(pilot.app.screen, TaskScreen)

        await pilot.press("ctrl+c", "f6")
        assert not pane(pilot).has_focus
        assert "F6 leads in" in shown(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert "check" in service.calls
        await pilot.press("f6")
        assert pane(pilot).has_focus


async def test_one_key_gives_it_the_whole_window_and_takes_it_back(service: FakeService) -> None:
    async with desk(service) as pilot:
        before = pane(pilot).size.width
        await pilot.press("f8")
        await line(pilot, "stty size", "138")
        assert pane(pilot).size.width == 138
        assert "Strangers" not in shown(pilot)

        await pilot.press("f8")
        await pilot.pause()
        assert pane(pilot).size.width == before
        await line(pilot, "echo again; stty size", f" {before}")
        await pilot.press("f8", "f6")
        await pilot.pause()
        assert "Strangers" in shown(pilot)


async def test_a_window_of_another_size_is_told_and_loses_nothing(service: FakeService) -> None:
    async with desk(service) as pilot:
        await line(pilot, "kept=yes", "kept=yes")
        for size in ((20, 5), (100, 30), (200, 50)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await until(pilot, lambda: pane(pilot).has_focus)
        width, height = pane(pilot).size
        await line(pilot, "echo $kept; stty size", f"{height} {width}")

        assert "\nyes" in pane(pilot).text


@pytest.mark.skipif(shutil.which("vi") is None, reason="no vi here")
async def test_vi_edits_a_file(service: FakeService, tmp_path: Path) -> None:
    async with desk(service) as pilot:
        await line(pilot, "vi note.txt", "~\n~\n~")
        await pilot.press("i", *"hello", "enter", *"world", "escape", "up", "x", *":wq", "enter")
        await until(pilot, lambda: (tmp_path / "note.txt").exists() and PROMPT in pane(pilot).text)

        assert (tmp_path / "note.txt").read_text() == "hell\nworld\n"


@pytest.mark.skipif(shutil.which("nano") is None, reason="no nano here")
async def test_nano_edits_a_file(service: FakeService, tmp_path: Path) -> None:
    async with desk(service) as pilot:
        await line(pilot, "nano note.txt", "^X Exit")
        await pilot.press(*"hello", "ctrl+o", "enter", "ctrl+x")
        await until(pilot, lambda: (tmp_path / "note.txt").exists() and "^X" not in pane(pilot).text)

        assert (tmp_path / "note.txt").read_text() == "hello\n"


@pytest.mark.skipif(shutil.which("less") is None, reason="no less here")
async def test_less_pages_and_gives_the_screen_back(service: FakeService, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("".join(f"line {number}\n" for number in range(500)))
    async with desk(service) as pilot:
        await line(pilot, "less long", "line 30")
        await pilot.press("G")
        await until(pilot, lambda: "line 499" in pane(pilot).text)
        await pilot.press("q")
        await until(pilot, lambda: "line 499" not in pane(pilot).text)

        assert "less long" in pane(pilot).text


async def test_twenty_thousand_lines_leave_the_keys_alive(service: FakeService) -> None:
    async with desk(service) as pilot:
        await pilot.press(*"seq 20000", "enter", "f6")
        assert not pane(pilot).has_focus
        await until(pilot, lambda: f"\n20000\n{PROMPT}" in pane(pilot).text)


async def test_a_paste_waits_for_enter_and_arrives_whole(service: FakeService, tmp_path: Path) -> None:
    async with desk(service) as pilot:
        text = f"cat > pasted <<'E'\n{'x' * 60_000}\n{'y' * 100}\x1b[201~\nE"
        pane(pilot).post_message(events.Paste(text))
        await until(pilot, lambda: "yyy" in pane(pilot).text, 30)
        assert not (tmp_path / "pasted").exists()
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "pasted").exists() and (tmp_path / "pasted").stat().st_size > 60_100)

        assert (tmp_path / "pasted").read_text() == f"{'x' * 60_000}\n{'y' * 100}[201~\n"


async def test_a_shell_that_has_ended_is_told_and_enter_opens_another(service: FakeService) -> None:
    async with desk(service) as pilot:
        await line(pilot, "exit 3", "The shell has ended (exit code 3).\nEnter opens another one.")
        await pilot.press("x", "enter")
        await until(pilot, lambda: PROMPT in pane(pilot).text and "has ended" not in pane(pilot).text)
        await line(pilot, "echo $((6*7))", "42")


async def test_a_shell_that_cannot_be_opened_is_told_and_can_be_tried_again(service: FakeService) -> None:
    service.line = ""
    async with desk(service) as pilot:
        await until(pilot, lambda: "Cannot open a shell: cannot open a shell: there is none here" in shown(pilot))
        service.line = BASH
        await pilot.press("enter")
        await until(pilot, lambda: PROMPT in pane(pilot).text)


async def test_nothing_is_left_behind_when_the_screen_closes(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mark = f"CKSLAB_TEST_MARK={tmp_path}"
    monkeypatch.setenv(*mark.split("="))
    async with desk(service) as pilot:
        await line(pilot, "trap '' HUP; sleep 1000 & nohup sleep 1001 & (sleep 1002 &)", PROMPT)
        inside = f"{mark}\0"
        await until(pilot, lambda: sum("sleep 100" in each for each in processes_with(inside)) == 3)
        await pilot.press("f6", "q")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        await until(pilot, lambda: not [each for each in processes_with(inside) if "sleep" in each or "bash" in each])


async def test_a_program_that_runs_in_it_is_not_ended_unasked(service: FakeService) -> None:
    async with desk(service) as pilot:
        await line(pilot, "cat", "cat")
        await until(pilot, lambda: pane(pilot).at_work)
        screen = pilot.app.screen
        await pilot.press("f6", "q")
        assert isinstance(pilot.app.screen, ConfirmWindow)
        await pilot.press("n")
        assert pilot.app.screen is screen
        await pilot.press("q", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))


async def test_what_a_shell_prints_does_not_leave_the_pane(service: FakeService) -> None:
    hostile = r"\033]0;owned\007\033]52;c;aGk=\007\033[21t\302\2332J[@click=app.quit]x[/]\342\200\256y\033[8;1;1t"
    async with desk(service) as pilot:
        await line(pilot, f"printf '{hostile}'; echo; echo next", "\nnext")
        await pilot.click(TerminalPane, offset=(5, 5))
        raw = shown(pilot)

        assert "[@click=app.quit]x[/]" in raw
        assert pilot.app.title == "ckslab"
        assert pilot.app.clipboard == ""
        assert not any(c in raw for c in "\x1b\x07\x9b\u202e")
        assert pilot.app.is_running


async def test_no_descriptor_is_left_open(service: FakeService) -> None:
    async with desk(service) as pilot:
        for _ in range(3):
            before = len(list(Path("/proc/self/fd").iterdir()))
            await line(pilot, "exit", "has ended")
            await pilot.press("enter")
            await until(pilot, lambda: PROMPT in pane(pilot).text and "has ended" not in pane(pilot).text)

        assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("\x1b:wq\r", ["escape", "colon", "w", "q", "enter"]),
        ("\x1b.", ["escape", "full_stop"]),
        ("\x1bz", ["alt+z"]),
        ("\x1b[A", ["up"]),
        ("a", ["a"]),
    ],
)
async def test_an_escape_that_arrives_with_what_follows_it_is_not_lost(typed: str, keys: list[str]) -> None:
    def read(parser: XTermParser) -> list[str]:
        got = [*parser.feed(typed), *parser.feed("")]
        return [event.key for event in got if isinstance(event, events.Key)]

    assert read(Parser()) == keys
    if keys[:1] == ["escape"]:
        assert read(XTermParser()) == keys[1:]  # where this fails Textual does it itself, and ours can go
