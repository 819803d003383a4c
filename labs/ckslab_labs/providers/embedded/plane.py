"""A plane as commands see it: made, brought up, asked, stopped.

Commands never start a component: they write down what is wanted and see that a supervisor lives. So every command can
be killed at any moment, and the next one goes on from what is there.
"""

import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ckslab_labs.binaries.catalog import DEFAULT_KUBERNETES, KUBERNETES
from ckslab_labs.cluster.client import HttpCluster
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.errors import Infrastructure, InvalidInput, Unreachable
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.embedded import processes
from ckslab_labs.providers.embedded.baseline import AUTHORITY, CONTROL_NAMESPACE, ensure_baseline, settle
from ckslab_labs.providers.embedded.components import APISERVER, CONTROLLERS, ETCD, ORDER, capabilities_of
from ckslab_labs.providers.embedded.layout import Layout, PlaneSpec, Wanted, planes_home
from ckslab_labs.providers.embedded.making import make_plane
from ckslab_labs.providers.embedded.readiness import ANEW, READYZ, READYZ_IF_FILLED, START_SECONDS, await_ready
from ckslab_labs.providers.embedded.steering import PlaneStatus, Progress, Steering, quiet
from ckslab_labs.snapshot.etcd import Etcd
from ckslab_labs.snapshot.files import capture_files, files_differ, restore_files
from ckslab_labs.snapshot.snapshot import Snapshot, StillMoving, await_keys, capture_keys, restore_keys, settled

Ensure = Callable[[Sequence[str], str, Progress], Mapping[str, Path]]

PORT_TRIES = 3
ALIVE_SECONDS = 3.0
"""For a state to come to rest that was kept on a plane of the same components: usually a few hundredths."""
SENTINELS = (f"/registry/serviceaccounts/{CONTROL_NAMESPACE}/default".encode(),)
"""What the controller manager makes again within milliseconds; also the first thing it makes in a new namespace."""
PUBLISHED = (f"/registry/configmaps/{CONTROL_NAMESPACE}/kube-root-ca.crt".encode(),)
"""What it makes again only after 50 ms for each namespace that a restore took away: it does not know that, and the API
server takes its time to say so (missingNamespaceWait of k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle)."""
PKI = "pki/"
"""Below /etc/kubernetes: a plane's own keys, and what a learner puts beside them."""


