"""The screen of an exam: its tasks, the one that is open, the time that is left, and a terminal beside it."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Footer, Markdown, OptionList, Static
from textual.widgets.option_list import Option

from ckslab_checker.text import clean
from ckslab_labs.errors import LabError
from ckslab_labs.scenario.curriculum import curriculum
from ckslab_tui.app import words
from ckslab_tui.app.desk import DeskScreen
from ckslab_tui.app.reading import ReadingWindow
from ckslab_tui.app.work import WorkingScreen
from ckslab_tui.exam_text import report_text, wrapped
from ckslab_tui.exams import ExamRoom, Wish
from ckslab_tui.shell import Shell
from ckslab_tui.views import Task

if TYPE_CHECKING:
    from ckslab_labs.exam.sitting import Sitting


LOOK_SECONDS = 15.0
"""Between two looks whether the open task is written down."""


class ExamScreen(DeskScreen):
    """Sits an exam: enter opens a task, and nothing is checked until it is handed in.

    Args:
        room: where exams are sat.
        wish: of a new one; without it the one that is being sat goes on.

    """

    CSS_PATH = "exam.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("f", "flag", "Flag"),
        ("s", "shell", "Shell"),
        ("r", "reset", "Reset"),
        ("d", "hand_in", "Hand in"),
        ("q,escape", "back", "Leave"),
    ]
    OURS = frozenset(("flag", "shell", "reset", "hand_in", "back"))

    @dataclass
    class Remarked(Message):
        """What could not be written down, or that all was."""

        text: str

    def __init__(self, room: ExamRoom, wish: Wish | None = None) -> None:
        super().__init__()
        self.room = room
        self.wish = wish
        self.sitting: Sitting | None = None
        self._shown: int | None = None
        """The index of the task that is read here; another app may have opened another one since."""
        self._told_over = False
        self._list = OptionList(id="tasks")
        self._text = Markdown(open_links=False)
        self._left = Static(id="left")
        self._marker = Static(id="running")
        self._remark = Static(id="remark")

    def compose(self) -> ComposeResult:
        """The tasks and the text of the one that is open, side by side."""
        with Horizontal(id="head"):
            yield Static("Exam", id="title")
            yield self._marker
            yield self._left
        yield self._remark
        with Horizontal(id="body"), Horizontal(id="sheet"):
            yield self._list
            with VerticalScroll(id="text"):
                yield self._text
        yield Footer()

    def on_mount(self) -> None:
        """Begin the exam, or go on with it."""
        self._list.focus()
        self.set_interval(1, self._count_down)
        self.set_interval(LOOK_SECONDS, self._look)
        self.work("beginning", self._begin, self._is_open)

    def outside(self) -> Widget:
        """See ``DeskScreen``."""
        return self._list

    # --- what is shown ---------------------------------------------------------------------------------------------

    def watch_busy(self) -> None:
        """Say what is being done."""
        self._say_busy()

    @on(WorkingScreen.Told)
    def _told(self, event: WorkingScreen.Told) -> None:
        self._say_busy(event.text)

    def _say_busy(self, what: str = "") -> None:
        self._marker.display = bool(self.busy)
        self._marker.update(words.running(self.busy, what, stops=False))

    def _show(self) -> None:
        """The tasks with their marks; selected stays what was."""
        sitting = self.room.sat_now()
        if sitting is None:
            return
        self.sitting = sitting
        selected = self._list.highlighted
        self._list.clear_options()
        self._list.add_options([Option(line) for line in task_lines(sitting)])
        self._list.highlighted = sitting.open if selected is None else selected
        self.query_one("#title", Static).update(f"Exam {sitting.seed} · pass at {sitting.pass_percent} %")
        self._count_down()

    def _count_down(self) -> None:
        if self.sitting is None:
            return
        left = self.sitting.left
        self._left.update(words.time_left(left))
        if left == 0 and not self._told_over and not self.busy:
            self._told_over = True
            self.after_yes("The time is over. Hand the exam in?", self._hand_in)

    def _look(self) -> None:
        """See in a thread whether all is written down; the disk may be what is slow."""
        if self.sitting is not None and not self.busy:
            self.run_worker(self._see, thread=True, exit_on_error=False, exclusive=True, group="remark")

    def _see(self) -> None:
        self.post_message(self.Remarked(self.room.remark()))

    @on(Remarked)
    def _remarked(self, event: Remarked) -> None:
        self._remark.display = bool(event.text)
        self._remark.update(words.plain(event.text, words.UNSURE))

    # --- tasks -----------------------------------------------------------------------------------------------------

    def _begin(self) -> Task:
        if self.wish is not None:
            self.room.begin(self.wish, self.tell)
            self.wish = None
        return self.room.open(None, self.tell)

    async def _is_open(self, task: Task) -> None:
        self._show()
        self._shown = self.sitting.open if self.sitting else None
        files = f"\n\nYour files: `{task.files}`"
        await self._text.update(clean(f"# {task.entry.title}\n\n{task.text.strip()}{files}", words.LONGEST))
        self.query_one("#text").scroll_home(animate=False)
        await self.use_shell(self.room.shell)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        number = event.option_index + 1
        sitting = self.room.sat_now()
        if sitting is not None and sitting.open == self._shown == event.option_index:
            self.action_terminal()
            return
        open_it = partial(
            self.work, f"opening task {number}", partial(self.room.open, number, self.tell), self._is_open
        )
        if self.at_work:
            self.after_yes("Something still runs in the terminal, and is ended. Go to another task?", open_it)
        else:
            open_it()

    def action_flag(self) -> None:
        """Flag the selected task, or no longer."""
        index = self._list.highlighted
        if self.sitting is not None and index is not None:
            flagged = not self.sitting.tasks[index].flagged
            self.work("flagging", partial(self.room.flag, index + 1, flagged), lambda _: self._show())

    def action_reset(self) -> None:
        """Put the open task back to its start, after a confirmation."""
        question = "Put the open task back to its start? What you changed in it is lost."
        self.after_yes(question, partial(self.work, "resetting", self.room.reset, lambda _: self._show()))

    def action_shell(self) -> None:
        """Step aside for a shell."""
        self.work("opening a shell", self.room.shell, self._run_shell)

    def _run_shell(self, shell: Shell) -> None:
        self.step_aside(shell, "The exam goes on. 'exit' or Ctrl-D brings you back to it.", "Run 'ckslab exam shell'.")

    # --- the end ---------------------------------------------------------------------------------------------------

    def action_hand_in(self) -> None:
        """Have it marked, after a confirmation."""
        if self.sitting is not None:
            waiting = sum(not task.begun for task in self.sitting.tasks)
            note = f" {waiting} of {len(self.sitting.tasks)} tasks are not begun." if waiting else ""
            self.after_yes(f"Hand the exam in?{note}", self._hand_in)

    def _hand_in(self) -> None:
        self.work("marking", self._mark, self._marked)

    def _mark(self) -> tuple[dict[str, Any], str]:
        return self.room.hand_in(self.tell), self.room.remark()

    def _marked(self, result: tuple[dict[str, Any], str]) -> None:
        document, remark = result
        self.app.pop_screen()
        text = wrapped("\n".join((report_text(document), clean(remark))), ReadingWindow.columns(self.app.size.width))
        self.app.push_screen(ReadingWindow("The exam, marked", f"{words.FENCE}text\n{text}\n{words.FENCE}"))

    def action_back(self) -> None:
        """To the catalogue; the exam and its clock go on."""
        self.after_yes("Leave the exam? It goes on, and so does its clock; 'e' brings you back.", self.app.pop_screen)

    def failed(self, error: LabError) -> None:
        """Without an exam there is nothing to show here: back, with the error on top."""
        if self.sitting is None and self.is_current:
            self.app.pop_screen()
        super().failed(error)


def task_lines(sitting: "Sitting") -> list[Content]:
    """A line for each task: its number, whether it is open, begun or flagged, and its domain."""
    titles = curriculum().titles()
    lines = []
    for index, task in enumerate(sitting.tasks):
        state = "▸" if index == sitting.open else "·" if task.begun else " "
        flag = ("⚑ ", words.UNSURE) if task.flagged else "  "
        domain = words.plain(titles.get(task.domain, task.domain), words.FAINT)
        lines.append(Content.assemble(f"{state}{index + 1:>3} ", flag, domain))
    return lines
