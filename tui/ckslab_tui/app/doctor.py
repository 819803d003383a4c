"""The screen of what this machine has and lacks: the doctor's findings with their remedies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Footer, Header, Static

from ckslab_labs.binaries.doctor import Finding
from ckslab_tui.app.setting_up import SetUpScreen
from ckslab_tui.app.words import BAD, FAINT, GOOD, plain
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.machine import Machine
from ckslab_tui.views import Entry, Fitness

TITLES = {"embedded": "For a plane", "kind": "For real nodes, with kind"}


class DoctorScreen(WorkingScreen):
    """Looks at the machine, and again whenever it is asked to."""

    CSS = """
    DoctorScreen VerticalScroll { padding: 0 1; }
    DoctorScreen Horizontal { height: auto; }
    DoctorScreen Horizontal .sign { width: 11; }
    DoctorScreen Horizontal .fact { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "look", "Look again", tooltip="Look at this machine again"),
        Binding("b", "build", "Build", tooltip="Build what is missing"),
        Binding("q,escape", "dismiss(None)", "Back"),
    ]

    def __init__(self, machine: Machine, entries: Sequence[Entry]) -> None:
        super().__init__()
        self.machine = machine
        self.entries = entries
        self.fitness = Fitness()

    def compose(self) -> ComposeResult:
        """The findings, to be scrolled through."""
        yield Header()
        yield VerticalScroll(id="findings")
        yield Footer()

    def on_screen_resume(self) -> None:
        """Look whenever one comes back: something may have been built."""
        self.action_look()

    def action_look(self) -> None:
        """Look at the machine."""
        self._write([Static("Looking at this machine …", markup=False)])
        self.work("looking at this machine", partial(self.machine.look, self.entries), self._looked)

    def action_build(self) -> None:
        """Build what is missing."""
        if self.fitness.to_build:
            self.app.push_screen(SetUpScreen(self.machine, self.fitness))
        else:
            self.notify("Nothing is to be built.")

    def _looked(self, fitness: Fitness) -> None:
        self.fitness = fitness
        self._write(_lines(fitness.facts))

    def _write(self, lines: Iterable[Widget]) -> None:
        findings = self.query_one("#findings", VerticalScroll)
        findings.remove_children()
        findings.mount_all(lines)


def _lines(facts: Mapping[str, Sequence[Finding]]) -> Iterator[Widget]:
    for provider, findings in facts.items():
        yield Static(plain(TITLES.get(provider, provider), "bold"))
        for finding in sorted(findings, key=lambda each: each.ok):
            sign, style = ("✔ ok", GOOD) if finding.ok else ("✘ missing", BAD)
            yield Horizontal(
                Static(plain(sign, style), classes="sign"), Static(_fact(finding), classes="fact", markup=False)
            )


def _fact(finding: Finding) -> Content:
    """One fact, and below it what to do about it."""
    remedy = Content.assemble("\n", plain(finding.remedy)) if finding.remedy else ""
    return Content.assemble(plain(finding.name, "bold"), "  ", plain(finding.seen, FAINT), remedy)
