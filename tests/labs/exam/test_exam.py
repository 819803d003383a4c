"""Each task of an exam keeps its own cluster, whatever happens to the plane, and nothing counts after the end."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.labs.helpers import eventually

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.exam import keeper
from ckslab_labs.exam import sitting as sittings
from ckslab_labs.exam.clock import Clock
from ckslab_labs.exam.exam import Exam
from ckslab_labs.exam.sitting import Sitting, Task
from ckslab_labs.files import is_locked
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded import processes
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.snapshot.snapshot import Snapshot

pytestmark = pytest.mark.plane


@pytest.fixture
def exam(second: Lab, make_scenario: Callable[..., Scenario]) -> Iterator[Exam]:
    """An exam of three tasks on a plane of its own, the first of which is open; the third is about the API server."""
    scenarios = {name: make_scenario(name=name) for name in ("first", "second")}
    scenarios["third"] = make_scenario(Capability.CONTROL_PLANE_FILES, name="third")
    tasks = tuple(Task(name, "cluster-hardening", 1) for name in scenarios)
    sitting = Sitting(1, "2026-01-01T00:00:00+00:00", 60, 67, tasks, Clock.begin())
    yield Exam.begin(second, sitting, scenarios.__getitem__, print)
    sittings.marked(second.name)


def mark(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "production"}}


def marks(lab: Lab) -> set[str]:
    """Which of our marks are in the cluster."""
    names = {each["metadata"]["name"] for each in lab.objects.list("ConfigMap", "production")}
    return names & {"one", "two", "three", "late"}


def expire(exam: Exam) -> None:
    """Let the time be over."""
    late = replace(exam.sitting.clock.now(), spent=60 * 60.0)
    replace(exam.sitting, clock=late).save(exam.lab.name)


def test_each_task_keeps_its_cluster_and_its_files(exam: Exam) -> None:
    exam.lab.objects.create(mark("one"))
    (exam.lab.session().files / "answer.yaml").write_text("mine")
    exam.open(2, print)
    assert marks(exam.lab) == set()
    exam.lab.objects.create(mark("two"))
    session = exam.open(1, print)
    assert marks(exam.lab) == {"one"}
    assert (session.files / "answer.yaml").read_text() == "mine"
    exam.open(2, print)
    assert marks(exam.lab) == {"two"}
    found = sittings.find(exam.lab.name)
    assert found is not None
    assert ([task.begun for task in found.tasks], found.open) == ([True, True, False], 1)


def test_a_shell_of_a_closed_task_reaches_no_cluster(exam: Exam) -> None:
    first = exam.lab.session().folder / "kubeconfig"
    assert kubectl(exam.lab, first).returncode == 0
    exam.open(2, print)
    refused = kubectl(exam.lab, first)
    assert refused.returncode != 0
    assert "task 1, which is closed (ckslab exam task 1 opens it)" in refused.stderr
    assert first.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidInput, match="task 2 is open"):
        exam.refuse_shell_of_another(1)
    exam.refuse_shell_of_another(2)
    exam.refuse_shell_of_another()
    exam.open(1, print)
    assert kubectl(exam.lab, first).returncode == 0


def kubectl(lab: Lab, kubeconfig: Path) -> subprocess.CompletedProcess[str]:
    words = [lab.plane.binary("kubectl"), f"--kubeconfig={kubeconfig}", "get", "namespaces"]
    return subprocess.run(words, capture_output=True, text=True, timeout=30)


def test_another_exam_is_refused_meanwhile(exam: Exam) -> None:
    with pytest.raises(InvalidInput, match="an exam is being sat"):
        Exam.begin(exam.lab, exam.sitting, exam.lab.start, print)  # type: ignore[arg-type]
    assert sittings.find(exam.lab.name) is not None


def test_a_plane_that_lost_its_data_is_made_anew_from_what_was_kept(exam: Exam) -> None:
    exam.lab.objects.create(mark("one"))
    keeper.keep(exam.lab)
    exam.lab.objects.create(mark("late"))
    lose_power(exam.lab)
    shutil.rmtree(exam.lab.plane.layout.root / "etcd")
    told: list[str] = []
    exam.open(1, told.append)
    assert any("it is made anew from what was kept last" in line for line in told)
    assert marks(exam.lab) == {"one"}


def test_a_full_disk_costs_nothing_that_was_done(exam: Exam, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where the state cannot be written, nor where etcd cannot come up for lack of space."""
    exam.lab.objects.create(mark("one"))

    def full(*_: object, **__: object) -> None:
        raise Infrastructure("write it", "no space left on device", "Free some.")

    for place, what in ((Snapshot, "save"), (exam.lab.plane, "revive")):
        with monkeypatch.context() as patch:
            patch.setattr(place, what, full)
            patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1e6))
            with pytest.raises(Infrastructure):
                exam.open(2, print)
        assert exam.sitting.open == 0
        assert marks(exam.lab) == {"one"}
    exam.open(2, print)
    exam.open(1, print)
    assert marks(exam.lab) == {"one"}


