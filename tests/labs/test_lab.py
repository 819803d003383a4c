"""Start, put aside, resume, reset and attach, on a real plane: nothing of a learner's is lost."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.labs.conftest import SETUP
from tests.labs.helpers import eventually, running

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded import processes
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.session import start_pods

MARK: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mark", "namespace": "production"}}


def has_mark(lab: Lab) -> bool:
    return lab.objects.get("ConfigMap", "mark", "production").ok


def test_a_scenario_that_needs_real_pods_is_refused_before_anything_starts(
    make_scenario: Callable[..., Scenario],
) -> None:
    lab = Lab("never")
    with pytest.raises(InvalidInput) as caught:
        lab.start(make_scenario(Capability.API, Capability.KUBELET))
    assert str(caught.value) == (
        "cannot run open-door on the embedded provider: it requires kubelet, which simulated nodes do not have. "
        "Choose another; see `ckslab list`."
    )
    assert not lab.plane.layout.root.exists()


def test_without_an_open_scenario_there_is_nothing_to_attach_to() -> None:
    for verb in (Lab("never").attach, Lab("never").session):
        with pytest.raises(InvalidInput) as caught:
            verb()
        assert str(caught.value) == (
            "cannot find your scenario: no scenario is open on plane never. Run `ckslab list`, then `ckslab start ID`."
        )


@pytest.mark.parametrize("name", ["", "Default", "../x", "a/b", "-x", "x" * 50])
def test_a_name_that_is_none_for_a_plane_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="that is no name for a plane"):
        Lab(name)


@pytest.mark.plane
def test_a_plane_of_another_version_is_refused_and_keeps_its_state(
    second: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    second.start(make_scenario())
    second.objects.create(MARK)
    with pytest.raises(InvalidInput) as caught:
        Lab("second", "1.30").start(make_scenario(name="other"))
    assert caught.value.attempted == "use Kubernetes 1.30"
    assert has_mark(second)


@pytest.mark.plane
def test_what_is_put_aside_comes_back_with_resume(second: Lab, make_scenario: Callable[..., Scenario]) -> None:
    first, other = make_scenario(name="first"), make_scenario(name="other", setup=OTHER_SETUP)
    session = second.start(first)
    second.objects.create(MARK)
    (session.files / "answer.yaml").write_text("mine")
    session.attempted().used_hint(2)
    told: list[str] = []
    second.start(other, told.append)
    assert "first is put aside; `ckslab start first --resume` brings it back" in told
    assert second.objects.get("Namespace", "production").status == 404
    resumed = second.start(first, resume=True)
    assert has_mark(second)
    assert second.objects.get("Namespace", "elsewhere").status == 404
    assert (resumed.files / "answer.yaml").read_text() == "mine"
    assert (resumed.attempts, resumed.hints) == (1, 2)
    assert second.session() == resumed
    second.reset(first)
    assert not has_mark(second)
    second.start(other, resume=True)
    assert second.objects.get("Namespace", "elsewhere").ok


@pytest.mark.plane
@pytest.mark.parametrize("interrupted", ["start", "resume"])
def test_what_was_put_aside_survives_a_start_that_is_interrupted(
    second: Lab, make_scenario: Callable[..., Scenario], monkeypatch: pytest.MonkeyPatch, interrupted: str
) -> None:
    first, other = make_scenario(name="first"), make_scenario(name="other", setup=OTHER_SETUP)
    second.start(first)
    second.objects.create(MARK)
    if interrupted == "resume":
        second.start(other)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    resumes = interrupted == "resume"
    with monkeypatch.context() as patch:
        if resumes:
            patch.setattr(second.provider, "resume", interrupt)
        else:  # the other one's setup is on the cluster by then
            patch.setattr(second, "_await_learner", interrupt)
        with pytest.raises(KeyboardInterrupt):
            second.start(first if resumes else other, resume=resumes)
    with pytest.raises(InvalidInput, match="no scenario is open"):
        second.attach()
    assert "first" in second.sessions.put_aside()
    second.start(first, resume=True)
    assert has_mark(second)
    assert second.objects.get("Namespace", "elsewhere").status == 404


@pytest.mark.plane
def test_learners_files_come_back_with_a_snapshot_and_nothing_is_lost(
    second: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    session = second.start(make_scenario())
    answer = session.files / "answer.yaml"
    answer.write_text("first")
    snapshot = second.capture()
    answer.write_text("second")
    second.objects.create(MARK)
    told: list[str] = []
    second.restore(snapshot, told.append)
    assert not has_mark(second)
    assert answer.read_text() == "first"
    assert len(told) == 1
    kept = Path(told[0].removeprefix("your earlier files are kept in "))
    assert kept.parent == session.folder / "kept"
    assert (kept / "answer.yaml").read_text() == "second"


@pytest.mark.plane
def test_nothing_to_resume_leaves_what_is_open_alone(second: Lab, make_scenario: Callable[..., Scenario]) -> None:
    opened = second.start(make_scenario(name="first"))
    second.objects.create(MARK)
    with pytest.raises(InvalidInput, match="nothing of it was put aside"):
        second.start(make_scenario(name="never-begun"), resume=True)
    assert second.attach() == opened
    assert has_mark(second)


OTHER_SETUP = "apiVersion: v1\nkind: Namespace\nmetadata: {name: elsewhere}\n"


@pytest.mark.plane
def test_what_was_never_put_aside_cannot_be_resumed(second: Lab, make_scenario: Callable[..., Scenario]) -> None:
    with pytest.raises(InvalidInput) as caught:
        second.start(make_scenario(name="never-started"), resume=True)
    assert str(caught.value) == (
        "cannot resume never-started: nothing of it was put aside on this plane. Run `ckslab start never-started`."
    )


@pytest.mark.plane
def test_a_default_role_that_was_deleted_stays_so_on_a_new_plane(
    second: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    scenario = make_scenario()
    second.start(scenario)
    assert second.objects.delete("ClusterRole", "system:node-problem-detector").ok
    second.stop()
    second.start(scenario, resume=True)
    time.sleep(1.5)  # an API server looks for its defaults once a second at its start
    assert second.objects.get("ClusterRole", "system:node-problem-detector").status == 404


@pytest.mark.plane
@pytest.mark.parametrize("requires", [Capability.API, Capability.CONTROLLERS])
def test_what_was_put_aside_by_stop_comes_back_on_a_new_plane(
    second: Lab, make_scenario: Callable[..., Scenario], requires: Capability
) -> None:
    """The new plane has keys of its own: what names its authority must be the new one's."""
    scenario = make_scenario(requires, name=f"stopped-{requires}")
    second.start(scenario)
    second.objects.create(MARK)
    old = (second.plane.layout.pki / "ca.crt").read_text()
    second.stop()
    second.start(scenario, resume=True)
    assert has_mark(second)
    published = {
        item["data"]["ca.crt"] for item in second.objects.list("ConfigMap") if item["metadata"]["name"] == CA_CONFIGMAP
    }
    assert published == {(second.plane.layout.pki / "ca.crt").read_text()}
    assert old not in published
    for _ in range(2):  # the way back is worked out anew the first time, as the old start names the old authority
        second.reset(scenario)
        assert not has_mark(second)
        assert second.objects.get("ConfigMap", "given", "production").ok
        assert second.plane.cluster_as("learner").request("GET", "/api/v1/namespaces").ok


