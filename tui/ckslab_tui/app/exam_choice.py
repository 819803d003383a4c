"""The window in which one chooses an exam: the real one, a shorter one, or practice."""

from collections.abc import Collection
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ckslab_tui.app.entries import one_line
from ckslab_tui.exams import Wish, variants


class ExamChoice(ModalScreen[Wish]):
    """Gives back what was chosen; nothing where none was.

    Args:
        domains: those that have tasks on this machine.

    """

    CSS = """
    ExamChoice { align: center middle; }
    ExamChoice OptionList { width: 64; max-width: 95%; height: auto; max-height: 90%; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "dismiss", "Close")]

    def __init__(self, domains: Collection[str]) -> None:
        super().__init__()
        self.variants = variants(domains)

    def compose(self) -> ComposeResult:
        """The kinds of exam."""
        chooser = OptionList(*(Option(one_line(name)) for name, _ in self.variants))
        chooser.border_title = "Sit an exam · enter: begin · escape: not now"
        yield chooser

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.variants[event.option_index][1])
