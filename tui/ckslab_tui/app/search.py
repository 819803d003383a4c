"""The line in which one types what to search for; it is there only as long as it is needed."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from ckslab_checker.text import clean

LONGEST = 200
"""Characters that one may search for."""


class Search(Input):
    """Tells every change of the words, and when the person is done with it."""

    DEFAULT_CSS = "Search { display: none; } Search.-used { display: block; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "done", "To the list", tooltip="Keep the words, and choose in the list"),
        Binding("escape", "give_up", "No search", tooltip="Show everything again"),
    ]

    @dataclass
    class Wanted(Message):
        """These words are searched for."""

        text: str

    @dataclass
    class Done(Message):
        """The list is wanted now."""

    def __init__(self) -> None:
        super().__init__(placeholder="words of a title, a domain, a competency ...", compact=True)

    def validate_value(self, value: str) -> str:
        """What is pasted may come from anywhere, and is shown on the terminal."""
        return clean(value[:LONGEST]).replace("\t", " ")

    def begin(self) -> None:
        """Show it, and take what is typed."""
        self.add_class("-used")
        self.focus()

    def empty(self) -> None:
        """Take it away, with its words."""
        self.remove_class("-used")
        self.value = ""

    def action_done(self) -> None:
        """Leave it, with its words; without any it goes away."""
        if not self.value.strip():
            self.empty()
        self.post_message(self.Done())

    def action_give_up(self) -> None:
        """Leave it, and search for nothing."""
        self.empty()
        self.post_message(self.Done())

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Wanted(event.value))