CA_CONFIGMAP = "kube-root-ca.crt"


@pytest.mark.plane
@pytest.mark.parametrize("again", ["reset", "start"])
def test_the_learners_files_are_kept_when_a_scenario_begins_again(
    second: Lab, make_scenario: Callable[..., Scenario], again: str
) -> None:
    scenario = make_scenario(name=f"files-{again}")
    session = second.start(scenario)
    second.objects.create(MARK)
    second.objects.delete("ConfigMap", "given", "production")
    (session.files / "answer.yaml").write_text("mine")
    told: list[str] = []
    if again == "reset":
        second.reset(scenario, told.append)
    else:
        second.start(scenario, told.append)
    (kept,) = (session.folder / "kept").iterdir()
    assert f"your earlier files are kept in {kept}" in told
    assert (kept / "answer.yaml").read_text() == "mine"
    assert (session.files / "answer.yaml").read_text() == "subjects: []\n"
    assert not has_mark(second)
    assert second.objects.get("ConfigMap", "given", "production").ok


@pytest.mark.plane
def test_attach_brings_a_dead_plane_back_as_the_learner_left_it(
    second: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    opened = second.start(make_scenario())
    second.objects.create(MARK)
    for pid in processes.of_plane(second.plane.layout.root):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: running(second) == {})
    assert second.attach() == opened
    assert has_mark(second)


