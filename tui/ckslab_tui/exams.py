"""Exams for the command line and the app: begun, sat, handed in, and what has become of earlier ones."""

import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ckslab_labs.errors import InvalidInput
from ckslab_tui.cli.options import Settings
from ckslab_tui.exam_text import duration
from ckslab_tui.port import Tell
from ckslab_tui.service import LabService, make_tools_ready

if TYPE_CHECKING:
    from ckslab_labs.exam.exam import Exam
    from ckslab_labs.exam.sitting import Sitting
    from ckslab_tui.shell import Shell
    from ckslab_tui.views import Task

PLANE = "exam"
"""Where exams are sat unless another plane is named."""
REPORTS = "exam-reports"


@dataclass(frozen=True)
class Wish:
    """What somebody wants of an exam; ``None`` is as in the real one."""

    tasks: int | None = None
    minutes: float | None = None
    limited: bool = True
    domain: str | None = None
    seed: int | None = None


class ExamRoom(Protocol):
    """Where exams are sat, for the app. Its methods may take seconds, and raise ``LabError`` for a person to read."""

    def sat_now(self) -> "Sitting | None":
        """The exam that is being sat."""

    def begin(self, wish: Wish, tell: Tell) -> "Sitting":
        """Draw an exam and open its first task."""

    def open(self, number: int | None, tell: Tell) -> "Task":
        """Go on with a task."""

    def flag(self, number: int, flagged: bool) -> None:
        """Mark a task to come back to, or take the mark away."""

    def reset(self) -> "Task":
        """Put the open task back to its start."""

    def shell(self, number: int | None = None, command: str | None = None) -> "Shell":
        """A shell on the open task's cluster."""

    def hand_in(self, tell: Tell) -> dict[str, Any]:
        """Close the exam and mark it; gives the document of its report."""

    def remark(self) -> str:
        """What of it could not be written down, and why; empty where all was."""


