"""The first screen: all scenarios by domain, with what was reached in them."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Footer, Header, OptionList, Static
from textual.worker import Worker, WorkerState

from ckslab_tui.app.choose import ChooseWindow
from ckslab_tui.app.doctor import DoctorScreen
from ckslab_tui.app.entries import entry_details, one_line
from ckslab_tui.app.exam import ExamScreen
from ckslab_tui.app.exam_choice import ExamChoice
from ckslab_tui.app.menu import Menu
from ckslab_tui.app.search import Search
from ckslab_tui.app.setting_up import SetUpScreen
from ckslab_tui.app.starting import StartingScreen
from ckslab_tui.app.words import UNSURE, plain
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.exams import Wish
from ckslab_tui.filtering import Filter
from ckslab_tui.port import Service, Tell
from ckslab_tui.views import Catalogue, Entry, Fitness, Task

MACHINE = "machine"
"""The group of the workers that look at this machine: beside the service's, and nobody waits for them."""


class CatalogueScreen(WorkingScreen):
    """Lists the scenarios; enter opens one, or goes on with it where the learner left it.

    Args:
        service: what it asks.
        goes_on: begin with the scenario that is open, if there is one.

    """

    CSS = """
    CatalogueScreen #scope { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    CatalogueScreen #details { height: auto; min-height: 4; max-height: 40%; padding: 0 1; border-top: solid $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "anew", "Start anew", tooltip="Start the selected one from its beginning"),
        Binding("slash", "search", "Search", tooltip="Search as you type", key_display="/"),
        Binding("f", "choose", "Filter", tooltip="By state, difficulty, domain and more"),
        Binding("e", "exam", "Exam", tooltip="Sit an exam, or go on with one"),
        Binding("d", "doctor", "Doctor", tooltip="What this machine has and lacks"),
        Binding("escape", "show_all", "Everything", show=False, tooltip="Show all scenarios again"),
        Binding("q", "app.quit", "Quit", tooltip="Leave the app; what runs goes on"),
    ]

    wanted: reactive[Filter] = reactive(Filter())
    """Which scenarios are shown."""
    fitness: reactive[Fitness | None] = reactive(None)
    """What this machine has and lacks; none until it was looked at."""

    def __init__(self, service: Service, *, goes_on: bool = False) -> None:
        super().__init__()
        self.service = service
        self._goes_on = goes_on
        self.listed = Catalogue(())
        self.entries: dict[str, Entry] = {}
        self._read_again = False
        self._offered = False

    def compose(self) -> ComposeResult:
        """What is searched for, the list, and what there is to say about the selected scenario."""
        yield Header()
        yield Search()
        yield Static("Reading the scenarios …", id="scope", markup=False)
        yield Menu()
        yield Static(id="details", markup=False)
        yield Footer(show_command_palette=False)  # the keys of this screen need the room; help tells it

    def on_mount(self) -> None:
        """Begin in the list."""
        self.query_one(Menu).focus()

    def on_screen_resume(self) -> None:
        """Read it again whenever one comes back: another scenario may be open now."""
        self._offer_set_up()
        if self.busy:  # what is being read may be what was there before
            self._read_again = True
        else:
            self.work("reading the scenarios", self.service.catalogue, self._read)

    def on_resize(self) -> None:
        """A wider line says more."""
        self._show()

    def watch_wanted(self) -> None:
        """Show what is wanted now."""
        self._show()

    def watch_fitness(self) -> None:
        """Show what cannot run here."""
        self._show()
        self._offer_set_up()

    # --- what is shown ---------------------------------------------------------------------------------------------

    def _read(self, catalogue: Catalogue) -> None:
        self.entries = {entry.id: entry for entry in catalogue.entries}
        self.listed = catalogue
        self._show()
        if self.fitness is None:
            self._look()
        if self._read_again:
            self._read_again = False
            self.on_screen_resume()
        elif self._goes_on and self.is_current and (entry := self.entries.get(self.listed.open or "")):
            self._open(entry, self.service.go_on)
        self._goes_on = False

    def _show(self) -> None:
        if not self.entries and not self.listed.broken:
            return
        found = self.query_one(Menu).show(self.listed, self.wanted, self._unfit)
        self.query_one("#scope", Static).update(self._scope(len(found)))
        if not found:
            self.query_one("#details", Static).update("")

    @property
    def _unfit(self) -> dict[str, str]:
        return dict(self.fitness.unfit) if self.fitness else {}

    def _scope(self, found: int) -> Content:
        if self.listed.remark:
            return one_line(f"! {self.listed.remark}", UNSURE)
        total, passed = len(self.entries), sum(domain.passed for domain in self.listed.domains)
        if not self.wanted:
            return plain(f"{total} scenarios, {passed} passed")
        return one_line(f"{found} of {total} scenarios · {self.wanted} · escape shows all")

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        entry = self.entries.get(event.option_id or "")
        if entry is not None:
            details = entry_details(entry, self.listed, self._unfit.get(entry.id, ""))
            self.query_one("#details", Static).update(details)

    # --- choosing --------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Search as one types."""
        self.query_one(Search).begin()

    @on(Search.Wanted)
    def _searched(self, event: Search.Wanted) -> None:
        self.wanted = Filter(event.text, self.wanted.chosen)

    @on(Search.Done)
    def _search_done(self) -> None:
        self.query_one(Menu).focus()

    def action_choose(self) -> None:
        """Choose by facets."""
        self.app.push_screen(ChooseWindow(self.listed, self.wanted), self._chosen)

    def _chosen(self, wanted: Filter | None) -> None:
        self.wanted = wanted or Filter()

    def action_show_all(self) -> None:
        """Forget what was searched for and chosen."""
        self.query_one(Search).empty()
        self.wanted = Filter()

    # --- the machine -----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        look = partial(self.service.machine.look, self.listed.entries)
        self.run_worker(look, thread=True, exclusive=True, exit_on_error=False, group=MACHINE)

    def _look_again(self, _: object) -> None:
        self._look()

    @on(Worker.StateChanged)
    def _looked(self, event: Worker.StateChanged) -> None:
        if event.worker.group == MACHINE and event.state is WorkerState.SUCCESS:
            self.fitness = event.worker.result

    def action_exam(self) -> None:
        """Go on with the exam that is being sat, or choose one."""
        self.work("looking for an exam", self.service.exams.sat_now, self._sit)

    def _sit(self, sat: object) -> None:
        if sat is not None:
            self.app.push_screen(ExamScreen(self.service.exams))
        else:
            domains = {entry.domain for entry in self.entries.values() if entry.id not in self._unfit}
            self.app.push_screen(ExamChoice(domains, self.listed.exams[-1:]), self._sit_another)

    def _sit_another(self, wish: Wish | None) -> None:
        if wish is not None:
            self.app.push_screen(ExamScreen(self.service.exams, wish))

    def _offer_set_up(self) -> None:
        """On a machine on which something is to be built, offer to; once, when nothing else is looked at."""
        if self.fitness and self.fitness.to_build and self.app.screen is self and not self._offered:
            self._offered = True
            self.app.push_screen(SetUpScreen(self.service.machine, self.fitness), self._look_again)

    def action_doctor(self) -> None:
        """Show what this machine has and lacks."""
        self.app.push_screen(DoctorScreen(self.service.machine, self.listed.entries), self._look_again)

    # --- opening ---------------------------------------------------------------------------------------------------

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        entry = self.entries.get(event.option_id or "")
        if entry is not None:
            self._open(entry, self.service.go_on)

    def action_anew(self) -> None:
        """Start the selected scenario from its beginning; asks first where a learner's work on the cluster is lost."""
        selected = self.query_one(Menu).highlighted_option
        entry = self.entries.get((selected.id if selected else None) or "")
        if entry is not None:  # another app may have opened or put aside something since it was read
            self.work("reading the scenarios", self.service.catalogue, partial(self._begin_anew, entry))

    def _begin_anew(self, entry: Entry, listed: Catalogue) -> None:
        self._read(listed)
        start = partial(self._open, entry, self.service.start)
        if entry.id == self.listed.open or entry.id in self.listed.aside:
            self.after_yes("Start it from its beginning? What you changed in its cluster is lost.", start)
        else:
            start()

    def _open(self, entry: Entry, opening: Callable[[str, Tell], Task]) -> None:
        self.app.push_screen(StartingScreen(self.service, entry, partial(opening, entry.id)))
