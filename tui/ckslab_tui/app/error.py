"""The window that shows an error: what was attempted, what was seen, what to do. Closing it changes nothing."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ckslab_labs.errors import LabError
from ckslab_tui.app.words import FAINT, plain


class ErrorWindow(ModalScreen[None]):
    """Shows one error until a key is pressed."""

    CSS = """
    ErrorWindow { align: center middle; }
    ErrorWindow VerticalScroll {
        width: 80%; max-width: 100; height: auto; max-height: 80%; padding: 1 2;
        border: round $error; background: $surface;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter,q", "dismiss", "Close")]

    def __init__(self, error: LabError) -> None:
        super().__init__()
        self.error = error

    def compose(self) -> ComposeResult:
        """The three parts of the error, and how to close the window."""
        with VerticalScroll():
            yield Static(
                Content.assemble(
                    plain(f"Cannot {self.error.attempted}", "bold"),
                    "\n\n",
                    plain(self.error.seen),
                    "\n\n",
                    plain(self.error.remedy),
                    ("\n\nenter, escape: close", FAINT),
                ),
                markup=False,
            )
