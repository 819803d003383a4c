"""Sitting an exam: each task keeps its own cluster state, files and shell, and one of them is open.

The open task's state is kept on disk at every switch, and every 30 s by a keeper (``keeper.py``). After a crash or a
power cut the plane goes on from its own data, or is made anew from what was kept.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.exam import sitting as sittings
from ckslab_labs.exam.sitting import Sitting
from ckslab_labs.files import write_atomic
from ckslab_labs.lab import Lab, Session
from ckslab_labs.learners_files import put_files
from ckslab_labs.providers.embedded.making import require_space
from ckslab_labs.providers.provider import Progress
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.snapshot.snapshot import Snapshot

KUBECONFIG = "kubeconfig"
CLOSED = """\
apiVersion: v1
kind: Config
current-context: "task {number}, which is closed (ckslab exam task {number} opens it)"
"""
"""In the place of a task's kubeconfig while another is open: kubectl says that this context does not exist."""

Find = Callable[[str], Scenario]
"""The scenario of an id."""


class Exam:
    """The exam on one plane.

    Args:
        lab: the plane's; nobody else may use it for his own scenarios.
        scenario: finds the scenarios of the tasks.

    Raises:
        InvalidInput: no exam is sat there.

    """

    def __init__(self, lab: Lab, scenario: Find) -> None:
        self.lab = lab
        self._scenario = scenario
        self.sitting = self._read()

    @classmethod
    def begin(cls, lab: Lab, sitting: Sitting, scenario: Find, progress: Progress) -> "Exam":
        """Begin an exam with its first task open; the clock starts when it is.

        Raises:
            InvalidInput: another is being sat on this plane.
            Infrastructure: the first task could not be opened; no exam is begun.

        """
        with lab.exclusive():
            sittings.refuse_while_sat(lab.name, "begin an exam")
            session = lab.start(scenario(sitting.tasks[0].scenario), progress)
            sitting = replace(sitting, clock=sitting.clock.begin(), open=0).with_task(0, begun=True)
            _unlock(lab, session)
            sitting.save(lab.name)
        return cls(lab, scenario)

    # --- while it is sat --------------------------------------------------------------------------------------------

    def open(self, number: int, progress: Progress) -> Session:
        """Go on with a task, whichever is open; the state of that one is kept.

        Raises:
            InvalidInput: there is no such task, or the time is over.
            Infrastructure: its cluster did not start; says what. Nothing is lost.

        """
        with self._running(f"open task {number}"):
            index = sittings.place(self.sitting, number)
            self._keep_or_drop(progress)
            self._lock(self.sitting.open)
            self._save(replace(self.sitting, open=None))
            task = self.sitting.tasks[index]
            try:
                self.lab.start(self._scenario(task.scenario), progress, resume=task.begun)
            finally:
                if opened := self.lab.sessions.open():  # also where its API server does not start: that can be mended
                    _unlock(self.lab, opened)
                    self._save(replace(self.sitting, open=index).with_task(index, begun=True))
            return self.lab.session()

    def flag(self, number: int, flagged: bool) -> None:
        """Mark a task to come back to, or take the mark away."""
        with self._running(f"flag task {number}"):
            self._save(self.sitting.with_task(sittings.place(self.sitting, number), flagged=flagged))

    def refuse_shell_of_another(self, number: int | None = None) -> None:
        """Refuse a shell of a task that is not open.

        Raises:
            InvalidInput: another is, or none.

        """
        with self._running("open a shell"):
            index = self.sitting.open if number is None else sittings.place(self.sitting, number)
            if index is None or index != self.sitting.open:
                wanted = 1 if index is None else index + 1
                now = "none is open" if self.sitting.open is None else f"task {self.sitting.open + 1} is open"
                raise InvalidInput(f"open a shell of task {wanted}", now, f"Run `ckslab exam task {wanted}` first.")

    # --- when it is over --------------------------------------------------------------------------------------------

    def close(self, progress: Progress) -> None:
        """Nothing counts from here on. What was open is kept, unless the time was over before."""
        with self.lab.exclusive():
            self.sitting = self._read()
            if not self.sitting.over:
                self._keep_or_drop(progress)
            self._lock(self.sitting.open)
            self.lab.sessions.set_open(None)  # what was done after the end is not kept
            self._save(replace(self.sitting, open=None, closed=True))

    @contextmanager
    def brought_back(self, index: int, progress: Progress) -> Iterator[tuple[Scenario, Session]]:
        """The cluster and files of a task that was begun, as they were kept, to be marked; what is kept stays so."""
        scenario = self._scenario(self.sitting.tasks[index].scenario)
        try:
            session = self.lab.start(scenario, progress, resume=True)
            put_files(Snapshot.load(session.aside).learner, session.folder, progress)
            yield scenario, session
        finally:
            self.lab.sessions.set_open(None)

    # --- steps ------------------------------------------------------------------------------------------------------

    def _read(self) -> Sitting:
        found = sittings.find(self.lab.name)
        if found is None:
            seen = f"no exam is sat on plane {self.lab.name}"
            raise InvalidInput("find your exam", seen, "Run `ckslab exam start`.")
        return found

    @contextmanager
    def _running(self, attempted: str) -> Iterator[None]:
        with self.lab.exclusive():
            self.sitting = self._read()
            if self.sitting.over:
                seen = "it is being marked" if self.sitting.closed else "the time is over"
                raise InvalidInput(attempted, seen, "Run `ckslab exam hand-in`.")
            yield

    def _save(self, sitting: Sitting) -> None:
        self.sitting = sitting.save(self.lab.name)

    def _keep_or_drop(self, progress: Progress) -> None:
        """Keep the open task's state; where its plane is broken for good, what was kept last has to do.

        Raises:
            Infrastructure: the disk is full. What is on it stays.

        """
        if self.sitting.open is None:
            return
        try:
            if self.lab.provider.exists:
                self.lab.plane.revive(progress)
        except Infrastructure as error:
            require_space(self.lab.plane.layout)
            progress(f"the plane is broken ({error.seen}); it is made anew from what was kept last")
            self.lab.provider.stop()
        self.lab.keep(progress)
        self.lab.sessions.set_open(None)

    def _lock(self, index: int | None) -> None:
        if index is not None:
            path = self._folder(index) / KUBECONFIG
            write_atomic(path, CLOSED.format(number=index + 1).encode())

    def _folder(self, index: int) -> Path:
        return self.lab.sessions.folder(self.sitting.tasks[index].scenario)


def _unlock(lab: Lab, session: Session) -> None:
    """Give a session a kubeconfig of its own, so that a shell of it does not reach another task's cluster."""
    own = session.folder / KUBECONFIG
    write_atomic(own, lab.provider.kubeconfig("learner").read_bytes())
    replace(session, kubeconfig=own).save()