class Exams:
    """The exams on one plane."""

    def __init__(self, settings: Settings) -> None:
        from ckslab_labs.exam.sitting import find
        from ckslab_labs.session import Sessions

        sat = find(settings.plane)
        packs = tuple(map(Path, sat.packs)) if sat else settings.packs
        self._settings = replace(settings, packs=packs, provider="embedded")
        self._service = LabService(self._settings)
        self._reports = Sessions(settings.plane).path / REPORTS

    def begin(self, wish: Wish, tell: Tell) -> "Sitting":
        """Draw an exam, have all that it needs built and running, and open its first task.

        Raises:
            InvalidInput: another is being sat; or there is nothing to draw from.

        """
        from ckslab_labs.exam.exam import Exam
        from ckslab_labs.exam.sitting import refuse_while_sat

        refuse_while_sat(self._settings.plane, "begin an exam")
        sitting = self._draw(wish)
        scenarios = [self._service.scenarios().get(task.scenario) for task in sitting.tasks]
        for scenario in scenarios:
            make_tools_ready(scenario, tell)
        return Exam.begin(self._service.lab, sitting, self._service.scenarios().get, tell).sitting

    def sat_now(self) -> "Sitting | None":
        """The exam that is being sat; none where there is none."""
        from ckslab_labs.exam.sitting import find

        return find(self._settings.plane)

    def sat(self) -> "Exam":
        """The exam that is being sat; somebody sees to it that its state is kept.

        Raises:
            InvalidInput: none is.

        """
        from ckslab_labs.exam.exam import Exam
        from ckslab_labs.exam.keeper import see_to_it

        exam = Exam(self._service.lab, self._service.scenarios().get)
        if not exam.sitting.over:
            see_to_it(self._settings.plane)
        return exam

    def remark(self) -> str:
        """What of it could not be written down: the open task for long, or what came of it; empty where all was."""
        from ckslab_labs.exam.keeper import EVERY

        session = self._service.lab.sessions.open()
        if session is None or not session.aside.exists():
            return " ".join(self._service.records.remarks)
        ago = time.time() - session.aside.stat().st_mtime
        if ago < 4 * EVERY:
            return ""
        return f"The open task was last written down {duration(ago)} ago; is there space? See `ckslab doctor`."

    def open(self, number: int | None, tell: Tell) -> "Task":
        """Go on with a task; without a number with the one that is open, or the first that is not begun."""
        exam = self.sat()
        exam.open(number or _next(exam.sitting), tell)
        return self._service.current()

    def flag(self, number: int, flagged: bool) -> None:
        """Mark a task to come back to, or take the mark away."""
        self.sat().flag(number, flagged)

    def reset(self) -> "Task":
        """Put the open task back to its start."""
        self.sat()
        return self._service.reset()

    def shell(self, number: int | None = None, command: str | None = None) -> "Shell":
        """A shell on the open task's cluster."""
        self.sat().refuse_shell_of_another(number)
        return self._service.shell(command)

    def hand_in(self, tell: Tell) -> dict[str, Any]:
        """Close the exam, mark it, and write the report down; gives its document."""
        from ckslab_checker.marking import mark
        from ckslab_labs.exam.sitting import marked
        from ckslab_labs.files import write_json
        from ckslab_labs.paths import private_dir

        report = mark(self.sat(), tell)
        name, document = report.started.replace(":", ""), report.as_dict()
        write_json(private_dir(self._reports) / f"{name}.json", document)
        self._service.records.exam_taken(document)
        marked(self._settings.plane)
        return document

    def report(self) -> dict[str, Any]:
        """The document of the exam that was marked last.

        Raises:
            InvalidInput: none was.

        """
        from ckslab_labs.files import read_json

        known = sorted(self._reports.glob("*.json"))
        if not known:
            seen = f"no exam was handed in on plane {self._settings.plane}"
            raise InvalidInput("show a report", seen, "Run `ckslab exam start`, later `ckslab exam hand-in`.")
        document: dict[str, Any] = read_json(known[-1])
        return document

    def _draw(self, wish: Wish) -> "Sitting":
        from ckslab_labs.exam.clock import Clock
        from ckslab_labs.exam.paper import draw
        from ckslab_labs.exam.sitting import Sitting, Task
        from ckslab_labs.scenario.curriculum import curriculum
        from ckslab_labs.session import now

        facts = curriculum()
        weights = {domain.id: domain.weight for domain in facts.domains if wish.domain in (None, domain.id)}
        if not weights:
            seen = f'the curriculum has no domain "{wish.domain}"'
            raise InvalidInput("draw an exam", seen, f"Choose one of: {', '.join(facts.domain_ids())}.")
        sound, _ = self._service.scenarios().read()
        offers = self._service.lab.provider.offers
        fit = [scenario for scenario in sound if offers.issuperset(scenario.spec.requires)]
        seed = secrets.randbelow(10**6) if wish.seed is None else wish.seed
        drawn = draw(fit, weights, wish.tasks or facts.exam.tasks.usual, seed)
        return Sitting(
            seed=seed,
            started=now(),
            minutes=(wish.minutes or facts.exam.minutes) if wish.limited else None,
            pass_percent=facts.exam.pass_percent,
            tasks=tuple(Task(each.id, each.metadata.domain, each.metadata.version) for each in drawn),
            clock=Clock.begin(),
            packs=tuple(str(Path(pack).resolve()) for pack in self._settings.packs),
        )


def _next(sitting: "Sitting") -> int:
    if sitting.open is not None:
        return sitting.open + 1
    waiting = [index for index, task in enumerate(sitting.tasks) if not task.begun]
    return (waiting or [0])[0] + 1


def variants(there: Collection[str]) -> list[tuple[str, Wish]]:
    """Kinds of exam to choose from, with what they are called; ``there`` are the domains that have tasks here."""
    from ckslab_labs.scenario.curriculum import curriculum

    facts = curriculum()
    whole = f"The exam: {facts.exam.tasks.usual} tasks, {facts.exam.minutes} minutes"
    short = ("Half of it: 8 tasks, 60 minutes", Wish(tasks=8, minutes=60))
    free = ("Practice: 5 tasks, without a limit of time", Wish(tasks=5, limited=False))
    domains = [(f"Practice: {each.title}", Wish(tasks=5, limited=False, domain=each.id)) for each in facts.domains]
    domains = [variant for variant in domains if variant[1].domain in there]
    return [(whole, Wish()), short, free, *domains]
