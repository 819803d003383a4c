"""The first screen: all scenarios by domain."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Header, OptionList, Static

from ckslab_tui.app import words
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.menu import Menu
from ckslab_tui.app.starting import StartingScreen
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.service import Service, Tell
from ckslab_tui.views import Catalogue, Entry, Task


class CatalogueScreen(WorkingScreen):
    """Lists the scenarios; enter opens one, or goes on with it where the learner left it."""

    CSS = """
    CatalogueScreen Menu, CatalogueScreen Menu:focus {
        height: 1fr; border: none; text-wrap: nowrap; text-overflow: ellipsis;
    }
    CatalogueScreen #details { height: auto; min-height: 3; padding: 0 2; border-top: solid $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("n", "anew", "Start anew"), ("q", "app.quit", "Quit")]

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.listed = Catalogue(())
        self.entries: dict[str, Entry] = {}

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
        self.listed = catalogue
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
            self._open(entry, self._go_on)

    def action_anew(self) -> None:
        """Start the selected scenario from its beginning; asks first where a learner's work on the cluster is lost."""
        selected = self.query_one(Menu).highlighted_option
        entry = self.entries.get((selected.id if selected else None) or "")
        if entry is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._open(entry, self._start)

        if entry.id == self.listed.open or entry.id in self.listed.aside:
            question = ConfirmWindow("Start it from its beginning? What you changed in its cluster is lost.")
            self.app.push_screen(question, answered)
        else:
            answered(True)

    def _open(self, entry: Entry, opening: Callable[[Entry, Tell], Task]) -> None:
        self.app.push_screen(StartingScreen(self.service, entry, partial(opening, entry)))

    def _start(self, entry: Entry, tell: Tell) -> Task:
        return self.service.start(entry.id, tell)

    def _go_on(self, entry: Entry, tell: Tell) -> Task:
        if entry.id == self.listed.open:
            return self.service.current()
        return self.service.start(entry.id, tell, resume=entry.id in self.listed.aside)
