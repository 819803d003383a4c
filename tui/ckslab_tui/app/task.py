"""The screen of an open scenario: what to do, the checks, and the evidence for the selected one."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.reactive import reactive
from textual.widgets import Footer, Markdown, Static

from ckslab_checker.outcome import CheckResult, Report
from ckslab_labs.errors import InvalidInput, LabError
from ckslab_tui.app import words
from ckslab_tui.app.checks import CheckList
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.hint import HintWindow
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.service import Service
from ckslab_tui.shell import Shell
from ckslab_tui.views import Hint, Task


class TaskScreen(WorkingScreen):
    """Presents a task and asks the service to check, hint, reset or open a shell."""

    CSS = """
    TaskScreen #title { padding: 0 1; background: $primary; color: $text; height: 1; }
    TaskScreen #body { layout: vertical; }
    TaskScreen #text { height: 2fr; padding: 0 1; }
    TaskScreen #result { height: 3fr; }
    TaskScreen #state { padding: 0 1; background: $panel; height: 1; }
    TaskScreen CheckList, TaskScreen CheckList:focus {
        height: auto; max-height: 50%; border: none; padding: 0 0 0 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    TaskScreen CheckList:focus > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
    TaskScreen #evidence { padding: 0 1; border-top: solid $panel; }
    TaskScreen #evidence:focus, TaskScreen #text:focus { background: $boost; }
    TaskScreen.-wide #body { layout: horizontal; }
    TaskScreen.-wide #text { width: 2fr; height: 1fr; border-right: solid $panel; }
    TaskScreen.-wide #result { width: 3fr; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("c", "check", "Check"),
        ("h", "hint", "Hint"),
        ("s", "shell", "Shell"),
        ("r", "reset", "Reset"),
        ("tab", "app.focus_next", "Next pane"),
        ("q,escape", "back", "Back"),
    ]
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012, so declared by Textual

    report: reactive[Report | None] = reactive(None)
    """The last run of the checks; none since the start or the last reset."""

    def __init__(self, service: Service, task: Task) -> None:
        super().__init__()
        self.service = service
        self.opened = task
        self._checks = CheckList(task.checks)
        self._state = Static(id="state")
        self._evidence = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Task on one side; checks and evidence on the other, or below where the window is narrow."""
        yield Static(words.plain(f"{self.opened.entry.title} · {self.opened.entry.minutes} min"), id="title")
        with Vertical(id="body"):
            with VerticalScroll(id="text"):
                yield Markdown(self.opened.text, open_links=False)
                yield Static(words.plain(f"Your files: {self.opened.files}", words.FAINT))
            with Vertical(id="result"):
                yield self._state
                yield self._checks
                with VerticalScroll(id="evidence"):
                    yield self._evidence
        yield Footer()

    def on_mount(self) -> None:
        """The checks come first: they are what one looks at again and again."""
        self._checks.focus()
        self._say_state()

    def watch_report(self, report: Report | None) -> None:
        """Show a new run, with the selection where it was."""
        self._checks.show(report)
        self._say_state()
        self._show_evidence(self._checks.highlighted or 0)

    def watch_busy(self) -> None:
        """Say that work is under way, or how the last run ended."""
        self._say_state()

    @on(CheckList.Chosen)
    def _check_chosen(self, event: CheckList.Chosen) -> None:
        self._show_evidence(event.index)

    def action_check(self) -> None:
        """Ask the cluster."""
        self.work("checking", self.service.check, self._checked)

    def action_hint(self) -> None:
        """Show the next hint."""
        self.work("getting a hint", self.service.hint, self._hinted)

    def action_reset(self) -> None:
        """Back to the untouched start, after a confirmation."""
        question = ConfirmWindow("Put the scenario back to its start? What you changed in it is lost.")
        self.app.push_screen(question, self._reset_answered)

    def action_shell(self) -> None:
        """Step aside for a shell."""
        self.work("opening a shell", self.service.shell, self._run_shell)

    def action_back(self) -> None:
        """To the catalogue; the scenario stays open."""
        self.app.pop_screen()

    def _checked(self, report: Report) -> None:
        self.report = report

    def _hinted(self, hint: Hint) -> None:
        self.app.push_screen(HintWindow(hint))

    def _reset_answered(self, yes: bool | None) -> None:
        if yes:
            self.work("resetting", self.service.reset, self._was_reset)

    def _was_reset(self, task: Task) -> None:
        self.opened, self.report = task, None

    def _run_shell(self, shell: Shell) -> None:
        try:
            with self.app.suspend():
                print(f"\n{self.opened.entry.id}: 'exit' or Ctrl-D brings you back to the task.\n")
                shell.run()
        except (SuspendNotSupported, LabError, OSError) as error:
            self.app.push_screen(ErrorWindow(_no_shell(error)))

    def _result(self, index: int) -> CheckResult | None:
        wanted = self.opened.checks[index].id
        return next((result for result in self.report.checks if result.id == wanted), None) if self.report else None

    def _show_evidence(self, index: int) -> None:
        self._evidence.update(words.evidence(self.opened.checks[index], self._result(index)))

    def _say_state(self) -> None:
        if self.busy:
            state = words.plain(f"{self.busy} …")
        elif self.report:
            state = words.summary(self.report)
        else:
            state = words.plain("Not checked yet: press c.")
        self._state.update(state)


def _no_shell(error: Exception) -> LabError:
    if isinstance(error, LabError):
        return error
    return InvalidInput(
        "open a shell here", str(error) or "this terminal cannot be left", "Run 'ckslab shell' in another."
    )
