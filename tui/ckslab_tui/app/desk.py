"""Screens with a terminal beside what they show, where the window is wide enough for both."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.widget import Widget

from ckslab_labs.errors import InvalidInput, LabError
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.shell import Shell

if TYPE_CHECKING:
    from ckslab_tui.app.terminal import TerminalPane

DESK = 120
"""Columns from which a terminal stands beside the rest."""
WIDER = f"Make the window wider or its letters smaller (Ctrl -): from {DESK} columns a terminal stands beside the rest."
"""What to do in a browser, which has no terminal to step aside in."""


class DeskScreen(WorkingScreen):
    """A screen whose ``#body`` takes a terminal; the rest of it is dimmed to one pane, ``sheet``."""

    # The terminal is dark in every theme: programs choose their colours for that.
    DEFAULT_CSS = """
    DeskScreen #sheet { width: 2fr; }
    DeskScreen TerminalPane { display: none; width: 3fr; border: round #606060; border-title-color: #b0b0b0; }
    DeskScreen TerminalPane:focus { border: round #ffb454; border-title-color: #ffffff; }
    DeskScreen.-desk TerminalPane { display: block; }
    DeskScreen.-desk.-whole #sheet { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6", "terminal", "Terminal/task", priority=True, tooltip="Into the terminal, and out of it"),
        Binding("f8", "whole", "Whole window", priority=True, tooltip="Give the terminal the whole window, or not"),
    ]
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (DESK, "-desk")]  # noqa: RUF012, so declared by Textual
    OURS: ClassVar[frozenset[str]] = frozenset()
    """What keys do outside of the terminal only."""

    def __init__(self) -> None:
        super().__init__()
        self._pane: TerminalPane | None = None
        self._shell: Callable[[], Shell] | None = None
        self._narrowed = False

    def outside(self) -> Widget:
        """What has the focus where the terminal has not."""
        raise NotImplementedError

    async def use_shell(self, opening: Callable[[], Shell] | None) -> None:
        """Have this shell in the terminal, in the place of another, which is ended."""
        self._shell = opening
        if self._pane is not None:
            await self._pane.remove()
            self._pane = None
        self._open_terminal()

    def on_resize(self, event: events.Resize) -> None:
        """Where there is room a terminal stands beside the rest, with the focus; elsewhere it waits."""
        if event.size.width < DESK:
            self.remove_class("-whole")
            self._leave_hidden()
            return
        self._open_terminal()
        if self._narrowed and self._pane is not None:
            self._pane.focus()
        self._narrowed = False

    def on_descendant_focus(self) -> None:
        """Where the app comes back into view narrower than it went, its focus is given back to what is hidden now."""
        if self.size.width < DESK:
            self._leave_hidden()

    def _leave_hidden(self) -> None:
        if self.in_terminal:
            self._narrowed = True
            self.outside().focus()

    @property
    def in_terminal(self) -> bool:
        """Whether keys go to the shell."""
        return self._pane is not None and self._pane.has_focus

    @property
    def at_work(self) -> bool:
        """Whether something runs in the shell, and would be ended with it."""
        return self._pane is not None and self._pane.at_work

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the terminal all keys are the shell's but those that lead out of it; without one these do nothing."""
        if action in ("terminal", "whole"):
            return self._pane is not None and self.has_class("-desk")
        return not (self.in_terminal and action in self.OURS)

    def step_aside(self, shell: Shell, note: str, remedy: str) -> None:
        """Run a shell on this terminal until it ends.

        Args:
            shell: what to run.
            note: printed before.
            remedy: where that cannot be done here.

        """
        try:
            with self.app.suspend():
                print(f"\n{note}\n")
                shell.run()
        except LabError as error:
            self.app.push_screen(ErrorWindow(error))
        except SuspendNotSupported:
            remedy = WIDER if self.app.is_web else remedy
            self.app.push_screen(ErrorWindow(InvalidInput("open a shell here", "this is no terminal", remedy)))
        except OSError as error:
            self.app.push_screen(ErrorWindow(InvalidInput("open a shell here", str(error), remedy)))

    def action_terminal(self) -> None:
        """Into the terminal, and back."""
        if self._pane is not None and not self.in_terminal:
            self.set_focus(self._pane)
        else:
            self.remove_class("-whole")
            self.set_focus(self.outside())  # at once: the next key is typed already

    def action_whole(self) -> None:
        """Give the whole window to the terminal, or no longer."""
        self.toggle_class("-whole")
        if self._pane is not None:
            self._pane.focus()

    def _open_terminal(self) -> None:
        if self._pane is not None or self._shell is None or self.size.width < DESK:
            return
        from ckslab_tui.app.terminal import TerminalPane  # the emulator takes 0.1 s, which the first paint need not

        self._pane = TerminalPane(self._shell)
        self.query_one("#body").mount(self._pane)
        self._pane.focus()
