"""The pane that a shell runs in, beside the task.

It shows the emulator's rows and hands on what is typed; while it has the focus every key is the shell's but those that
its screen holds back. It begins the shell itself, shows one that has ended, and ends everything when it goes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from ckslab_checker.text import clean_line
from ckslab_labs.errors import LabError
from ckslab_tui.app.emulator import Emulator
from ckslab_tui.shell import Shell
from ckslab_tui.standing import counted
from ckslab_tui.terminal import Terminal

PAGES = {"shift+pageup": 1, "shift+pagedown": -1}
"""Keys that look at what has left the screen, as in most terminals: how many pages back."""


class TerminalPane(Widget, can_focus=True):
    """A terminal with a shell in it.

    Args:
        opening: makes the shell ready; called in a thread, may take seconds and raise ``LabError``.

    """

    DEFAULT_CSS = """
    TerminalPane { background: #101010; color: #e0e0e0; }
    """
    ALLOW_SELECT = False
    takes_all_keys = True
    """Told to the app, whose own keys come first elsewhere."""

    @dataclass
    class Ended(Message):
        """The shell has ended, or could not be begun."""

        why: str

    def __init__(self, opening: Callable[[], Shell], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._opening = opening
        self._emulator = Emulator(80, 24, self._send)
        self._terminal: Terminal | None = None
        self._page: Any = None
        self._seen = -1
        self._cursor: tuple[int, int] | None = None
        self._styles: dict[object, Style] = {}

    @property
    def text(self) -> str:
        """What is to be read in it."""
        return self._emulator.text

    @property
    def running(self) -> bool:
        """Whether a shell runs."""
        return self._terminal is not None and self._terminal.running

    @property
    def at_work(self) -> bool:
        """Whether something runs in the shell, and would be ended with it."""
        return self._terminal is not None and self._terminal.at_work

    # --- the shell's life ----------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin."""
        self._say_keys()
        self._begin()

    async def on_unmount(self) -> None:
        """Leave nothing behind."""
        await self._end()

    def _begin(self) -> None:
        self._say("Opening a shell …")
        self.run_worker(self._opening, thread=True, exit_on_error=False, group="shell")

    async def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Run the shell that was made ready, or show why there is none."""
        if event.state is WorkerState.SUCCESS and event.worker.result is not None:
            await self._run(event.worker.result)
        elif event.state is WorkerState.ERROR:
            self._over(f"Cannot open a shell: {event.worker.error}")

    async def _run(self, shell: Shell) -> None:
        await self._end()
        self._emulator.reset()
        self._say(shell.note)
        width, height = self.size
        try:
            self._terminal = Terminal(shell, max(1, width), max(1, height), self._heard, self._exited)
        except LabError as error:
            self._over(str(error))

    async def _end(self) -> None:
        terminal, self._terminal = self._terminal, None
        if terminal is not None:
            await asyncio.to_thread(terminal.end)

    def _exited(self, code: int) -> None:
        self._over(f"The shell has ended (exit code {code}).")

    def _over(self, why: str) -> None:
        self._emulator.recover()
        self._say(why)
        self._say("Enter opens another one.")
        self.post_message(self.Ended(why))

    def _say(self, text: str) -> None:
        """Write a line of ours."""
        self._heard(f"\x1b[0;2m{clean_line(text)}\x1b[0m\r\n".encode())

    # --- what is typed -------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        if self._terminal is not None:
            self._terminal.write(data)

    def on_key(self, event: events.Key) -> None:
        """Hand a key on; where no shell runs, Enter begins another one. Two keys look back, any other no longer."""
        event.stop()
        event.prevent_default()
        if event.key in PAGES and not self._emulator.own_screen:
            return self._look(PAGES[event.key] * max(1, self.size.height - 1))
        self._look_no_longer()
        if self.running:
            self._emulator.key(event.key, event.character)
        elif event.key == "enter" and not any(worker.is_running for worker in self.workers if worker.node is self):
            self._begin()
        return None

    def on_paste(self, event: events.Paste) -> None:
        """Hand a paste on."""
        event.stop()
        self.paste(event.text)

    def paste(self, text: str) -> None:
        """Give the shell a text as if it were pasted here; without a control in it but ends of lines and tabs."""
        self._look_no_longer()
        self._emulator.paste(text)

    # --- looking back, and the mouse -----------------------------------------------------------------------------

    def _look(self, lines: int) -> None:
        if self._emulator.past.scroll(lines):
            self._say_keys()

    def _look_no_longer(self) -> None:
        if self._emulator.past.to_end():
            self._say_keys()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look back, or tell the program."""
        self._wheel(event, up=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look forth, or tell the program."""
        self._wheel(event, up=False)

    def _wheel(self, event: events.MouseEvent, *, up: bool) -> None:
        event.stop()
        event.prevent_default()
        if (place := event.get_content_offset(self)) is not None:
            self._emulator.wheel(place.x, place.y, up=up)
            self._say_keys()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Tell the program, if it wants to know."""
        self._tell(event, "press")

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """As for what was pressed."""
        self._tell(event, "release")

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """As for what was pressed."""
        self._tell(event, "move")

    def _tell(self, event: events.MouseEvent, what: str) -> None:
        if (place := event.get_content_offset(self)) is not None:
            self._emulator.mouse(place.x, place.y, max(0, event.button - 1), what)

    # --- what is shown -------------------------------------------------------------------------------------------

    def _heard(self, data: bytes) -> None:
        self._emulator.feed(data)
        self._refresh_changed()

    def _refresh_changed(self) -> None:
        """Draw the rows anew that have changed, and those that the cursor has left or come to."""
        if self._emulator.own_screen:
            self._emulator.past.to_end()
        page, cursor = self._emulator.page, self._emulator.cursor
        rows = set(page.dirty_rows(self._seen)) if page is self._page else set(range(self.size.height))
        rows |= {place[1] for place in (cursor, self._cursor) if place is not None and cursor != self._cursor}
        self._page, self._seen, self._cursor = page, page.observe(), cursor
        if self._emulator.past.back:
            self._say_keys()
        elif rows and self.is_attached:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in rows if y < self.size.height))

    def on_resize(self) -> None:
        """Tell emulator and shell the new size; one that is hidden keeps what it has."""
        width, height = self.size
        if width and height:
            self._emulator.resize(width, height)
            if self._terminal is not None:
                self._terminal.resize(width, height)
            self.refresh()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show or hide the cursor, and say which key leads out or in."""
        super().watch_has_focus(has_focus)
        self._say_keys()

    def _say_keys(self) -> None:
        self.border_title = "Terminal · F6 leaves it · F8 whole window" if self.has_focus else "Terminal · F6 leads in"
        back = self._emulator.past.back
        self.border_subtitle = f"{counted(back, 'line')} back · typing leads to the end" if back else ""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row, with the cursor where it is."""
        emulator = self._emulator
        place = emulator.cursor if self.has_focus else None
        cursor = place and (place[0], place[1] + emulator.past.back)
        base = self.rich_style
        segments = []
        for x, (style, glyph) in enumerate(emulator.seen(y)[: self.size.width]):
            shown = base + self._style(style)
            segments.append(Segment(glyph, shown + Style(reverse=not shown.reverse) if (x, y) == cursor else shown))
        return Strip(Segment.simplify(segments)).adjust_cell_length(self.size.width, base)

    def _style(self, style: object) -> Style:
        if len(self._styles) > 1000:
            self._styles.clear()
        if style not in self._styles:
            self._styles[style] = _rich(style, self._emulator.color)
        return self._styles[style]


def _rich(style: object, color: Callable[[object], tuple[int, int, int] | None]) -> Style:
    def named(which: str) -> str | None:
        found = color(getattr(style, which))
        return None if found is None else "#{:02x}{:02x}{:02x}".format(*found)

    marks = ("bold", "dim", "italic", "underline", "reverse", "strike")
    return Style(color=named("fg"), bgcolor=named("bg"), **{mark: getattr(style, mark) for mark in marks})
