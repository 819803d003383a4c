"""The kind provider: a cluster with a real kubelet and real containers, in one container of the Docker engine.

Its state goes through etcd like a plane's, but for pods and nodes, which belong to the kubelet: a container does not
come or go because a key does. So a reset restores everything else, and ends the pods that are left over.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ckslab_labs.binaries.catalog import DEFAULT_KUBERNETES
from ckslab_labs.binaries.locate import ensure
from ckslab_labs.cluster.client import HttpCluster
from ckslab_labs.cluster.network import Network
from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.cluster.port import Capability
from ckslab_labs.cluster.rollouts import moving
from ckslab_labs.errors import Infrastructure, InvalidInput, LabError
from ckslab_labs.files import read_json, write_json
from ckslab_labs.providers.embedded.baseline import OURS
from ckslab_labs.providers.kind import life, pods
from ckslab_labs.providers.kind.configuration import NODE
from ckslab_labs.providers.kind.node_files import NodeFiles
from ckslab_labs.providers.kind.node_image import choose, image_id
from ckslab_labs.providers.kind.place import Place
from ckslab_labs.providers.kind.stored import Stored
from ckslab_labs.providers.kind.undo import insist, undo
from ckslab_labs.providers.provider import Progress
from ckslab_labs.scenario.images import known
from ckslab_labs.snapshot.etcd import Etcd
from ckslab_labs.snapshot.snapshot import Snapshot, capture_keys, restore_keys, settled

READY_SECONDS = 180.0
"""From the end of kind's work until every pod of the system is ready."""
PODS_SECONDS = 5.0
"""For pods that a check has made anew to run; the setup takes no longer."""
SYSTEM = "kube-system"
PODS = "pods"
"""Among the files of a snapshot, beside the node's and ``NODE``: what pods ran."""
UNENFORCED = "a connection that a policy denies went through: its node image does not enforce network policies"
IMAGE_VARIABLE = "CKSLAB_KIND_IMAGE"

ALWAYS = frozenset(Capability) - {Capability.NETWORK_POLICY, Capability.AUDIT}
"""What every kind cluster can do; whether NetworkPolicies are enforced depends on the node image, and is measured."""


