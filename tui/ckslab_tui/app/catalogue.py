"""The first screen: all scenarios by domain."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Header, OptionList, Static

from ckslab_tui.app import words
from ckslab_tui.app.menu import Menu
from ckslab_tui.app.starting import StartingScreen
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.service import Service
from ckslab_tui.views import Catalogue, Entry


class CatalogueScreen(WorkingScreen):
    """Lists the scenarios; enter opens one."""

    CSS = """
    CatalogueScreen Menu, CatalogueScreen Menu:focus {
        height: 1fr; border: none; text-wrap: nowrap; text-overflow: ellipsis;
    }
    CatalogueScreen #details { height: auto; min-height: 3; padding: 0 2; border-top: solid $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("q", "app.quit", "Quit")]

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.entries: dict[str, Entry] = {}
        self.open: str | None = None

    def compose(self) -> ComposeResult:
        """The list, and what there is to say about the selected scenario."""
        yield Header()
        yield Menu()
        yield Static("Reading the scenarios …", id="details", markup=False)
        yield Footer()

    def on_screen_resume(self) -> None:
        """Read it again whenever one comes back: another scenario may be open now."""
        self.work("reading the scenarios", self.service.catalogue, self._show)

    def _show(self, catalogue: Catalogue) -> None:
        self.entries = {entry.id: entry for entry in catalogue.entries}
        self.open = catalogue.open
        self.query_one(Menu).show(catalogue)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        entry = self.entries.get(event.option_id or "")
        if entry is not None:
            self.query_one("#details", Static).update(words.entry_details(entry))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        entry = self.entries.get(event.option_id or "")
        if entry is not None:
            self.app.push_screen(StartingScreen(self.service, entry, entry.id == self.open))
