"""The app: it holds the service and the first screen, and nothing else. Screens do the rest."""

import sys

from rich.traceback import Traceback
from textual.app import App

from ckslab_labs import __version__
from ckslab_labs.errors import ExitCode, InvalidInput
from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.cli.options import Settings
from ckslab_tui.service import LabService, Service


class LabApp(App[None]):
    """``ckslab`` without a verb."""

    TITLE = "ckslab"
    SUB_TITLE = __version__

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service

    def on_mount(self) -> None:
        """Begin with the catalogue."""
        self.push_screen(CatalogueScreen(self.service))

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
    app = make_app(settings)
    app.run()
    return ExitCode.UNKNOWN if app.return_code else ExitCode.PASSED
