"""The screen between catalogue and task: what is being done until the scenario is ready, and a way to give up."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Label, RichLog

from ckslab_checker.text import clean
from ckslab_labs.errors import LabError
from ckslab_tui.app import words
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.port import Service, Tell
from ckslab_tui.views import Entry, Task


class StartingScreen(WorkingScreen):
    """Makes one call that opens a scenario, and gives way to its task."""

    CSS = "StartingScreen { padding: 1 2; } StartingScreen RichLog { margin: 1 0; }"
    BINDINGS: ClassVar[list[BindingType]] = [("q,escape", "give_up", "Give up")]

    def __init__(self, service: Service, entry: Entry, opening: Callable[[Tell], Task]) -> None:
        super().__init__()
        self.service = service
        self.entry = entry
        self.opening = opening

    def compose(self) -> ComposeResult:
        """A title and a log."""
        yield Label(words.plain(f"Opening: {self.entry.title}"))
        yield RichLog(wrap=True, markup=False, highlight=False)
        yield Footer()

    def on_mount(self) -> None:
        """Begin."""
        self.work("opening", self._open, self._opened)

    def action_give_up(self) -> None:
        """Back to the catalogue; the service unwinds at its next word."""
        self.workers.cancel_node(self)
        self.app.pop_screen()

    def failed(self, error: LabError) -> None:
        """Without a task there is nothing to show here: back, with the error on top."""
        if self.is_current:
            self.app.pop_screen()
            self.app.push_screen(ErrorWindow(error))

    @on(WorkingScreen.Told)
    def _told(self, event: WorkingScreen.Told) -> None:
        self.query_one(RichLog).write(clean(event.text))

    def _open(self) -> Task:
        return self.opening(self.tell)

    def _opened(self, task: Task) -> None:
        self.app.switch_screen(TaskScreen(self.service, task))
