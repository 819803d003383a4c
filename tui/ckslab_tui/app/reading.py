"""The window in which a longer text is read: hints, the solution and why it is right. The text is Markdown."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ckslab_tui.app import words


class ReadingWindow(ModalScreen[bool]):
    """Shows a text until it is closed; ``True`` is given back when the person asks for what comes next.

    Args:
        title: what it is.
        text: Markdown.
        more: what comes next; empty where nothing does.

    """

    CSS = """
    ReadingWindow { align: center middle; }
    ReadingWindow VerticalScroll {
        width: 80%; max-width: 100; height: auto; max-height: 90%; padding: 1 2;
        border: round $primary; background: $surface;
    }
    ReadingWindow Markdown { height: auto; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter,q", "dismiss(False)", "Close"), ("n", "more", "Next")]

    def __init__(self, title: str, text: str, more: str = "") -> None:
        super().__init__()
        self.heading = title
        self.text = text
        self.more = more

    @staticmethod
    def columns(width: int) -> int:
        """How many characters of a line that is not to be wrapped are seen, on a terminal of that width."""
        return min(width * 8 // 10, 100) - 10

    def compose(self) -> ComposeResult:
        """What it is, the text, and the keys."""
        keys = f"n: {self.more}    enter, escape: close" if self.more else "enter, escape: close"
        with VerticalScroll():
            yield Static(words.plain(f"{self.heading}    {keys}", "bold"))
            yield words.markdown(self.text)

    def action_more(self) -> None:
        """Close it, and go on."""
        if self.more:
            self.dismiss(True)
