"""The list of scenarios by domain, and below it those that do not load."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ckslab_tui.app import entries
from ckslab_tui.app.words import FAINT, plain
from ckslab_tui.filtering import Filter
from ckslab_tui.views import Catalogue, Entry

WIDE = 110
"""Columns from which on there is room for more than the title."""


class Menu(OptionList):
    """Scenarios to choose from; the id of an option is the scenario's."""

    DEFAULT_CSS = """
    Menu, Menu:focus {
        height: 1fr; border: none; padding: 0; text-wrap: nowrap; text-overflow: ellipsis;
        background: $background; background-tint: $foreground 0%;
    }
    Menu > .option-list--option-disabled { color: $foreground; }
    Menu > .option-list--option-highlighted { text-style: bold; }
    Menu:focus > .option-list--option-highlighted { background: $primary 30%; color: $foreground; text-style: bold; }
    Menu:focus:nocolor > .option-list--option-highlighted { text-style: bold underline; }
    Menu:focus:light > .option-list--option-highlighted { background: $primary 10%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open", tooltip="Start the selected one, or go on with it")
    ]

    def show(self, catalogue: Catalogue, wanted: Filter, unfit: Mapping[str, str]) -> tuple[Entry, ...]:
        """Fill in the scenarios that are wanted; selected is the one that was, at first the one that is open.

        Returns:
            those that are shown.

        """
        before = self.highlighted_option.id if self.highlighted_option else None
        found = wanted.select(catalogue)
        self.clear_options()
        self.add_options(self._entries(catalogue, found, bool(wanted), unfit))
        if found:
            ids = [entry.id for entry in found]
            chosen = [id for id in (before, catalogue.open) if id in ids]
            self.highlighted = self.get_option_index(chosen[0] if chosen else ids[0])
        return found

    def _entries(
        self, catalogue: Catalogue, found: Sequence[Entry], filtered: bool, unfit: Mapping[str, str]
    ) -> Iterator[Option]:
        wide = self.app.size.width >= WIDE
        for domain in catalogue.domains:
            of_domain = [entry for entry in found if entry.domain == domain.id]
            if of_domain or not filtered:
                yield Option(entries.heading(domain), disabled=True)
            for entry in of_domain:
                yield Option(entries.entry_line(entry, catalogue, entry.id in unfit, wide), id=entry.id)
        if filtered and not found:
            yield Option(plain("Nothing is like that. Escape shows everything again.", FAINT), disabled=True)
        if catalogue.broken and not filtered:
            yield Option(plain("These do not load", "bold"), disabled=True)
            for broken in catalogue.broken:
                yield Option(plain("\n  ".join((f"  {broken.folder}", *broken.problems))), disabled=True)
