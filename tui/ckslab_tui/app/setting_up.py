"""The screen on which the programs of a control plane are built: once, for some minutes, and only if one wants to."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Footer, Header, RichLog, Static

from ckslab_checker.text import clean
from ckslab_tui.app.words import BAD, plain
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.machine import Machine
from ckslab_tui.views import Fitness


class SetUpScreen(WorkingScreen):
    """Says what is to be built, builds it, and can be left at any time."""

    CSS = "SetUpScreen #introduction { padding: 1 2; } SetUpScreen RichLog { padding: 0 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,b", "build", "Build", tooltip="Build what is missing, now"),
        Binding("q,escape", "leave", "Leave", tooltip="Leave; what is being built is given up"),
    ]

    def __init__(self, machine: Machine, fitness: Fitness) -> None:
        super().__init__()
        self.machine = machine
        self.fitness = fitness
        self.built = False

    def compose(self) -> ComposeResult:
        """What is to be built, and what is said as it is."""
        yield Header()
        yield Static(self._introduction(), id="introduction", markup=False)
        yield RichLog(wrap=True, markup=False, highlight=False)
        yield Footer()

    def action_build(self) -> None:
        """Begin."""
        if not self.built:
            self.work("building", self._build, self._done)

    def action_leave(self) -> None:
        """Go; a set-up that is under way is interrupted, and leaves nothing half-made."""
        self.workers.cancel_node(self)
        self.dismiss(None)

    @on(WorkingScreen.Told)
    def _told(self, event: WorkingScreen.Told) -> None:
        if event.text:
            self.query_one(RichLog).write(clean(event.text))

    def _build(self) -> None:
        self.machine.set_up(self.tell)

    def _done(self, _: object) -> None:
        self.built = True
        self.query_one(RichLog).write("Everything is there. Escape leads back.")

    def _introduction(self) -> Content:
        what = ", ".join(self.fitness.to_build)
        text = (
            f"Scenarios run on a control plane that is built from source, once. To be built yet: {what}.\n"
            f"That takes about {max(round(self.fitness.minutes), 1)} min on two cores, and up to 7 GB of disk. Enter "
            "builds it now; escape leaves it for later: the first scenario that you open would build it, too."
        )
        lacking = [fact for fact in self.fitness.facts.get("embedded", ()) if not fact.ok]
        wrong = (
            Content.assemble((f"\n✘ {fact.name}: ", BAD), plain(f"{fact.seen}. {fact.remedy}")) for fact in lacking
        )
        return Content.assemble(plain(text), *wrong)
