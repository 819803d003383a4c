"""The list of a task's checks with their outcomes."""

from dataclasses import dataclass

from textual import on
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ckslab_checker.outcome import Report
from ckslab_tui.app import words
from ckslab_tui.views import CheckLine


class CheckList(OptionList):
    """One line per check; the selected one is told to whoever listens."""

    @dataclass
    class Chosen(Message):
        """The person looks at this check."""

        index: int

    def __init__(self, checks: tuple[CheckLine, ...]) -> None:
        super().__init__(*(Option(words.check_line(check, None)) for check in checks))
        self.checks = checks

    def show(self, report: Report | None) -> None:
        """Write the outcomes beside the checks, in place: the selection stays where it is."""
        results = {result.id: result for result in report.checks} if report else {}
        for index, check in enumerate(self.checks):
            line = words.check_line(check, results.get(check.id))
            if line != self.get_option_at_index(index).prompt:
                self.replace_option_prompt_at_index(index, line)

    @on(OptionList.OptionHighlighted)
    def _chosen(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.post_message(self.Chosen(event.option_index))
