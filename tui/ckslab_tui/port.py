"""What the app needs of whoever does the work: a service on a real cluster, or in tests one without."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from ckslab_tui.machine import Machine
from ckslab_tui.views import Catalogue, Hint, Solution, Task

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report
    from ckslab_tui.exams import ExamRoom
    from ckslab_tui.shell import Shell

Tell = Callable[[str], None]
"""Told what is being done, as it is done. It may raise to give up: the core unwinds as for Ctrl-C."""


def untold(text: str) -> None:
    """Nobody wants to know."""


class Service(Protocol):
    """What the app needs. Every method may take seconds, blocks, and raises ``LabError`` for a person to read."""

    machine: Machine
    """What it runs on."""

    @property
    def exams(self) -> "ExamRoom":
        """Where exams are sat."""

    def catalogue(self) -> Catalogue:
        """The scenarios, and which one is open."""

    def start(self, scenario: str, tell: Tell) -> Task:
        """Open a scenario afresh."""

    def go_on(self, scenario: str, tell: Tell) -> Task:
        """Open a scenario as it was left; afresh where it was not begun."""

    def current(self) -> Task:
        """The scenario that is open."""

    def check(self, tell: Tell, *, asked: bool = True) -> "Report":
        """Put the open scenario's questions to its cluster; ``asked`` by the learner, or because something changed."""

    def changes(self, stopped: Callable[[], bool]) -> Iterator[bool]:
        """Yield at once, and after every change of the cluster or the learner's files: whether the cluster answers."""

    def hint(self, number: int | None = None) -> Hint:
        """A tier of hints (the next one), counted in the session."""

    def solution(self) -> Solution:
        """The reference fix of the open scenario, and why it is right."""

    def reset(self) -> Task:
        """Put the open scenario back to its untouched start."""

    def keep_checkpoint(self) -> Task:
        """Keep the state of the open scenario, to come back to; in the place of what was kept before."""

    def return_to_checkpoint(self) -> Task:
        """Put the open scenario back to what was kept of it."""

    def shell(self, command: str | None = None) -> "Shell":
        """A shell on the open scenario's cluster."""
