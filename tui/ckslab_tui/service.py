"""The one door between what people see and the core: labs that run, and the engine that checks.

The command line and the app both go through it, so neither can grow its own copy of what starting or checking means.
Nothing in here prints, and nothing of the core is imported before it is needed: ``ckslab task`` must not pay for a
Kubernetes client.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ckslab_labs.errors import InvalidInput, LabError
from ckslab_tui.machine import Machine, ThisMachine
from ckslab_tui.port import Tell, untold
from ckslab_tui.presenting import entry_of, in_curriculum_order, task_of
from ckslab_tui.records import Records
from ckslab_tui.standing import moment
from ckslab_tui.views import Broken, Catalogue, Hint, Solution, Task
from ckslab_tui.watching import Watcher, changes

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report
    from ckslab_labs.cluster.client import HttpCluster
    from ckslab_labs.lab import Lab, Session
    from ckslab_labs.scenario.catalogue import Catalogue as Scenarios
    from ckslab_labs.scenario.model import Scenario
    from ckslab_tui.cli.options import Settings
    from ckslab_tui.exams import ExamRoom
    from ckslab_tui.shell import Shell


class LabService:
    """The service on a plane of this machine.

    Args:
        settings: what the common options say.
        counts: whether checks count for the learner's progress; not on planes that only show something.

    """

    def __init__(self, settings: "Settings", counts: bool = True) -> None:
        self._settings = settings
        self.records = Records(counts)
        self.machine: Machine = ThisMachine(settings)
        self._turn = Lock()
        """Held while the plane is worked on: the app may give up a call, whose thread unwinds a moment later."""
        self._shown: Task | None = None
        """What was opened or looked at here last, as it was then; once there is one, no other scenario is worked on."""

    @cached_property
    def exams(self) -> "ExamRoom":
        """Exams have a plane of their own, so that what is open on another is not disturbed."""
        from ckslab_tui.exams import PLANE, Exams

        return Exams(replace(self._settings, plane=PLANE))

    @cached_property
    def lab(self) -> "Lab":
        """The plane that was chosen, and the sessions on it. Starts nothing."""
        from ckslab_labs.lab import Lab

        chosen = self._settings
        return Lab(chosen.plane, chosen.kubernetes, chosen.provider, chosen.image, chosen.keep)

    def scenarios(self, session: "Session | None" = None) -> "Scenarios":
        """The scenarios there are; those of an open session's pack too, whether it was named this time or not."""
        from ckslab_checker.catalogue import catalogue

        packs = self._settings.packs
        if session is not None and session.pack_folder:
            packs = (*packs, Path(session.pack_folder))
        return catalogue(packs)

    def catalogue(self) -> Catalogue:
        """All scenarios; broken ones with what is wrong with them."""
        session = self._session()
        sound, broken = self.scenarios(session).read()
        return self.records.into(
            Catalogue(
                entries=in_curriculum_order(map(entry_of, sound)),
                broken=tuple(Broken(str(each.folder), tuple(map(str, each.problems))) for each in broken),
                open=session.scenario_id if session else None,
                aside=self._put_aside(),
            )
        )

    def start(self, scenario: str, tell: Tell, *, resume: bool = False) -> Task:
        """Open a scenario afresh, or bring back what was put aside."""
        with self._turn:
            wanted = self._ready(scenario, tell)
            return self._show(wanted, self.lab.start(wanted, tell, resume=resume))

    def go_on(self, scenario: str, tell: Tell) -> Task:
        """Open a scenario as it was left; afresh where it was not begun.

        What is open is looked at when it is this one's turn: another command may have changed it a moment ago.
        """
        with self._turn:
            wanted = self._ready(scenario, tell)  # before others are kept off: to build a tool takes minutes
            with self.lab.exclusive():
                session = self._session()
                if session is None or session.scenario_id != wanted.id or not self.lab.provider.exists:
                    session = self.lab.start(wanted, tell, resume=wanted.id in self._put_aside())
                return self._show(wanted, session)

    def current(self) -> Task:
        """The scenario that is open, whether its plane runs or not."""
        session = self.lab.session()
        return self._show(self.scenarios(session).get(session.scenario_id), session)

    def check(self, tell: Tell = untold, *, asked: bool = True) -> "Report":
        """Check the open scenario. Told the title of each check before it is asked.

        What the learner ``asked`` for counts as an attempt; what was checked because something changed, if it passes.
        """
        from ckslab_checker.engine import check
        from ckslab_checker.facts import context_for
        from ckslab_labs.session import now

        self._refuse_in_an_exam("check a task")
        with self._turn, self.lab.exclusive():  # all the while: nobody may open another scenario under the questions
            (scenario, session), at = self._mine(self.lab.attach()), now()
            if asked:
                session = self.records.attempted(session)
            context = context_for(scenario, self.lab, session, live=True)
            report = check(scenario, context, provider=self.lab.provider.name, progress=tell)
        self.records.attempt(session, at, report, asked=asked)
        return report

    def changes(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Look at the open scenario until ``stopped``; yields at once and after every change by anybody but us."""
        return changes(Watcher(self.lab).look, stopped)

    def remarks(self) -> Sequence[str]:
        """What is to be known beside the verdict: of the cluster, and of what could not be written down."""
        return (*self.lab.provider.remarks(), *self.records.remarks)

    def check_given(self, scenario: "Scenario", cluster: "HttpCluster", files: Path, seed: str) -> "Report":
        """Put a scenario's questions to a cluster that somebody gave; what was made for it is taken out again."""
        from ckslab_checker.context import Context
        from ckslab_checker.engine import check
        from ckslab_labs.cluster.objects import Objects
        from ckslab_labs.providers.existing.provider import NAME

        context = Context(cluster, scenario.identities, files, None, True, seed)
        objects = Objects(cluster)
        was_there = objects.get("Namespace", context.control_namespace).ok
        try:
            return check(scenario, context, provider=NAME)
        finally:
            if not was_there:
                objects.delete("Namespace", context.control_namespace)

    def hint(self, number: int | None = None) -> Hint:
        """A tier of hints, counted in the session; without a number the next one, and at the end the last again."""
        from ckslab_labs.scenario.texts import hints

        self._refuse_in_an_exam("show a hint")
        scenario, session = self._open()
        tiers = hints(scenario)
        wanted = min(session.hints + 1, len(tiers)) if number is None else number
        if not 1 <= wanted <= len(tiers):
            seen = f"{scenario.id} has hints 1 to {len(tiers)}"
            raise InvalidInput(f"show hint {wanted}", seen, "Run `ckslab hint` for the next one.")
        session.used_hint(wanted)
        return Hint(scenario.id, wanted, len(tiers), tiers[wanted - 1])

    def solution(self, scenario: str | None = None, *, shown: bool = True) -> Solution:
        """The reference fix of a scenario (the open one), and why it is right; written down as ``shown``."""
        from ckslab_labs.scenario.texts import read_text

        self._refuse_in_an_exam("show a solution")
        wanted = self.scenarios().get(scenario) if scenario else self._open()[0]
        folder = wanted.folder / "solution"
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        if shown:
            self.records.solution_shown(wanted.id)
        return Solution(
            wanted.id, {str(path.relative_to(folder)): read_text(path) for path in paths}, wanted.text("why.md")
        )

    def reset(self, tell: Tell = untold) -> Task:
        """Back to the untouched start."""
        with self._turn, self.lab.exclusive():
            scenario, _ = self._open()
            return self._show(scenario, self.lab.reset(scenario, tell))

    def keep_checkpoint(self, tell: Tell = untold) -> Task:
        """Keep the state of cluster and files, to come back to."""
        from ckslab_labs.checkpoints import keep_checkpoint

        self._refuse_in_an_exam("keep a checkpoint")
        with self._turn, self.lab.exclusive():
            scenario, session = self._open()
            self._know_what_was_kept("keep a checkpoint", scenario, session)
            return self._show(scenario, keep_checkpoint(self.lab, tell))

    def return_to_checkpoint(self, tell: Tell = untold) -> Task:
        """Back to what was kept."""
        from ckslab_labs.checkpoints import return_to_checkpoint

        self._refuse_in_an_exam("return to a checkpoint")
        with self._turn, self.lab.exclusive():
            scenario, session = self._open()
            self._know_what_was_kept("return to a checkpoint", scenario, session)
            return self._show(scenario, return_to_checkpoint(self.lab, scenario, tell))

    def shell_on_node(self, command: str | None = None) -> "Shell":
        """A shell on the control-plane node of the open scenario's cluster."""
        from ckslab_tui.shell import Shell

        with self._turn:
            self._open()
            return Shell(tuple(self.lab.provider.shell_on_node(command)), dict(os.environ))

    def shell(self, command: str | None = None) -> "Shell":
        """A shell on the open scenario's plane, which is brought back when it is dead."""
        from ckslab_tui.shell import prepare

        with self._turn:
            _, session = self._mine(self.lab.attach())
        return prepare(
            session.folder,
            kubeconfig=session.kubeconfig,
            kubectl=self.lab.provider.kubectl,
            files=session.files,
            prompt=session.scenario_id,
            command=command,
        )

    def discard(self) -> None:
        """End the plane and remove the sessions on it: for planes that only show something."""
        self.lab.sessions.set_open(None)
        self.lab.stop()
        shutil.rmtree(self.lab.sessions.home)

    def _refuse_in_an_exam(self, attempted: str) -> None:
        from ckslab_labs.exam.sitting import refuse_while_sat

        refuse_while_sat(self._settings.plane, attempted)

    def _session(self) -> "Session | None":
        """The open session; none where that cannot be told, for what can be done without knowing it."""
        from ckslab_labs.session import Sessions

        try:
            return Sessions(self._settings.plane).open()
        except (LabError, OSError):
            return None

    def _put_aside(self) -> frozenset[str]:
        from ckslab_labs.session import Sessions

        try:
            return Sessions(self._settings.plane).put_aside()
        except (LabError, OSError):
            return frozenset()

    def _ready(self, scenario: str, tell: Tell) -> "Scenario":
        """A scenario that can be opened: its provider chosen, its tools built."""
        wanted = self.scenarios().get(scenario)
        self._refuse_in_an_exam(f"open {wanted.id}")
        if self._settings.provider is None:
            self.lab.choose(wanted.spec.requires)
        make_tools_ready(wanted, tell)
        return wanted

    def _show(self, scenario: "Scenario", session: "Session") -> Task:
        """A session as a task that is looked at from now on."""
        self._shown = task_of(scenario, session, self._settings.plane)
        return self._shown

    def _open(self) -> "tuple[Scenario, Session]":
        """What is open; errors as for ``Lab.session`` and ``_mine``."""
        return self._mine(self.lab.session())

    def _mine(self, session: "Session") -> "tuple[Scenario, Session]":
        """The open session with its scenario.

        Raises:
            InvalidInput: it is of another scenario than the one that is shown here.

        """
        if self._shown is not None and self._shown.entry.id != session.scenario_id:
            seen = f"another scenario was opened on plane {self._settings.plane}"
            raise InvalidInput("go on with yours", seen, "Open yours again: what you did in it is put aside, not lost.")
        return self.scenarios(session).get(session.scenario_id), session

    def _know_what_was_kept(self, attempted: str, scenario: "Scenario", session: "Session") -> None:
        """Refuse, once, to act on a checkpoint that was kept elsewhere since the task was shown here."""
        before, now = self._shown, self._show(scenario, session)
        if before is not None and now.checkpoint not in (None, before.checkpoint):
            seen = f"another was kept elsewhere, at {moment(now.checkpoint)}"
            raise InvalidInput(attempted, seen, "Ask again if it is this one that you mean.")


def make_tools_ready(scenario: "Scenario", tell: Tell) -> None:
    """Build the tools that a scenario's checks ask, before somebody waits for a verdict."""
    from ckslab_labs.tools import make_ready

    make_ready({name for check in scenario.spec.checks for name in check.probe.tools}, tell)