class Kind:
    """One kind cluster. See ``Provider`` for what the methods promise.

    Args:
        name: as of a plane.
        kubernetes: the version of the node image ("1.36"); the default when not given.
        image: another node image; CKSLAB_KIND_IMAGE in the environment does the same.
        retain: leave what is there of a cluster that cannot be made.

    """

    name = "kind"
    offers = ALWAYS | {Capability.NETWORK_POLICY}

    def __init__(
        self, name: str, kubernetes: str | None = None, image: str | None = None, retain: bool = False
    ) -> None:
        self.place = Place(name)
        self.node = NodeFiles(self.place, self._await_api)
        self._kubernetes = kubernetes or DEFAULT_KUBERNETES
        self._image = image
        self._retain = retain
        self._clusters: dict[str, HttpCluster] = {}
        self._stored: Stored | None = None

    @property
    def exists(self) -> bool:
        """See ``Provider``."""
        return self.place.baseline.is_file()

    @property
    def begun(self) -> bool:
        """Whether there is anything of it, also of one that was not finished."""
        return self.place.folder.is_dir()

    @property
    def alive(self) -> bool:
        """See ``Provider``."""
        return self.begun and bool(life.state(self.place))

    @property
    def kubectl(self) -> Path:
        """See ``Provider``."""
        return ensure(["kubectl"], self._kubernetes, lambda _: None)["kubectl"]

    def kubeconfig(self, who: str) -> Path:
        """See ``Provider``."""
        return self.place.kubeconfig(who)

    def cluster_as(self, who: str) -> HttpCluster:
        """See ``Provider``."""
        if who not in self._clusters:
            name = f"kind cluster {self.place.cluster}"
            measured = self.offers if self._enforces_policies() else ALWAYS
            self._clusters[who] = HttpCluster(name, self.place.kubeconfig(who), measured)
        return self._clusters[who]

    @property
    def image(self) -> str:
        """The node image that a new cluster is made from."""
        return self._image or os.environ.get(IMAGE_VARIABLE) or choose(self._kubernetes)

    @property
    def stored(self) -> Stored:
        """What the cluster's etcd holds."""
        if self._stored is None:
            self._stored = Stored(Etcd(self.place.etcd_port, self.place.etcd))
        return self._stored

    @property
    def auditor(self) -> None:
        """None: the node's API server is a container's."""

    def remarks(self) -> Sequence[str]:
        """Nothing: what its kubelet makes of a manifest it tells nobody but its own log."""
        return ()

    def shell_on_node(self, line: str | None) -> list[str]:
        """See ``Provider``."""
        streams = ["--interactive", "--tty"] if line is None else ["--interactive"]
        return ["docker", "exec", *streams, self.place.container, "bash", *([] if line is None else ["-c", line])]

    def refuse_unfit(self, what: str, requires: Iterable[Capability]) -> None:
        """See ``Provider``."""
        if missing := sorted(set(requires) - self.offers):
            seen = f"it requires {', '.join(missing)}, which a kind cluster does not have"
            raise InvalidInput(f"run {what} on the kind provider", seen, "Leave out --provider kind.")
        if self.exists and self._image and life.made_from(self.place) != image_id(self._image):
            seen = f"{self.place.cluster} is there already, made from another"
            remedy = f"Run `ckslab stop --plane {self.place.name}` first, or choose another --plane."
            raise InvalidInput(f"use the node image {self._image}", seen, remedy)
        if Capability.NETWORK_POLICY in requires and self._enforces_policies() is False:
            raise InvalidInput(f"run {what} on this kind cluster", UNENFORCED, "Use a published node image.")

    def prepare(self, requires: Iterable[Capability], progress: Progress) -> None:
        """See ``Provider``. A kind cluster is always whole, whatever is required."""
        if self.exists:
            self._clean(progress)
        else:
            self._make(progress)
        if Capability.NETWORK_POLICY in requires and self._enforces_policies() is None:
            progress("measuring whether network policies are enforced")
            self._measure_policies()

    def _clean(self, progress: Progress) -> None:
        """Bring everything back that is not a scenario's: files first, as somebody may have broken the API server."""
        baseline = Snapshot.load(self.place.baseline)
        self._put_back(baseline, progress)
        objects = Objects(self.cluster_as("admin"))
        insist(partial(pods.end_strangers, objects), self.stored, baseline.keys)
        self._await_system(objects)

    def _put_back(self, kept: Snapshot, progress: Progress) -> None:
        """Bring back all but pods."""
        life.bring_back(self.place)
        progress("putting the kind cluster back")
        self.node.restore({name: data for name, data in kept.files.items() if name not in (NODE, PODS)})
        self._await_api()
        insist(partial(pods.take_out_finalizers, Objects(self.cluster_as("admin"))), self.stored, kept.keys)
        restore_keys(kept.keys, self.stored)
        self._mend_node(json.loads(kept.files[NODE]))

    def attach(self, progress: Progress) -> None:
        """See ``Provider``."""
        life.bring_back(self.place)
        self._await_api()

    def back_to(self, start: Snapshot, progress: Progress, *, pods_stay: bool) -> bool:
        """See ``Provider``: possible while the pods of the start run, or soon will; others are made by the setup."""
        if not (pods_stay and self.exists and PODS in start.files):
            return False
        self._put_back(start, progress)
        objects = Objects(self.cluster_as("admin"))
        deadline = time.monotonic() + PODS_SECONDS
        while pods.facts(objects) == start.files[PODS]:
            if not moving(objects):
                return True
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return False

    def capture(self) -> Snapshot:
        """See ``Provider``; of what is the kubelet's, pods by what may not change of them, and the node."""
        objects = Objects(self.cluster_as("admin"))
        node = json.dumps(objects.get("Node", NODE).body).encode()
        files = {NODE: node, PODS: pods.facts(objects), **self.node.capture()}
        return Snapshot(capture_keys(self.stored), files)

    def settled(self) -> Snapshot:
        """See ``Provider``."""
        return settled(self.capture)

    @contextmanager
    def checkpoint(self) -> Iterator[Callable[[], bool]]:
        """See ``Provider``. The kubelet goes on, so pods are ended and made anew through the API."""
        objects = Objects(self.cluster_as("admin"))
        with life.at_rest(self.place):
            back = partial(undo, capture_keys(self.stored), pods.keep(objects), self.stored, objects)
            try:
                yield back
            finally:
                back()

    def keep(self, progress: Progress) -> Snapshot | None:
        """See ``Provider``."""
        life.bring_back(self.place)  # where that fails it can be tried again, and nothing was given up
        return None

    def owns(self, kept: Snapshot) -> bool:
        """See ``Provider``."""
        return False

    def resume(self, kept: Snapshot) -> None:
        """Refuse: nothing is ever kept."""
        raise InvalidInput("resume a scenario on a kind cluster", "its state is not kept", "Start it afresh.")

    def stop(self) -> None:
        """See ``Provider``."""
        life.delete(self.place)
        self._clusters, self._stored = {}, None

    # --- inside --------------------------------------------------------------------------------------------------

    def _make(self, progress: Progress) -> None:
        self._clusters, self._stored = {}, None
        life.create(self.place, self.image, progress, retain=self._retain)
        life.give_images(self.place, sorted(filter(image_id, known())), progress)
        objects = Objects(self.cluster_as("admin"))
        progress("waiting for its system pods")
        self._await_api()
        self._await("give accounts to namespaces", lambda: objects.get("ServiceAccount", "default", "default").ok)
        self._await_system(objects)
        for manifest in OURS:
            self._await(f"take our {manifest['kind']}", lambda: objects.apply(manifest).ok)  # noqa: B023, asked at once
        settled(self.capture, seconds=READY_SECONDS, pause=1.0).save(self.place.baseline)

    def _await_system(self, objects: Objects) -> None:
        """Wait for the pods that every scenario stands on: somebody may have ended them a moment ago."""

        def runs() -> bool:
            if unready := pods.unready_workloads(objects, SYSTEM):
                raise Infrastructure("run the system's pods", f"not ready: {', '.join(unready)}", "")
            return True

        self._await("run its system pods", runs)

    def _await_api(self) -> None:
        self._await("answer with its roles loaded", self._serves)

    def _serves(self) -> bool:
        """Whether the API answers, with its roles loaded: right after a start it refuses everybody."""
        return self.cluster_as("learner").request("GET", "/api/v1/namespaces", timeout=5.0).ok

    def _enforces_policies(self) -> bool | None:
        """Whether NetworkPolicies are enforced; None as long as it was not measured."""
        try:
            return bool(read_json(self.place.measured)["enforces-network-policies"])
        except FileNotFoundError:
            return None

    def _measure_policies(self) -> None:
        enforced = Network(Objects(self.cluster_as("admin"))).measure()
        write_json(self.place.measured, {"enforces-network-policies": enforced})
        self._clusters = {}
        if not enforced:
            raise InvalidInput("use this kind cluster for network policies", UNENFORCED, "Use a published node image.")

    def _mend_node(self, clean: Manifest) -> None:
        """Take back labels, taints and cordons."""
        objects = Objects(self.cluster_as("admin"))
        now = objects.get("Node", NODE).body
        labels = {**dict.fromkeys(now["metadata"]["labels"]), **clean["metadata"]["labels"]}
        spec = {key: clean["spec"].get(key) for key in ("taints", "unschedulable")}
        objects.patch("Node", NODE, None, {"metadata": {"labels": labels}, "spec": spec})

    def _await(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        seen = f"it did not within {READY_SECONDS:g} s"
        while True:
            try:
                if holds():
                    return
            except LabError as error:
                seen = error.seen
            if time.monotonic() > deadline:
                remedy = f"See `docker logs {self.place.container}`; `ckslab stop`, then `ckslab start`, makes it anew."
                raise Infrastructure(f"have {self.place.cluster} {what}", seen, remedy)
            time.sleep(0.1)
