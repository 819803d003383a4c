"""The list of scenarios by domain, and below it those that do not load."""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ckslab_tui.app import words
from ckslab_tui.views import Catalogue


class Menu(OptionList):
    """Scenarios to choose from; the id of an option is the scenario's."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Open")]

    def show(self, catalogue: Catalogue) -> None:
        """Fill in the scenarios; selected is the one that was, at first the one that is open."""
        before = self.highlighted_option.id if self.highlighted_option else None
        self.clear_options()
        self.add_options(_options(catalogue))
        wanted = [entry.id for id in (before, catalogue.open) for entry in catalogue.entries if entry.id == id]
        if catalogue.entries:
            self.highlighted = self.get_option_index(wanted[0]) if wanted else 1


def _options(catalogue: Catalogue) -> Iterator[Option]:
    for title, entries in catalogue.by_domain().items():
        yield Option(words.plain(title, "bold"), disabled=True)
        for entry in entries:
            yield Option(words.entry_line(entry, catalogue), id=entry.id)
    if catalogue.broken:
        yield Option(words.plain("These do not load", "bold"), disabled=True)
    for broken in catalogue.broken:
        yield Option(words.plain("\n  ".join((f"  {broken.folder}", *broken.problems))), disabled=True)
