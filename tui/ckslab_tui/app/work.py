"""Screens that let the service work in a thread: one call at a time, its failure shown and never fatal.

A worker touches no widget: it makes one call and returns. What it was told meanwhile arrives as messages, its result
through ``then``, its error in a window of its own.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState, get_current_worker

from ckslab_labs.errors import LabError
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.error import ErrorWindow

Call = Callable[[], Any]
Then = Callable[[Any], Awaitable[None] | None]
"""Shows a result; it may take turns with what else the app does."""
Otherwise = Callable[[LabError], None]


class GivenUp(Exception):
    """Raised in the worker, out of ``tell``, when the person no longer wants its result."""


class WorkingScreen(Screen[None]):
    """A screen with at most one call to the service under way."""

    busy: reactive[str] = reactive("")
    """What is being done, in words; empty when nothing is."""

    @dataclass
    class Told(Message):
        """The service says what it is doing."""

        text: str

    def __init__(self) -> None:
        super().__init__()
        self._then: Then | None = None
        self._otherwise: Otherwise = self.failed
        self._call: Worker[Any] | None = None

    def work(self, what: str, call: Call, then: Then, otherwise: Otherwise | None = None) -> None:
        """Make a call in a thread and give its result to ``then``; refused while another one is under way.

        An error goes to ``otherwise``, or is shown in a window of its own.
        """
        if self.busy:
            self.notify(f"Still busy: {self.busy}", markup=False)
            return
        self.busy, self._then, self._otherwise = what, then, otherwise or self.failed
        self._call = self.run_worker(
            call, thread=True, exclusive=True, exit_on_error=False, group="service", description=what
        )

    def give_up(self) -> None:
        """Wait no longer for the call that is under way, and drop what it finds; the next one may be made at once.

        Its thread unwinds when it next tells something, and the service lets the next call wait for that.
        """
        if self._call is not None:
            self._call.cancel()
        self.busy, self._call = "", None

    def tell(self, text: str) -> None:
        """For the service, in the worker's thread: say what is being done; gives up when the person did."""
        if get_current_worker().is_cancelled:
            raise GivenUp
        self.post_message(self.Told(text))

    def after_yes(self, question: str, then: Callable[[], object]) -> None:
        """Ask, and do it after an explicit yes."""

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(ConfirmWindow(question), answered)

    def failed(self, error: LabError) -> None:
        """Show the error; a screen that cannot live without the result closes itself as well."""
        self.app.push_screen(ErrorWindow(error))

    def idle(self) -> None:
        """Called when a call is over, and what came of it was shown."""

    async def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Take the result, or show why there is none."""
        if event.worker is not self._call or not event.worker.is_finished:
            return
        self.busy, self._call = "", None
        if event.state is WorkerState.SUCCESS and self._then is not None:
            shown = self._then(event.worker.result)
            if inspect.isawaitable(shown):
                await shown
        elif event.state is WorkerState.ERROR:
            self._otherwise(_for_a_person(event.worker.error))
        if not self.busy:
            self.idle()


def _for_a_person(error: BaseException | None) -> LabError:
    if isinstance(error, LabError):
        return error
    seen = f"an error of ckslab's own ({type(error).__name__}: {error})"
    return LabError("go on", seen, "Please report it, with what the same command prints under CKSLAB_DEBUG=1.")
