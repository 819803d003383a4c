"""The window in which one chooses which scenarios the catalogue shows."""

from collections.abc import Iterator
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList
from textual.widgets.option_list import Option

from ckslab_tui.app.entries import one_line
from ckslab_tui.app.words import FAINT
from ckslab_tui.filtering import Filter, choices
from ckslab_tui.views import Catalogue


class ChooseWindow(ModalScreen[Filter]):
    """Turns values of facets on and off; gives back the filter that is then wanted."""

    CSS = """
    ChooseWindow { align: center middle; }
    ChooseWindow OptionList { width: 70%; min-width: 50; max-width: 90; height: 80%; border: round $primary; }
    ChooseWindow OptionList > .option-list--option-disabled { color: $foreground; }
    ChooseWindow OptionList > .option-list--option-highlighted {
        background: $primary 30%; color: $foreground; text-style: bold;
    }
    ChooseWindow OptionList:nocolor > .option-list--option-highlighted { text-style: bold underline; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "Choose", tooltip="Show scenarios with this value"),
        Binding("a", "all", "All", tooltip="Choose nothing: everything is shown"),
        Binding("escape,f,q", "close", "Close"),
    ]

    def __init__(self, catalogue: Catalogue, wanted: Filter) -> None:
        super().__init__()
        self.catalogue = catalogue
        self.wanted = wanted
        self.lines = [
            line
            for facet, values in choices(catalogue).items()
            for line in ((facet, "", 0), *((facet, value, count) for value, count in values.items()))
        ]
        """What the options stand for: facet, value, number of scenarios; without a value a heading."""

    def compose(self) -> ComposeResult:
        """All facets with their values, and the keys."""
        chooser = OptionList(*self._options())
        chooser.border_title = "Show only"
        yield chooser
        yield Footer()

    def on_mount(self) -> None:
        """Begin with the first value."""
        self._write()
        self.query_one(OptionList).highlighted = 1 if len(self.lines) > 1 else None

    def action_choose(self) -> None:
        """Turn the selected value on or off."""
        chooser = self.query_one(OptionList)
        if chooser.highlighted is not None:
            self._toggle(chooser.highlighted)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._toggle(event.option_index)

    def action_all(self) -> None:
        """Choose nothing."""
        self.wanted = Filter(self.wanted.text)
        self._write()

    def action_close(self) -> None:
        """Give back what was chosen."""
        self.dismiss(self.wanted)

    def _options(self) -> Iterator[Option]:
        for facet, value, _ in self.lines:
            yield Option(one_line(facet.capitalize(), "bold"), disabled=True) if not value else Option("")

    def _toggle(self, index: int) -> None:
        facet, value, _ = self.lines[index]
        self.wanted = self.wanted.toggled(facet, value)
        self._write()

    def _write(self) -> None:
        """Write the values with their marks, in place: the selection stays where it is."""
        chooser = self.query_one(OptionList)
        for index, (facet, value, count) in enumerate(self.lines):
            if value:
                mark = "[x]" if (facet, value) in self.wanted.chosen else "[ ]"
                line = Content.assemble(f"  {mark} ", one_line(value), (f"  {count}", FAINT))
                chooser.replace_option_prompt_at_index(index, line)
