"""The app: it holds the service and the first screen, and nothing else. Screens do the rest.

They are imported once something is on the terminal: to load them takes longer than all else that a start does.
"""

import sys
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.traceback import Traceback
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Static

from ckslab_checker.text import clean
from ckslab_labs import __version__
from ckslab_labs.errors import ExitCode, InvalidInput, LabError
from ckslab_tui.app.help import HelpWindow, keys_of
from ckslab_tui.app.keys import keep_escapes
from ckslab_tui.app.taste import keep_theme, kept_theme
from ckslab_tui.cli.options import Settings
from ckslab_tui.port import Service
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_tui.app.catalogue import CatalogueScreen


class LabApp(App[None]):
    """``ckslab`` without a verb."""

    TITLE = "ckslab"
    SUB_TITLE = __version__
    CSS = """
    #opening { width: 100%; height: 100%; content-align: center middle; color: $text-muted; }
    MarkdownFence > Label { width: 1fr; text-wrap: wrap; }  /* else a long line ends at the edge of its pane */
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?", tooltip="The keys of this screen"),
        Binding("f1", "help", "Help", show=False),
    ]

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service

    def compose(self) -> ComposeResult:
        """What is there until the first screen is."""
        yield Static(f"{self.TITLE} {self.SUB_TITLE}", id="opening")

    def on_mount(self) -> None:
        """Begin with the catalogue, in the theme that was chosen last."""
        if (kept := kept_theme()) in self.available_themes:
            self.theme = kept
        self.theme_changed_signal.subscribe(self, self._theme_chosen)
        self.call_after_refresh(lambda: self.push_screen(self.first_screen()))

    def first_screen(self) -> "CatalogueScreen":
        """The catalogue."""
        from ckslab_tui.app.catalogue import CatalogueScreen

        return CatalogueScreen(self.service)

    def _theme_chosen(self, theme: Theme) -> None:
        self.run_worker(partial(self._keep_theme, theme.name), thread=True, exclusive=True, group="theme")

    def _keep_theme(self, name: str) -> None:
        """In a thread, as the disk may be slow. A theme that cannot be kept is in force all the same."""
        try:
            if name != kept_theme():
                keep_theme(name)
        except LabError as error:
            self.notify(clean(f"The theme is not kept for the next time: {error}"), severity="warning", markup=False)

    def action_help(self) -> None:
        """Tell the keys of the screen that is shown."""
        self.push_screen(HelpWindow(self.screen.active_bindings))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the command palette offers: whatever has a key on this screen, then Textual's own but its help."""
        for active, names in keys_of(self, screen.active_bindings):
            binding = active.binding
            if binding.show and active.enabled and not binding.system:
                told = f"{active.tooltip or binding.description} ({', '.join(names)})"
                yield SystemCommand(binding.description, told, partial(self._act, binding.action, active.node))
        yield from (each for each in super().get_system_commands(screen) if each.title not in ("Keys", "Quit"))

    async def _act(self, action: str, node: DOMNode) -> None:
        await self.run_action(action, node)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The app's own keys, and Textual's, are the shell's where a terminal has the focus."""
        ours = ("quit", "command_palette", "help")
        return not (action in ours and getattr(self.focused, "takes_all_keys", False))

    def _fatal_error(self) -> None:
        """A defect of ours ends the app; its report must not print local variables, which may hold credentials."""
        self.bell()
        self._exit_renderables.append(Traceback(show_locals=False, width=None))
        self._close_messages_no_wait()


def make_app(settings: Settings) -> LabApp:
    """The app on a plane of this machine."""
    return LabApp(LabService(settings))


def open_app(settings: Settings) -> int:
    """Run the app on this terminal until it is left.

    Returns:
        the exit code; not 0 when a defect of ours ended it.

    Raises:
        InvalidInput: this is no terminal.

    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        seen = "input or output is not a terminal"
        raise InvalidInput("open the app", seen, "Use the commands instead: see 'ckslab --help'.")
    keep_escapes()
    app = make_app(settings)
    app.run()
    return ExitCode.UNKNOWN if app.return_code else ExitCode.PASSED
