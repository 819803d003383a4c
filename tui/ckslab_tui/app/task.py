"""The screen of an open scenario: what to do, the checks, the evidence for the selected one, and a terminal beside it.

It asks again by itself after every change. What comes of that is shown in place: the selection, what is scrolled, and
the last verdict stay until there is another one.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Footer, Static

from ckslab_checker.outcome import CheckResult, Report
from ckslab_labs.errors import LabError
from ckslab_tui.app import words
from ckslab_tui.app.checks import CheckList
from ckslab_tui.app.clock import Clock, Now, utc_now
from ckslab_tui.app.desk import DESK, DeskScreen
from ckslab_tui.app.live import Changed, watch
from ckslab_tui.app.pauses import spare_what_is_loaded
from ckslab_tui.app.reading import ReadingWindow
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.port import Service
from ckslab_tui.shell import Shell
from ckslab_tui.standing import moment
from ckslab_tui.views import Hint, Solution, Task

WIDE = 110
"""Columns from which task and checks stand side by side."""
CHECKING = "checking"
"""The work that can be stopped."""
UNNOTICED = 0.5
"""Seconds that a check may take before it is said that one runs: what flashes by only disturbs."""


class TaskScreen(DeskScreen):
    """Presents a task and asks the service to check, hint, reset or open a shell."""

    CSS_PATH = "task.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "check", "Check", tooltip="Ask now; it is asked by itself after every change"),
        Binding("h", "hint", "Hint", tooltip="The hints used, and the next one"),
        Binding("o", "solution", "Solution", tooltip="The solution, and why it is right"),
        Binding("s", "shell", "Shell", tooltip="Step aside for a shell in this terminal"),
        Binding("r", "reset", "Reset", tooltip="Back to the untouched start"),
        Binding("k", "keep", "Keep", tooltip="Keep the state of cluster and files, to come back to"),
        Binding("u", "undo", "Undo", tooltip="Back to what was kept, once something is"),
        Binding("tab", "app.focus_next", "Next pane", show=False),
        ("q", "back", "Back"),
        Binding("escape", "stop_or_back", "Stop, or back", show=False),
    ]
    OURS = frozenset(("check", "hint", "solution", "shell", "reset", "keep", "undo", "back", "stop_or_back"))
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (WIDE, "-wide"), (DESK, "-desk")]  # noqa: RUF012, so declared by Textual

    report: reactive[Report | None] = reactive(None)
    """The last run of the checks; none since the start or the last reset."""
    trouble: reactive[str] = reactive("")
    """Why there was no verdict after the last change; empty where there was one."""

    def __init__(self, service: Service, task: Task, now: Now = utc_now) -> None:
        super().__init__()
        self.service = service
        self.opened = task
        self._hints_used = task.hints_used
        self._stale = False
        self._clock = Clock(task.started, task.entry.minutes, now)
        self._checks = CheckList(task.checks)
        self._state = Static(id="state")
        self._marker = Static(id="running")
        self._evidence = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Task and checks; side by side or one below the other, as there is room."""
        with Horizontal(id="head"):
            yield Static(words.plain(self.opened.entry.title), id="title")
            yield self._clock
        with Horizontal(id="body"), Vertical(id="sheet"):
            with VerticalScroll(id="text"):
                yield words.markdown(self.opened.text)
                yield Static(words.plain(f"Your files: {self.opened.files}", words.FAINT))
            with Vertical(id="result"):
                with Horizontal(id="line"):
                    yield self._state
                    yield self._marker
                yield self._checks
                with VerticalScroll(id="evidence"):
                    yield self._evidence
        yield Footer(show_command_palette=False)  # as in the catalogue: the keys need the room

    async def on_mount(self) -> None:
        """From now on changes are watched."""
        self._checks.focus()
        self._say_state()
        await self.use_shell(self.service.shell)
        self.run_worker(partial(watch, self, self.service), thread=True, exit_on_error=False, group="watch")

    # --- what is shown -------------------------------------------------------------------------------------------

    def watch_report(self, report: Report | None) -> None:
        """Show a new run, with the selection where it was."""
        self._checks.show(report)
        self._say_state()
        self._show_evidence(self._checks.highlighted or 0)

    def watch_trouble(self) -> None:
        """Say why there is no verdict, or no longer."""
        self._say_state()

    def watch_busy(self) -> None:
        """Say that work is under way: a check only where it takes long."""
        if self.busy == CHECKING:
            self.set_timer(UNNOTICED, self._say_busy)
        else:
            self._say_busy()

    @on(WorkingScreen.Told)
    def _told(self, event: WorkingScreen.Told) -> None:
        if self._marker.display:
            self._say_busy(event.text)

    @on(CheckList.Chosen)
    def _check_chosen(self, event: CheckList.Chosen) -> None:
        self._show_evidence(event.index)

    def _result(self, index: int) -> CheckResult | None:
        wanted = self.opened.checks[index].id
        return next((result for result in self.report.checks if result.id == wanted), None) if self.report else None

    def _show_evidence(self, index: int) -> None:
        shown = words.evidence(self.opened.checks[index], self._result(index))
        if shown != self._evidence.content:
            self._evidence.update(shown)

    def _say_state(self) -> None:
        self._state.update(words.state(self.report, self.trouble))

    def _say_busy(self, what: str = "") -> None:
        self._marker.display = bool(self.busy)
        self._marker.update(words.running(self.busy, what, stops=self.busy == CHECKING))

    # --- checking ------------------------------------------------------------------------------------------------

    @on(Changed)
    def _changed(self) -> None:
        self._stale = True
        self.idle()

    def idle(self) -> None:
        """Ask again where something has changed since the last time."""
        if self._stale and not self.busy and self.is_running:
            self._stale = False
            self.work(CHECKING, partial(self._check, asked=False), self._checked, self._no_verdict)

    def action_check(self) -> None:
        """Ask the cluster."""
        self._stale = False
        self.work(CHECKING, self._check, self._checked)
        self._say_busy()

    def action_stop_or_back(self) -> None:
        """Wait no longer for a check, and drop what it finds; where none runs, back."""
        if self.busy == CHECKING:
            self._stale = False
            self.give_up()
        else:
            self.action_back()

    def _check(self, asked: bool = True) -> Report:
        return self.service.check(self.tell, asked=asked)

    def _checked(self, report: Report) -> None:
        self.trouble, self.report = "", report
        spare_what_is_loaded()  # to check has loaded the last of it
        if report.outcome == "passed":
            self._clock.end()

    def _no_verdict(self, error: LabError) -> None:
        self.trouble = f"{error.seen}. {error.remedy}"

    # --- help ----------------------------------------------------------------------------------------------------

    def action_hint(self) -> None:
        """Show the hints that were used, or offer the first."""
        if self._hints_used:
            self.work("getting the hints", self._used_hints, self._show_hints)
        else:
            self._offer_hint()

    def _used_hints(self) -> list[Hint]:
        return [self.service.hint(number) for number in range(1, self._hints_used + 1)]

    def _show_hints(self, hints: list[Hint]) -> None:
        of = self.opened.hints
        more = "next hint" if len(hints) < of else ""
        text = "\n\n".join(hint.text for hint in hints)
        window = ReadingWindow(f"Hint {len(hints)} of {of}", text, more)
        self.app.push_screen(window, lambda next_one: self._offer_hint() if next_one else None)

    def _offer_hint(self) -> None:
        number = self._hints_used + 1
        question = f"Show hint {number} of {self.opened.hints}? Hints that are used are counted."
        self.after_yes(question, partial(self._use_hint, number))

    def _use_hint(self, number: int) -> None:
        self._hints_used = number
        self.action_hint()

    def action_solution(self) -> None:
        """Show the solution and why it is right; before a pass only after a confirmation."""
        if self.report is not None and self.report.outcome == "passed":
            self._get_solution()
        else:
            self.after_yes("The checks do not pass yet. Show the solution?", self._get_solution)

    def _get_solution(self) -> None:
        self.work("getting the solution", self.service.solution, self._show_solution)

    def _show_solution(self, solution: Solution) -> None:
        self.app.push_screen(ReadingWindow("The solution, and why it is right", words.solution(solution)))

    # --- what changes the cluster --------------------------------------------------------------------------------

    def action_reset(self) -> None:
        """Back to the untouched start, after a confirmation."""
        question = "Put the scenario back to its start? What you changed in it is lost."
        self.after_yes(question, partial(self._instead, "resetting", self.service.reset, self._was_reset))

    def _was_reset(self, task: Task) -> None:
        self._put_back(task)
        self._clock.begin(task.started)

    def action_keep(self) -> None:
        """Keep the state as it is; in the place of what was kept before after a confirmation."""
        if self.opened.checkpoint is None:
            self._keep()
        else:
            question = f"Keep the state as it is now? It takes the place of what you kept at {self._kept_at}."
            self.after_yes(question, self._keep)

    def _keep(self) -> None:
        self._instead("keeping the state", self.service.keep_checkpoint, self._was_kept)

    def _was_kept(self, task: Task) -> None:
        self.opened = task
        self.refresh_bindings()
        self.notify("This state is kept: u leads back to it.")

    def action_undo(self) -> None:
        """Back to what was kept, after a confirmation."""
        question = f"Put cluster and files back as you kept them at {self._kept_at}? What you changed since is lost."
        self.after_yes(question, partial(self._instead, "undoing", self.service.return_to_checkpoint, self._was_undone))

    def _was_undone(self, task: Task) -> None:
        self._put_back(task)
        self._stale = True  # it may be as it was a moment ago, and then nobody sees a change

    @property
    def _kept_at(self) -> str:
        return moment(self.opened.checkpoint) if self.opened.checkpoint else ""

    def _put_back(self, task: Task) -> None:
        self.opened, self.report, self.trouble = task, None, ""

    def _instead(self, what: str, call: Callable[[], Task], then: Callable[[Task], None]) -> None:
        """Do it now: a check that runs is stopped, as it would ask what is no more."""
        if self.busy == CHECKING:
            self._stale = True  # where the rest fails it is asked again
            self.give_up()
        self.work(what, call, then)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What was kept can be returned to once there is something."""
        if action == "undo" and self.opened.checkpoint is None:
            return False
        return super().check_action(action, parameters)

    # --- terminal and shell --------------------------------------------------------------------------------------

    def outside(self) -> Widget:
        """The checks: they are what one looks at again and again."""
        return self._checks

    def action_shell(self) -> None:
        """Step aside for a shell."""
        self.work("opening a shell", self.service.shell, self._run_shell)

    def _run_shell(self, shell: Shell) -> None:
        note = f"{self.opened.entry.id}: 'exit' or Ctrl-D brings you back to the task."
        self.step_aside(shell, note, "Run 'ckslab shell' in another.")

    def action_back(self) -> None:
        """To the catalogue; the scenario stays open, the terminal does not."""
        if self.at_work:
            self.after_yes("Something still runs in the terminal, and is ended. Go back?", self.app.pop_screen)
        else:
            self.app.pop_screen()