@pytest.mark.plane
def test_starting_another_scenario_on_a_dead_plane_still_puts_the_first_aside(
    second: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    first = make_scenario(name="interrupted")
    second.start(first)
    second.objects.create(MARK)
    for pid in processes.of_plane(second.plane.layout.root):
        os.kill(pid, signal.SIGKILL)
    second.start(make_scenario(name="other"))
    assert not has_mark(second)
    second.start(first, resume=True)
    assert has_mark(second)


@pytest.mark.plane
def test_stop_works_whatever_the_learner_left_behind(second: Lab, make_scenario: Callable[..., Scenario]) -> None:
    session = second.start(make_scenario(name="damaged"))
    with (second.plane.layout.kubernetes_dir / "huge").open("wb") as file:
        file.truncate(2**30)
    told: list[str] = []
    second.stop(told.append)
    assert told == ["the cluster's state could not be kept: there are more than 16 MiB"]
    assert not second.plane.layout.root.exists()
    second.start(make_scenario(name="damaged-2"))
    (session.folder.parent / "open.json").write_text("{half")
    second.stop(told.append)
    assert not second.plane.layout.root.exists()
    assert second.sessions.open() is None


POD = """---
apiVersion: v1
kind: Pod
metadata: {name: given, namespace: production}
spec:
  nodeName: node-1
  containers: [{name: c, image: "registry.k8s.io/pause:3.10.1"}]
"""


@pytest.mark.plane
def test_a_case_is_compared_with_the_start_that_it_was_given(
    second: Lab, make_scenario: Callable[..., Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the start is made anew, its pods are others than those of the case before."""
    scenario = make_scenario(setup=SETUP + POD)
    monkeypatch.setattr(second.provider, "back_to", lambda *_, **__: False)
    pods = []
    for _ in range(2):
        session = second.run(scenario)
        pods.append(session.start_facts().pods["production/given"])
        assert pods[-1] == start_pods(second.objects)["production/given"]
    assert pods[0] != pods[1]


AUDIT = "/etc/kubernetes/audit/policy.yaml"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"


@pytest.mark.plane
def test_files_of_a_scenario_are_put_on_the_node_and_come_back_with_a_reset(
    second: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    scenario = make_scenario(Capability.CONTROL_PLANE_FILES)
    given = scenario.folder / "node" / AUDIT[1:]
    given.parent.mkdir(parents=True)
    given.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n")
    second.start(scenario)
    node = second.provider.node
    assert node.read(AUDIT) == given.read_bytes()
    node.put({AUDIT: None, "/etc/kubernetes/mine": b"mine"})
    assert (node.read(AUDIT), node.read("/etc/kubernetes/mine")) == (None, b"mine")
    second.reset(scenario)
    assert (node.read(AUDIT), node.read("/etc/kubernetes/mine")) == (given.read_bytes(), None)


@pytest.mark.plane
def test_a_file_with_which_the_api_server_does_not_run_is_told(
    second: Lab, make_scenario: Callable[..., Scenario]
) -> None:
    second.start(scenario := make_scenario(Capability.CONTROL_PLANE_FILES))
    manifest = second.provider.node.read(MANIFEST)
    assert manifest is not None
    with pytest.raises(Infrastructure, match="--no-such-flag"):
        second.provider.node.put(
            {MANIFEST: manifest.replace(b"--secure-port", b"--no-such-flag=1\n    - --secure-port")}
        )
    second.reset(scenario)
    assert second.objects.get("ConfigMap", "given", "production").ok


@pytest.mark.plane
@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/kubernetes/../passwd", "mine"])
def test_other_files_of_the_node_are_out_of_reach(second: Lab, path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        second.provider.node.put({path: b"x"})
    assert str(caught.value) == (
        f"cannot use the node's file {path}: it is not below /etc/kubernetes. Name one that is."
    )
