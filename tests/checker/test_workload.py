"""What ``workload`` makes of a process, from what the kernel says of it; ``test_workload_pods`` is about pods."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.checker.fake_cluster import FakeCluster

from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.workload import Workload
from ckslab_labs.cluster.port import Ran

CAT = ("cat", "/proc/1/status", "/proc/self/mountinfo")
CAT_SHARED = ("cat", "/proc/self/status", "/proc/self/mountinfo")
SYS_ADMIN = "0000000000200000"
NONE = "0000000000000000"
EMPTY_DIR = "/lib/kubelet/pods/6f1c/volumes/kubernetes.io~empty-dir/run"
MOUNTS = (
    "1 0 0:1 / / ro,relatime - overlay overlay rw",
    "2 1 0:2 / /proc rw,nosuid - proc proc rw",
    "3 1 0:3 / /dev rw,nosuid - tmpfs tmpfs rw",
    "4 3 0:4 / /dev/shm rw,nosuid - tmpfs shm rw",
    "5 1 8:1 /lib/kubelet/pods/6f1c/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw",
    "6 1 0:6 / /sys ro,nosuid - sysfs sysfs ro",
)


def text(*mounts: str, uid: int = 10000, powers: str = NONE, bound: str = NONE, nnp: int = 1, filtered: int = 2) -> str:
    status = (
        f"Name:\tsh\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapPrm:\t{powers}\nCapEff:\t{powers}\nCapBnd:\t{bound}\n"
        f"NoNewPrivs:\t{nnp}\nSeccomp:\t{filtered}\n"
    )
    return status + "".join(f"{line}\n" for line in (*MOUNTS, *mounts))


def mount(place: str, options: str = "rw", root: str = EMPTY_DIR, kind: str = "ext4", on: str = "rw") -> str:
    return f"9 1 8:1 {root} {place} {options},relatime shared:1 - {kind} /dev/sda1 {on}"


def pod(*containers: str, ready: bool = True, **spec: Any) -> dict[str, Any]:
    statuses = [{"name": name, "restartCount": 0, "state": {"running": {}}} for name in containers]
    return {
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "u", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": name} for name in containers], **spec},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": statuses},
    }


class World(FakeCluster):
    """Answers by container, where it is told to."""

    texts: dict[str, str]

    def exec(self, namespace: str, pod: str, container: str, words: Any, **others: Any) -> Any:
        if container in self.texts and tuple(words) == CAT:
            return Ran(0, self.texts[container], "")
        return super().exec(namespace, pod, container, words, **others)


def ask(*pods: dict[str, Any], texts: dict[str, str], shared: str = "", **parameters: Any) -> list[Evidence]:
    cluster = World(list(pods))
    cluster.texts = texts
    if shared:
        cluster.commands[("web-1", *CAT_SHARED)] = Ran(0, shared, "")
    values = {"pods": {"namespace": "shop", "labels": {"app": "web"}}, **parameters}
    probe = Workload.model_validate_json(json.dumps(values), by_name=False)
    return probe.ask(Context(cluster, {}, Path("/nonexistent"), None, True, "seed"))


def of_one(text: str, **parameters: Any) -> list[tuple[str, bool]]:
    counted, *found = ask(pod("web"), texts={"web": text}, **parameters)
    assert counted.met
    return [(item.observed, item.met) for item in found]


def test_the_whole_evidence() -> None:
    asked: dict[str, Any] = {
        "user": "non-root",
        "powers": "none",
        "root": "read-only",
        "writable": ["/run"],
        "without": ["SYS_ADMIN"],
    }
    of_which = "container web of pod web-1 in shop?"
    assert ask(pod("web"), texts={"web": text(mount("/run/web"))}, **asked) == [
        Evidence("How many pods with app=web in shop are ready?", "at least 1", "1", met=True),
        Evidence(f"Whom does it run as, {of_which}", "non-root", "non-root", met=True),
        Evidence(f"What powers has it, {of_which}", "none", "none", met=True),
        Evidence(f"What is its root file system, {of_which}", "read-only", "read-only", met=True),
        Evidence(f"Where else can it write, {of_which}", "nowhere", "nowhere", met=True),
        Evidence(f"Which unwanted powers has it, {of_which}", "none", "none", met=True),
    ]


@pytest.mark.parametrize(
    ("changes", "observed"),
    [
        ({"powers": SYS_ADMIN}, "capabilities"),
        ({"bound": SYS_ADMIN}, "capabilities"),
        ({"nnp": 0, "filtered": 0}, "new privileges, every system call"),
    ],
)
def test_each_power_is_named(changes: dict[str, Any], observed: str) -> None:
    assert of_one(text(**changes), powers="none") == [(observed, False)]


def test_root_is_root() -> None:
    assert of_one(text(uid=0), user="non-root") == [("root", False)]
    assert of_one(text(uid=0), user="root") == [("root", True)]


def test_a_power_that_can_be_had_counts() -> None:
    assert of_one(text(bound=SYS_ADMIN), without=["SYS_ADMIN", "NET_RAW"]) == [("SYS_ADMIN", False)]
    assert of_one(text(bound=SYS_ADMIN), without=["NET_RAW"]) == [("none", True)]


@pytest.mark.parametrize(
    ("mounted", "observed"),
    [
        (mount("/"), "writable"),
        (mount("/", "ro"), "read-only"),
        (mount("/", on="ro,errors=continue"), "read-only"),
        (mount("/bin"), "read-only"),
    ],
)
def test_the_root_is_what_lies_there_on_top(mounted: str, observed: str) -> None:
    assert of_one(text(mounted), root="read-only") == [(observed, observed == "read-only")]


@pytest.mark.parametrize(
    ("mounted", "observed"),
    [
        (mount("/"), "/"),
        (mount("/bin"), "/bin"),
        (mount("/running"), "/running"),
        (mount("/srv", "ro"), "nowhere"),
        (mount("/run"), "nowhere"),
        (mount("/run/web", root="/", kind="tmpfs"), "nowhere"),
        (mount("/run/web", root="/srv/of-the-node"), "/run/web of the node"),
        (mount("/dev/sda1", root="/"), "/dev/sda1"),
        (mount("/dev/null", root="/null", kind="devtmpfs"), "nowhere"),
        (mount("/dev/console", root="/0", kind="devpts"), "nowhere"),
        (mount("/bin/tool", root="/lib/kubelet/pods/6f1c/containers/web/0b"), "/bin/tool"),
    ],
)
def test_a_mount_that_can_be_written_to_is_found(mounted: str, observed: str) -> None:
    assert of_one(text(mounted), writable=["/run"]) == [(observed, observed == "nowhere")]


@pytest.mark.parametrize(("kind", "met"), [("emptyDir", True), ("ephemeral", True), ("persistentVolumeClaim", False)])
def test_a_volume_may_lie_anywhere_as_long_as_it_goes_with_the_pod(kind: str, met: bool) -> None:
    there = pod("web", volumes=[{"name": "v", kind: {}}])
    there["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/run/web/"}]
    found = ask(there, texts={"web": text(mount("/run/web", root="/of-the-node/pvc-1"))}, writable=["/run"])
    assert [item.met for item in found] == [True, met]


def test_every_container_that_runs_is_looked_at() -> None:
    found = ask(pod("web", "log"), texts={"web": text(), "log": text(uid=0)}, user="non-root")
    assert [(item.asked.split(", ")[-1], item.met) for item in found[1:]] == [
        ("container web of pod web-1 in shop?", True),
        ("container log of pod web-1 in shop?", False),
    ]


def test_or_the_one_that_is_named() -> None:
    where = {"namespace": "shop", "name": "web-1", "container": "web"}
    found = ask(pod("web", "log"), texts={"web": text(), "log": text(uid=0)}, user="non-root", pods=where)
    assert [item.met for item in found] == [True, True]


def test_a_container_of_that_name_must_be_there() -> None:
    where = {"namespace": "shop", "name": "web-1", "container": "stock"}
    asked = "Has pod web-1 in shop a container stock?"
    found = ask(pod("web"), texts={"web": text()}, user="non-root", pods=where)
    assert found[1:] == [Evidence(asked, "yes", "no: web", met=False)]


def test_where_processes_are_shared_the_first_is_another_s() -> None:
    found = ask(
        pod("web", shareProcessNamespace=True),
        texts={"web": text()},
        shared=text(mount("/"), uid=0),
        user="non-root",
        root="read-only",
    )
    assert [(item.observed, item.met) for item in found[1:]] == [("root", False), ("writable", False)]


def test_what_runs_in_a_pod_that_is_not_ready_counts_as_well() -> None:
    late = pod("late", ready=False)
    found = ask(pod("web"), late, texts={"web": text(), "late": text(uid=0)}, user="non-root")
    assert [item.met for item in found] == [True, True, False]
    gone = {**late, "metadata": {**late["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert len(ask(pod("web"), gone, texts={"web": text(), "late": text(uid=0)}, user="non-root")) == 2


def test_without_cat_there_is_no_answer() -> None:
    with pytest.raises(CannotTell, match="the first process of container web of pod web-1 in shop could not be looked"):
        ask(pod("web"), texts={}, user="non-root")
    assert len(ask(pod("web"), pod("late", ready=False), texts={"web": text()}, user="non-root")) == 2


@pytest.mark.parametrize("bad", [{"without": ["MAGIC"]}, {"unchanged": True, "writable": []}])
def test_parameters_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ask(pod("web"), texts={"web": text()}, **bad)
