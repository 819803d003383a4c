"""The window in which one chooses an exam: the real one, a shorter one, or practice."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ckslab_tui.app.entries import one_line
from ckslab_tui.exam_text import last_exam
from ckslab_tui.exams import Wish, variants

if TYPE_CHECKING:
    from ckslab_labs.progress.exam_taken import ExamTaken


class ExamChoice(ModalScreen[Wish]):
    """Gives back what was chosen; nothing where none was.

    Args:
        domains: those that have tasks on this machine.
        last: the exam that was marked last, where there is one.

    """

    CSS = """
    ExamChoice { align: center middle; }
    ExamChoice OptionList { width: 64; max-width: 95%; height: auto; max-height: 90%; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "dismiss", "Close")]

    def __init__(self, domains: Collection[str], last: Sequence["ExamTaken"] = ()) -> None:
        super().__init__()
        self._last = last
        self.variants = variants(domains)

    def compose(self) -> ComposeResult:
        """The kinds of exam."""
        chooser = OptionList(*(Option(one_line(name)) for name, _ in self.variants))
        chooser.border_title = "Sit an exam · enter: begin · escape: not now"
        for exam in self._last:
            chooser.border_subtitle = one_line(f"The last one: {last_exam(exam)}")
        yield chooser

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.variants[event.option_index][1])
