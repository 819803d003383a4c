"""The window that shows one tier of hints. The text is the scenario's own Markdown."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Markdown, Static

from ckslab_tui.views import Hint


class HintWindow(ModalScreen[None]):
    """Shows a hint until a key is pressed."""

    CSS = """
    HintWindow { align: center middle; }
    HintWindow VerticalScroll {
        width: 80%; max-width: 100; height: auto; max-height: 80%; padding: 1 2;
        border: round $primary; background: $surface;
    }
    HintWindow Markdown { height: auto; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter,q,h", "dismiss", "Close")]

    def __init__(self, hint: Hint) -> None:
        super().__init__()
        self.hint = hint

    def compose(self) -> ComposeResult:
        """The hint's number and text."""
        with VerticalScroll():
            yield Static(f"Hint {self.hint.number} of {self.hint.of}    enter, escape: close", markup=False)
            yield Markdown(self.hint.text, open_links=False)