class Plane:
    """One embedded control plane.

    Args:
        name: lower-case letters, digits and dashes.
        root: its folder, when it is not one of the user's planes.

    Raises:
        InvalidInput: the name is none.

    """

    def __init__(self, name: str, root: Path | None = None) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
            remedy = "Use lower-case letters, digits and dashes."
            raise InvalidInput(f"use the plane {name!r}", "that is no name for a plane", remedy)
        self.name = name
        self.layout = Layout(root or planes_home() / name)
        self.steering = Steering(self.layout)
        self._cluster: tuple[object, HttpCluster] | None = None
        self._etcd: tuple[object, Etcd] | None = None

    # --- life ----------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether a supervisor lives."""
        return self.steering.alive

    @property
    def exists(self) -> bool:
        """Whether it was made and not stopped."""
        return self.layout.spec.is_file()

    def up(
        self,
        components: Iterable[str],
        ensure: Ensure,
        kubernetes: str | None = None,
        progress: Progress = quiet,
        bare: bool = False,
    ) -> None:
        """Have these components running and ready, besides those that run already.

        Args:
            components: of ``components.ORDER``.
            ensure: gives the paths of the binaries, building what is missing.
            kubernetes: "1.36"; the default, or what the plane runs, when not given.
            progress: told what takes time.
            bare: begin with an empty etcd, as the maker of a baseline does.

        Raises:
            InvalidInput: the plane runs another version.
            Infrastructure: a component did not become ready; says why.

        """
        self.refuse_other(kubernetes)
        if not self.exists:
            self._make(kubernetes or DEFAULT_KUBERNETES, ensure, progress, bare=bare)
        wanted = set(components) | set(Wanted.load(self.layout).components)
        for attempt in range(PORT_TRIES):
            self.steering.revive(progress)
            self.steering.want(Wanted(tuple(name for name in ORDER if name in wanted)))
            if self._await_ready(Wanted.load(self.layout).components, last=attempt == PORT_TRIES - 1):
                break
            self.steering.end()  # somebody took a port between our choice and the bind: choose again

    def refuse_other(self, kubernetes: str | None) -> None:
        """Refuse to be used as another version of Kubernetes than it was made with.

        Raises:
            InvalidInput: it is another.

        """
        made = PlaneSpec.load(self.layout).kubernetes if self.exists else kubernetes
        if kubernetes not in (None, made):
            seen = f"plane {self.name} runs Kubernetes {made}"
            raise InvalidInput(f"use Kubernetes {kubernetes}", seen, "Stop it first, or choose another --plane.")

    def revive(self, progress: Progress = quiet) -> None:
        """See that a supervisor lives and etcd answers; enough to restore a snapshot.

        Raises:
            Infrastructure: etcd did not come up; says why.

        """
        self.steering.revive(progress)
        self._await_ready((ETCD,), last=True)

    def stop(self) -> None:
        """End every process of the plane and remove its folder; learners' files are kept elsewhere."""
        self.steering.end()
        processes.sweep(self.layout.root)
        shutil.rmtree(self.layout.root, ignore_errors=True)

    def status(self) -> PlaneStatus:
        """What it runs, as its supervisor says."""
        return self.steering.status()

    # --- access --------------------------------------------------------------------------------------------------

    @property
    def cluster(self) -> HttpCluster:
        """The plane's API as ckslab itself (system:masters); one connection pool as long as the plane is the same."""
        identity = (self._made(), Wanted.load(self.layout).components)
        if self._cluster is None or self._cluster[0] != identity:
            self._cluster = (identity, self.cluster_as("admin"))
        return self._cluster[1]

    def cluster_as(self, client: str) -> HttpCluster:
        """The plane's API as ``admin`` or ``learner``."""
        capabilities = capabilities_of(Wanted.load(self.layout).components)
        return HttpCluster(f"plane {self.name}", self.layout.kubeconfig(client), capabilities)

    @property
    def etcd(self) -> Etcd:
        """The plane's etcd; one connection as long as the plane is the same."""
        made = self._made()
        if self._etcd is None or self._etcd[0] != made:
            try:
                self._etcd = (made, Etcd(PlaneSpec.load(self.layout).ports.etcd, self.layout.pki / "etcd"))
            except OSError as error:
                seen = f"the keys in {self.layout.pki / 'etcd'} cannot be used ({error.strerror or error})"
                raise Infrastructure(f"talk to etcd of plane {self.name}", seen, ANEW) from error
        return self._etcd[1]

    def _made(self) -> int:
        """Another number when the plane was made anew or got other ports: its kubeconfigs were written again then."""
        return self.layout.kubeconfig("admin").stat().st_mtime_ns

    @property
    def kubernetes(self) -> str:
        """The full version that it runs."""
        return KUBERNETES[PlaneSpec.load(self.layout).kubernetes].version

    def binary(self, name: str) -> str:
        """The path of one of its programs, such as the kubectl of its version."""
        return PlaneSpec.load(self.layout).binaries[name]

    # --- state ---------------------------------------------------------------------------------------------------

    def capture(self) -> Snapshot:
        """Its whole state: etcd's keys and the control-plane files."""
        return Snapshot(capture_keys(self.etcd), capture_files(self.layout.kubernetes_dir))

    def settled(self) -> Snapshot:
        """Its whole state, once its controllers have done what was asked of them before.

        Raises:
            Infrastructure: they do nothing, or the state goes on changing.

        """
        if CONTROLLERS in Wanted.load(self.layout).components:
            self.etcd.write({}, [*PUBLISHED])
            if not await_keys(PUBLISHED, self.etcd, START_SECONDS):
                seen = f"the controllers of plane {self.name} do nothing; see {self.layout.log(CONTROLLERS)}"
                raise Infrastructure("wait for the controllers", seen, ANEW)
        return settled(self.capture)

    def restore(
        self,
        snapshot: Snapshot,
        deadline: float = 15.0,
        settle: float = 0.05,
        besides: re.Pattern[bytes] | None = None,
    ) -> None:
        """Bring it back to a snapshot of this plane.

        When control-plane files differ the API server is stopped meanwhile, as it must not see half of the new state.

        Args:
            snapshot: of this plane.
            deadline: seconds for the cluster to come to rest.
            settle: seconds that it must be at rest.
            besides: matches keys that are left alone.

        Raises:
            StillMoving: it did not come to rest.
            Infrastructure: the API server did not start again.

        """
        if files_differ(snapshot.files, self.layout.kubernetes_dir):
            self._exchange(snapshot, deadline, settle, besides)
        else:
            sentinels = SENTINELS if CONTROLLERS in Wanted.load(self.layout).components else ()
            restore_keys(snapshot.keys, self.etcd, deadline, settle, besides, sentinels)

    @contextmanager
    def without_apiserver(self) -> Iterator[None]:
        """Stop the API server for a while, as it must not see half of a new state, and wait until it is ready again.

        Raises:
            Infrastructure: it does not start again; says why.

        """
        wanted = Wanted.load(self.layout)
        self.steering.want(replace(wanted, held=(APISERVER,)))
        try:
            yield
        finally:
            self.steering.want(replace(wanted, held=()))
        self._await_ready(wanted.components, last=True)

    def adopt(self, snapshot: Snapshot) -> None:
        """Take over a state that another plane of this name had before it was stopped; this one must be clean.

        Everything but the old plane's keys, and what holds its certificate authority: controllers write that for this.
        """
        if not self.made(snapshot):
            own = {PKI + name: data for name, data in capture_files(self.layout.pki).items()}
            snapshot = replace(snapshot, files={**snapshot.files, **own})
        self._await_defaults()
        try:
            self.restore(snapshot, ALIVE_SECONDS, besides=AUTHORITY)
        except StillMoving:
            # Kept when less ran: what simulates nodes, say, makes of it at once what it was not, and would for ever.
            self._exchange(snapshot, besides=AUTHORITY)

    def made(self, snapshot: Snapshot) -> bool:
        """Whether it is this very plane's, and not of one that had its name before."""
        return snapshot.files.get(f"{PKI}ca.crt") == (self.layout.pki / "ca.crt").read_bytes()

    # --- inside --------------------------------------------------------------------------------------------------

    def _await_defaults(self) -> None:
        """Wait until an API server that has just started no longer puts back default roles, which may be gone."""
        deadline = time.monotonic() + START_SECONDS
        while not self._serves(READYZ) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _exchange(
        self,
        snapshot: Snapshot,
        deadline: float = 15.0,
        settle: float = 0.05,
        besides: re.Pattern[bytes] | None = None,
    ) -> None:
        """Bring everything back while no API server runs: nobody sees half of it, and nobody writes meanwhile."""
        with self.without_apiserver():
            restore_files(snapshot.files, self.layout.kubernetes_dir)
            restore_keys(snapshot.keys, self.etcd, deadline, settle, besides)

    def _make(self, kubernetes: str, ensure: Ensure, progress: Progress, *, bare: bool) -> None:
        if kubernetes not in KUBERNETES:
            known = f"Choose one of: {', '.join(sorted(KUBERNETES, reverse=True))}."
            raise InvalidInput(f"use Kubernetes {kubernetes}", "this ckslab does not know it", known)
        private_dir(planes_home())
        self.stop()  # what a killed maker left; a made plane has a spec
        binaries = ensure([*ORDER, "kubectl"], kubernetes, progress)
        version = KUBERNETES[kubernetes].version
        baseline = None
        if not bare:
            baseline = ensure_baseline(version, lambda path: make_baseline(path, kubernetes, ensure, progress))
        make_plane(self.layout, kubernetes, version, binaries, baseline)

    def _await_ready(self, wanted: Iterable[str], last: bool) -> bool:
        return await_ready(self.steering, self.layout, tuple(wanted), self._answers, last=last)

    def _answers(self, names: Collection[str]) -> bool:
        """Ask: the supervisor's word may be a moment old, and what it speaks of killed since."""
        return (APISERVER not in names or self._serves(READYZ_IF_FILLED)) and self.etcd.healthy()

    def _serves(self, asked: str) -> bool:
        try:
            return self.cluster.request("GET", asked, timeout=2.0).ok
        except Unreachable:
            return False


def make_baseline(path: Path, kubernetes: str, ensure: Ensure, progress: Progress) -> None:
    """Start a plane of its own, let it settle, and keep what it holds."""
    progress(f"preparing the baseline of Kubernetes {kubernetes} (once, about 20 s)")
    plane = Plane("baseline", path.parent / f"{path.stem}.plane")
    plane.stop()  # what a killed maker left
    try:
        plane.up((ETCD, APISERVER, CONTROLLERS), ensure, kubernetes, bare=True)
        etcd = plane.etcd
        settle(Objects(plane.cluster), lambda: Snapshot(capture_keys(etcd))).save(path)
    finally:
        plane.stop()