def test_a_plane_that_was_killed_goes_on_from_its_own_data(exam: Exam) -> None:
    keeper.keep(exam.lab)
    exam.lab.objects.create(mark("one"))
    lose_power(exam.lab)
    exam.open(2, print)
    exam.open(1, print)
    assert marks(exam.lab) == {"one"}


def lose_power(lab: Lab) -> None:
    processes.sweep(lab.plane.layout.root)


def test_a_plane_that_was_stopped_is_brought_back(exam: Exam) -> None:
    exam.lab.objects.create(mark("one"))
    (exam.lab.session().files / "answer.yaml").write_text("mine")
    exam.lab.stop()
    session = exam.open(1, print)
    assert marks(exam.lab) == {"one"}
    assert (session.files / "answer.yaml").read_text() == "mine"


def test_a_task_whose_api_server_was_broken_can_be_mended(exam: Exam) -> None:
    exam.open(3, print)
    manifest = exam.lab.plane.layout.manifests / "kube-apiserver.yaml"
    good = manifest.read_text()
    manifest.write_text(good.replace("--authorization-mode=", "--authorisation-mode="))
    eventually(lambda: "authorisation-mode" in (exam.lab.status().explain() or ""))
    with pytest.raises(Infrastructure, match="authorisation-mode"):
        exam.open(3, print)
    assert exam.sitting.open == 2
    manifest.write_text(good)
    exam.open(3, print)


def test_what_is_done_after_the_end_does_not_count(exam: Exam) -> None:
    answer = exam.lab.session().files / "answer.yaml"
    answer.write_text("in time")
    exam.lab.objects.create(mark("one"))
    keeper.keep(exam.lab)
    expire(exam)
    exam.lab.objects.create(mark("late"))
    answer.write_text("too late")
    keeper.keep(exam.lab)
    for verb in (lambda: exam.open(2, print), lambda: exam.flag(1, True), exam.refuse_shell_of_another):
        with pytest.raises(InvalidInput, match="the time is over"):
            verb()
    exam.close(print)
    with exam.brought_back(0, print) as (scenario, session):
        assert scenario.id == "first"
        assert marks(exam.lab) == {"one"}
        assert (session.files / "answer.yaml").read_text() == "in time"
    assert "too late" in {path.read_text() for path in (session.folder / "kept").rglob("answer.yaml")}
    assert exam.lab.sessions.open() is None


def test_what_is_done_until_it_is_closed_counts_and_can_be_marked_twice(exam: Exam) -> None:
    exam.lab.objects.create(mark("one"))
    exam.close(print)
    for _ in range(2):
        with exam.brought_back(0, print):
            assert marks(exam.lab) == {"one"}
            exam.lab.objects.create(mark("late"))
    with pytest.raises(InvalidInput, match="it is being marked"):
        exam.open(1, print)


def test_a_keeper_keeps_what_is_done_last_and_ends_with_the_exam(exam: Exam) -> None:
    soon = replace(exam.sitting.clock.now(), spent=60 * 60.0 - 4)
    replace(exam.sitting, clock=soon).save(exam.lab.name)
    keeper.see_to_it(exam.lab.name)
    lock = exam.lab.sessions.path / keeper.LOCK
    eventually(lambda: is_locked(lock))
    exam.lab.objects.create(mark("one"))
    eventually(lambda: not is_locked(lock), seconds=20)
    exam.close(print)
    with exam.brought_back(0, print):
        assert marks(exam.lab) == {"one"}


def test_flags_stay(exam: Exam) -> None:
    exam.flag(2, flagged=True)
    exam.open(2, print)
    assert [task.flagged for task in exam.sitting.tasks] == [False, True, False]
    exam.flag(2, flagged=False)
    assert not any(task.flagged for task in exam.sitting.tasks)
