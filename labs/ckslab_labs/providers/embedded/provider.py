"""The embedded provider: a plane, with what of it a lab needs."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ckslab_labs.binaries.locate import ensure
from ckslab_labs.cluster.client import HttpCluster
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Auditor, Capability
from ckslab_labs.errors import InvalidInput
from ckslab_labs.providers.embedded.auditing import audited
from ckslab_labs.providers.embedded.components import KWOK, NEEDS, components_for
from ckslab_labs.providers.embedded.layout import Wanted
from ckslab_labs.providers.embedded.node_files import NodeFiles
from ckslab_labs.providers.embedded.nodes import add_nodes, holds_nodes
from ckslab_labs.providers.embedded.plane import Plane
from ckslab_labs.providers.provider import Progress
from ckslab_labs.snapshot.snapshot import PODS, Snapshot, StillMoving, capture_keys, compare_keys

KUBELET_SECONDS = 0.1
"""In which the simulated kubelet ends a pod that it sees go, by name: another of that name must not be there yet."""


class Embedded:
    """One plane. See ``Provider`` for what the methods promise.

    Args:
        name: the plane's.
        kubernetes: the version to make it with ("1.36"); the default, or what it runs, when not given.

    """

    name = "embedded"
    offers = frozenset(NEEDS)

    def __init__(self, name: str, kubernetes: str | None = None) -> None:
        self.plane = Plane(name)
        self.node = NodeFiles(self.plane)
        self._kubernetes = kubernetes

    @property
    def exists(self) -> bool:
        """See ``Provider``."""
        return self.plane.exists

    @property
    def alive(self) -> bool:
        """See ``Provider``."""
        return self.plane.alive

    @property
    def kubectl(self) -> Path:
        """See ``Provider``."""
        return Path(self.plane.binary("kubectl"))

    def kubeconfig(self, who: str) -> Path:
        """See ``Provider``."""
        return self.plane.layout.kubeconfig(who)

    def cluster_as(self, who: str) -> HttpCluster:
        """See ``Provider``."""
        return self.plane.cluster if who == "admin" else self.plane.cluster_as(who)

    @property
    def auditor(self) -> Auditor:
        """See ``Provider``."""
        return lambda policy: audited(self.plane.layout, self.plane.etcd, self.plane.kubernetes, policy)

    def remarks(self) -> Sequence[str]:
        """See ``Provider``."""
        status = self.plane.status()
        unread = [f"{file} is not in force: {text}" for file, text in status.problems.items()]
        runs = status.manifest.get("runs")
        waiting = [
            f"{file} is not in force: the pod of {runs} runs, and goes by the same name; every file in the folder of "
            "manifests is one, a copy as well"
            for file in status.manifest.get("waiting", ())
        ]
        return [*unread, *waiting]

    def shell_on_node(self, line: str | None) -> list[str]:
        """Refuse: the node is a folder."""
        seen = f"the control-plane node of a plane is a folder, {self.plane.layout.node}"
        raise InvalidInput("open a shell on the node", seen, "Edit the files below it; what reads them follows.")

    def refuse_unfit(self, what: str, requires: Iterable[Capability]) -> None:
        """See ``Provider``; also refuses to be used as another version of Kubernetes than it runs."""
        if missing := [capability for capability in requires if capability not in NEEDS]:
            seen = f"it requires {', '.join(missing)}, which simulated nodes do not have"
            raise InvalidInput(f"run {what} on the embedded provider", seen, "Choose another; see `ckslab list`.")
        self.plane.refuse_other(self._kubernetes)

    def prepare(self, requires: Iterable[Capability], progress: Progress) -> None:
        """See ``Provider``. Components that run already go on, whether they are needed or not."""
        needed = components_for(requires)
        baseline = self.plane.layout.baseline
        clean = Snapshot.load(baseline) if baseline.is_file() and self.plane.exists else None
        if clean:
            self.plane.revive(progress)
            self.plane.restore(clean)
        # What runs says what a killed command had begun; the baseline says what was finished.
        running = Wanted.load(self.plane.layout).components
        without_nodes = KWOK in needed and not (clean and holds_nodes(clean.keys))
        grows = not clean or not set(needed) <= set(running) or without_nodes
        if grows:
            progress("starting more of the control plane" if clean else "starting the control plane")
        self.plane.up(needed, ensure, self._kubernetes, progress)
        if without_nodes:
            add_nodes(Objects(self.plane.cluster))
        if grows:
            self.settled().save(baseline)

    def attach(self, progress: Progress) -> None:
        """See ``Provider``."""
        self.plane.up((), ensure, progress=progress)

    def back_to(self, start: Snapshot, progress: Progress, *, pods_stay: bool) -> bool:
        """See ``Provider``. With controllers at work on deletions the long way can be faster."""
        if not (start.keys and self.plane.exists and self.plane.layout.baseline.is_file()):
            return False
        self.plane.revive(progress)
        try:
            self.plane.restore(start, deadline=1.0)
        except StillMoving:
            return False
        self.plane.up((), ensure)
        return True

    def capture(self) -> Snapshot:
        """See ``Provider``."""
        return self.plane.capture()

    def settled(self) -> Snapshot:
        """See ``Provider``."""
        return self.plane.settled()

    @contextmanager
    def checkpoint(self) -> Iterator[Callable[[], bool]]:
        """See ``Provider``."""
        with self.plane.steering.at_rest():
            kept = capture_keys(self.plane.etcd)

            def undo() -> bool:
                difference = compare_keys(kept, self.plane.etcd)
                if any(key.startswith(PODS) for key in difference.gone):
                    time.sleep(KUBELET_SECONDS)
                self.plane.etcd.write(difference.put, difference.delete)
                return False

            try:
                yield undo
            finally:
                undo()

    def keep(self, progress: Progress) -> Snapshot | None:
        """See ``Provider``."""
        self.plane.revive(progress)
        return self.plane.capture()

    def owns(self, kept: Snapshot) -> bool:
        """See ``Provider``."""
        return self.plane.made(kept)

    def resume(self, kept: Snapshot) -> None:
        """See ``Provider``."""
        self.plane.adopt(kept)

    def stop(self) -> None:
        """See ``Provider``."""
        self.plane.stop()
