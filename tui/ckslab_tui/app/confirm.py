"""A question that is answered with yes or no."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import Static


class ConfirmWindow(ModalScreen[bool]):
    """Asks before something is lost; ``True`` is given back only for an explicit yes."""

    CSS = """
    ConfirmWindow { align: center middle; }
    ConfirmWindow Static {
        width: auto; max-width: 80%; padding: 1 2; border: round $warning; background: $surface;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("y,enter", "dismiss(True)", "Yes"),
        ("n,escape,q", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        yield Static(f"{self.question}\n\ny, enter: yes    n, escape: no", markup=False)
