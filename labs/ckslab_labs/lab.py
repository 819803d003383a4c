"""A lab: one cluster and the session on it. What the command line, the app and the suites drive.

``start`` and ``reset`` are the same few steps, whoever provides the cluster: its clean state, then the scenario's
setup; or in one step back to the untouched start, where the provider can. Nothing here knows what a check is.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from ckslab_labs.aside import bring_back, put_aside, refuse_to_resume_nothing
from ckslab_labs.cluster.client import HttpCluster
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import Infrastructure, InvalidInput, LabError
from ckslab_labs.files import FileLock
from ckslab_labs.learners_files import put_files, with_files_of
from ckslab_labs.paths import private_dir, refuse_foreign, state_home
from ckslab_labs.providers.choice import Choice
from ckslab_labs.providers.embedded.layout import list_planes
from ckslab_labs.providers.embedded.plane import Plane
from ckslab_labs.providers.embedded.steering import PlaneStatus, quiet
from ckslab_labs.providers.provider import Progress, Provider
from ckslab_labs.scenario.folder import NODE_FILES, node_files
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.scenario_setup import set_up
from ckslab_labs.session import Session, Sessions, Start, now, start_pods, start_rbac
from ckslab_labs.snapshot.files import capture_files
from ckslab_labs.snapshot.snapshot import Snapshot

__all__ = ["Lab", "Session", "list_planes"]

LOCK_SECONDS = 15.0


class Lab:
    """One cluster and the session on it.

    Args:
        plane: the cluster's name.
        kubernetes: the version to make it with ("1.36"); the default, or what it runs, when not given.
        provider: "embedded" or "kind"; what it was made with, or the first, when not given.
        image: for kind only: another node image than that of the version.
        retain: for kind only: leave what is there of a cluster that cannot be made.

    """

    def __init__(
        self,
        plane: str = "default",
        kubernetes: str | None = None,
        provider: str | None = None,
        image: str | None = None,
        retain: bool = False,
    ) -> None:
        refuse_foreign(state_home())
        self.name = plane
        self._providers = Choice(plane, kubernetes, provider, image, retain)
        self.sessions = Sessions(plane)
        self._objects: Objects | None = None
        self._lock_depth = 0
        self._starts: dict[str, Start] = {}
        self._written_start: Start | None = None

    @property
    def provider(self) -> Provider:
        """Who makes the cluster."""
        return self._providers.used

    @property
    def plane(self) -> Plane:
        """The plane, for what is asked of planes only."""
        return self._providers.embedded.plane

    @property
    def cluster(self) -> HttpCluster:
        """The cluster's API, asked as ckslab itself."""
        return self.provider.cluster_as("admin")

    @property
    def objects(self) -> Objects:
        """The verbs on the cluster's objects."""
        cluster = self.cluster
        if self._objects is None or self._objects.cluster is not cluster:
            self._objects = Objects(cluster)
        return self._objects

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other commands off the cluster for a while.

        Raises:
            Busy: another command held it for 15 s.

        """
        self._lock_depth += 1
        try:
            if self._lock_depth > 1:
                yield
            else:
                private_dir(state_home() / "planes")
                lock = state_home() / "planes" / f".{self.name}.lock"
                with FileLock(lock, f"plane {self.name}", LOCK_SECONDS):
                    yield
        finally:
            self._lock_depth -= 1

    # --- verbs ---------------------------------------------------------------------------------------------------

    def start(self, scenario: Scenario, progress: Progress = quiet, resume: bool = False) -> Session:
        """Open a scenario: cluster up and clean, setup applied, pods running, the start written down.

        Another open session is put aside first: its cluster state is kept and ``resume`` brings it back.

        Raises:
            InvalidInput: the cluster cannot do what the scenario requires; or nothing is there to be resumed.
            Infrastructure: something did not start; says what.

        """
        self._providers.refuse_contradictions()
        self.provider.refuse_unfit(scenario.id, scenario.spec.requires)
        with self.exclusive():
            session = self._session(scenario, self.sessions.folder(scenario.id))
            if resume:
                refuse_to_resume_nothing(self, session)
            put_aside(self, progress)
            if resume:
                return bring_back(self, scenario, session.folder, progress)
            start = self._fresh(scenario, None, progress)
            private_dir(session.folder)
            session.checkpoint.unlink(missing_ok=True)  # it is of another start
            self._lay_out(scenario, session.folder, progress)
            session.write_start(start)
            self._await_learner()
            session = session.begun_again()  # now, and not before the cluster was made
            self.sessions.set_open(session)
            return session

    def attach(self) -> Session:
        """The open session, its cluster running; a dead one is brought back.

        Raises:
            InvalidInput: no scenario is open.
            Infrastructure: the cluster does not run; says why (often: the learner's manifest).

        """
        with self.exclusive():
            session = self.session()
            self.provider.attach(quiet)
        return session

    def session(self) -> Session:
        """The open session, whether its cluster runs or not.

        Raises:
            InvalidInput: no scenario is open.

        """
        session = self.sessions.open()
        if session is None or not self.provider.exists:
            seen = f"no scenario is open on plane {self.name}"
            raise InvalidInput("find your scenario", seen, "Run `ckslab list`, then `ckslab start ID`.")
        return session

    def reset(self, scenario: Scenario, progress: Progress = quiet) -> Session:
        """Put the open scenario back to its untouched start; the learner's files too, the edited ones are kept."""
        with self.exclusive():
            session = self.session()
            known = session.start()
            start = self._fresh(scenario, known, progress)
            if start is not known:
                session.write_start(start)
            self._lay_out(scenario, session.folder, progress)
            return session.begun_again()

    def run(self, scenario: Scenario) -> Session:
        """A fresh start for one case of a suite: no waiting for pods, nothing written down for a learner."""
        with self.exclusive():
            known = self._starts.get(scenario.id)
            start = self._fresh(scenario, known, quiet, pods_stay=True)
            if start is known and (pods := start_pods(self.objects)) != known.pods:  # real ones were made anew since
                start = replace(known, pods=pods)
            self._starts[scenario.id] = start
            session = self._session(scenario, private_dir(self.sessions.home / ".case"))
            shutil.rmtree(session.files, ignore_errors=True)
            self._lay_out(scenario, session.folder, quiet)
            if self._written_start is not start:
                session.write_start(start)
                self._written_start = start
            return session

    def stop(self, progress: Progress = quiet) -> None:
        """End the cluster; the open session is put aside first, learners' files stay."""
        with self.exclusive():
            try:
                put_aside(self, progress)
            except LabError as error:
                progress(f"the cluster's state could not be kept: {error.seen}")
            self.provider.stop()
            self.sessions.set_open(None)
            shutil.rmtree(self.sessions.home / ".case", ignore_errors=True)

    def status(self) -> PlaneStatus:
        """What the plane runs."""
        return self.plane.status()

    def capture(self) -> Snapshot:
        """The cluster's whole state, with the learner's files of the open session."""
        return with_files_of(self.sessions.open(), self.provider.capture())

    def restore(self, snapshot: Snapshot, progress: Progress = quiet) -> None:
        """Back to a state captured on this plane: keys, control-plane files, and the open session's learner's files.

        What the learner has there now is kept beside them where it differs.
        """
        self.plane.restore(snapshot)
        if session := self.sessions.open():
            put_files(snapshot.learner, session.folder, progress)

    def keep(self, progress: Progress = quiet) -> bool:
        """Write the open session's state down beside it, synced to disk; ``start`` with ``resume`` brings it back.

        Returns:
            False where no session is open, or its cluster's state cannot be kept.

        Raises:
            Infrastructure: the cluster, or what runs it, does not answer; it may later.

        """
        session = self.sessions.open()
        if session is None or not self.provider.exists:
            return False
        kept = self.provider.keep(progress)
        if kept is not None:
            with_files_of(session, kept).save(session.aside)
        return kept is not None

    def checkpoint(self) -> AbstractContextManager[Callable[[], bool]]:
        """Keep what the API server stores; gives what brings it back, and does so once more in the end."""
        return self.provider.checkpoint()

    def prepare(self, requires: Iterable[Capability], progress: Progress = quiet) -> None:
        """Have the cluster run what these capabilities need, with no scenario's objects in it."""
        self.provider.prepare(requires, progress)

    def choose(self, requires: Iterable[Capability]) -> None:
        """Take the provider that is there, or else the first that can do what is required."""
        self._providers.take(requires)

    # --- steps ---------------------------------------------------------------------------------------------------

    def _fresh(self, scenario: Scenario, known: Start | None, progress: Progress, *, pods_stay: bool = False) -> Start:
        """Bring the cluster to the untouched start of a scenario, the shortest way, and say what that is."""
        if known is not None and self.provider.back_to(known.snapshot, progress, pods_stay=pods_stay):
            return known
        self.prepare(scenario.spec.requires, progress)
        if files := node_files(scenario.folder / NODE_FILES):
            progress("putting the scenario's files on the node")
            self.provider.node.put(files)
        progress("applying the scenario's setup")
        set_up(self.objects, scenario)
        return Start(start_rbac(self.objects), start_pods(self.objects), self.provider.settled())

    def _await_learner(self) -> None:
        """Right after an API server's start even an administrator is refused until RBAC is loaded."""
        learner = self.provider.cluster_as("learner")
        deadline = time.monotonic() + 10
        while not learner.request("GET", "/api/v1/namespaces").ok:
            if time.monotonic() > deadline:
                raise Infrastructure("use the learner's kubeconfig", "it was refused", "Run `ckslab stop`.")
            time.sleep(0.02)

    def _session(self, scenario: Scenario, folder: Path) -> Session:
        return Session(
            scenario_id=scenario.id,
            pack_folder=str(scenario.folder.parent) if scenario.pack else None,
            version=scenario.metadata.version,
            started=now(),
            folder=folder,
            kubeconfig=self.provider.kubeconfig("learner"),
        )

    def _lay_out(self, scenario: Scenario, folder: Path, progress: Progress) -> None:
        put_files(capture_files(scenario.folder / "files"), folder, progress)
