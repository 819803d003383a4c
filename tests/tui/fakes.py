"""A service without a cluster, for states of the app that are hard to reach with one."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ckslab_checker.marking import ExamReport, Marked
from ckslab_checker.outcome import CheckResult, Evidence, Outcome, Report
from ckslab_labs.errors import LabError
from ckslab_labs.exam.clock import Clock
from ckslab_labs.exam.sitting import Sitting
from ckslab_labs.exam.sitting import Task as ExamTask
from ckslab_labs.scenario.curriculum import curriculum
from ckslab_tui.exams import ExamRoom, Wish
from ckslab_tui.machine import Machine
from ckslab_tui.port import Tell, untold
from ckslab_tui.shell import Shell
from ckslab_tui.standing import domains
from ckslab_tui.views import Broken, Catalogue, CheckLine, Entry, Fitness, Hint, Solution, Task

ENTRY = Entry(
    id="open-door",
    title="Anybody can open the door",
    domain="cluster-hardening",
    domain_title="Cluster Hardening",
    competencies=("rbac",),
    difficulty="exam",
    minutes=7,
    points=3,
    requires=("api",),
    version=1,
)
OTHER = Entry(
    id="old-key",
    title="An old key still works",
    domain="system-hardening",
    domain_title="System Hardening",
    competencies=("iam",),
    difficulty="hard",
    minutes=12,
    points=5,
    requires=("api", "nodes"),
    version=1,
)
CHECKS = (
    CheckLine("nobody-enters", "Strangers cannot enter", "A door is no wall.", 3, False),
    CheckLine("owner-enters", "The owner still enters", "A fix that stops the work is not a fix.", 0, True),
)


def result(index: int, outcome: Outcome, observed: str = "allowed", error: str | None = None) -> CheckResult:
    line = CHECKS[index]
    evidence = () if error else (Evidence("enter as a stranger", "denied", observed, outcome is Outcome.PASSED),)
    points = line.points if outcome is Outcome.PASSED else 0
    return CheckResult(
        line.id, line.title, outcome, points, line.points, line.keeps, line.why, evidence, error, ("a note",)
    )


def report(first: CheckResult, second: CheckResult) -> Report:
    return Report(ENTRY.id, 1, "fake", 0.25, (first, second))


class FakeMachine:
    """Has what a test says it has."""

    def __init__(self) -> None:
        self.fitness = Fitness()
        self.after = Fitness()
        """What it has once it was set up."""
        self.says = ["etcd 3.6.16: 0 % of 700 packages compiled", "etcd 3.6.16: built"]
        self.error: LabError | None = None
        self.gate = threading.Event()
        """A set-up waits for it between what it says."""
        self.gate.set()
        self.calls: list[str] = []

    def look(self, entries: Sequence[Entry]) -> Fitness:
        self.calls.append("look")
        return self.fitness

    def set_up(self, tell: Callable[[str], None]) -> None:
        self.calls.append("set up")
        try:
            for line in self.says:
                tell(line)
                while not self.gate.wait(0.01):
                    tell("")
            if self.error:
                raise self.error
            self.fitness = self.after
        except BaseException as error:
            self.calls.append(type(error).__name__)
            raise


def task(folder: Path) -> Task:
    text = "# Shut the door\n\nSo that it stays shut."
    return Task(ENTRY, "fake", text, CHECKS, folder, folder, 2, 0, datetime.now(UTC))


class FakeRoom:
    """An exam of three tasks, of which nothing is more than written down."""

    def __init__(self, service: "FakeService") -> None:
        self._service = service
        tasks = tuple(ExamTask(ENTRY.id, domain, 1) for domain in ("cluster-setup", "runtime-security", "nowhere"))
        self.paper = Sitting(7, "2026-01-01T00:00:00+00:00", 120, 67, tasks, Clock.begin())
        self.sitting: Sitting | None = None
        self.error: LabError | None = None
        self.document: dict[str, Any] = ExamReport(
            7, "then", 120, 60.0, 67, (Marked(1, ENTRY.id, "x", None),)
        ).as_dict()
        self.calls: list[str] = []
        self.remarked = ""

    def remark(self) -> str:
        return self.remarked

    def sat_now(self) -> Sitting | None:
        return self.sitting

    def begin(self, wish: Wish, tell: Tell) -> Sitting:
        self.calls.append(f"begin {wish.tasks}")
        tell("starting the control plane")
        if self.error:
            raise self.error
        self.sitting = replace(self.paper, open=0).with_task(0, begun=True)
        return self.sitting

    def open(self, number: int | None, tell: Tell) -> Task:
        self.calls.append(f"open {number}")
        if self.error:
            raise self.error
        assert self.sitting is not None
        if number:
            self.sitting = replace(self.sitting, open=number - 1).with_task(number - 1, begun=True)
        return self._service.task()

    def flag(self, number: int, flagged: bool) -> None:
        assert self.sitting is not None
        self.sitting = self.sitting.with_task(number - 1, flagged=flagged)

    def reset(self) -> Task:
        self.calls.append("reset")
        return self._service.task()

    def shell(self, number: int | None = None, command: str | None = None) -> Shell:
        return self._service.shell(command)

    def hand_in(self, tell: Tell) -> dict[str, Any]:
        self.calls.append("hand in")
        self.sitting = None
        return self.document


class FakeService:
    """Answers from what a test put into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workshop = FakeMachine()
        self.machine: Machine = self.workshop
        self.listed = Catalogue((ENTRY, OTHER))
        self.answer: Report | LabError | Exception = report(result(0, Outcome.FAILED), result(1, Outcome.PASSED))
        self.start_error: LabError | None = None
        self.keep_error: LabError | None = None
        self.gate = threading.Event()
        """A call waits for it; open unless a test closes it."""
        self.gate.set()
        self.calls: list[str] = []
        self.asked: list[bool] = []
        """Of each check, whether somebody asked for it."""
        self.changed = 0
        """Counted up by a test: something has changed."""
        self.hints = ["## Look\n\nat the `door`", "## Shut\n\nit"]
        self.solved = Solution(
            ENTRY.id, {"door.yaml": "kind: Door\nopen: false\n"}, "A door is *shut* by whoever leaves."
        )
        self.says = "one thing"
        """What it tells while it works."""
        self.line = "cat"
        """What runs in place of a shell."""
        self.about = task(folder)
        self.room = FakeRoom(self)
        self.exams: ExamRoom = self.room

    def catalogue(self) -> Catalogue:
        reached = {entry.id: self.listed.standing(entry) for entry in self.listed.entries}
        return replace(self.listed, domains=domains(self.listed.entries, reached, curriculum()))

    def start(self, scenario: str, tell: Callable[[str], None]) -> Task:
        return self._begin(f"start {scenario}", tell)

    def go_on(self, scenario: str, tell: Callable[[str], None]) -> Task:
        return self._begin(f"go on {scenario}", tell)

    def _begin(self, call: str, tell: Callable[[str], None]) -> Task:
        self.calls.append(call)
        tell(self.says)
        self.gate.wait(10)
        tell("another thing")
        if self.start_error:
            raise self.start_error
        return self.task()

    def current(self) -> Task:
        self.calls.append("current")
        return self.task()

    def check(self, tell: Tell = untold, *, asked: bool = True) -> Report:
        self.calls.append("check")
        self.asked.append(asked)
        tell(self.says)
        self.gate.wait(10)
        tell("The owner still enters")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def changes(self, stopped: Callable[[], bool]) -> Iterator[bool]:
        seen = -1
        while not stopped():
            if self.changed != seen:
                seen = self.changed
                yield True
            time.sleep(0.005)

    def hint(self, number: int | None = None) -> Hint:
        self.calls.append(f"hint {number}")
        return Hint(ENTRY.id, number or 1, 2, self.hints[(number or 1) - 1])

    def solution(self) -> Solution:
        self.calls.append("solution")
        return self.solved

    def reset(self) -> Task:
        self.calls.append("reset")
        return self.task()

    def keep_checkpoint(self, tell: Tell = untold) -> Task:
        self.calls.append("keep")
        if self.keep_error:
            raise self.keep_error
        self.about = replace(self.about, checkpoint=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
        return self.task()

    def return_to_checkpoint(self, tell: Tell = untold) -> Task:
        self.calls.append("return")
        return self.task()

    def shell(self, command: str | None = None) -> "Shell":
        if not self.line:
            raise LabError("open a shell", "there is none here", "Open one elsewhere.")
        return Shell(("/bin/sh", "-c", self.line), {**os.environ, "CKSLAB_FILES": str(self.folder)})

    def task(self) -> Task:
        return self.about


BROKEN = Broken("scenarios/bad", ("scenario.yaml: metadata.id: is missing",))
