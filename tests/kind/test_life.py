"""A kind cluster lives through what is done to it behind our back, comes back clean, and leaves nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.labs.helpers import eventually

from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import ExitCode, Infrastructure, InvalidInput, Unreachable
from ckslab_labs.files import write_json
from ckslab_labs.lab import Lab
from ckslab_labs.providers.kind import pods
from ckslab_labs.providers.kind.configuration import NODE
from ckslab_labs.providers.kind.life import LABEL, NETWORK
from ckslab_labs.providers.kind.place import Place
from ckslab_labs.scenario.model import Scenario

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
OUTSIDE = "198.51.100.1"
"""Of TEST-NET-2 (RFC 5737): nobody's."""


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


def place(lab: Lab) -> Place:
    return Place(lab.name)


def run_in_pod(lab: Lab, pod: str, namespace: str, *words: str) -> subprocess.CompletedProcess[str]:
    kubeconfig = f"--kubeconfig={lab.provider.kubeconfig('learner')}"
    command = [str(lab.provider.kubectl), kubeconfig, "exec", "-n", namespace, pod, "--", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_scenario_runs_in_real_containers_on_a_real_node(kind_lab: Lab, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    assert Capability.KUBELET in kind_lab.cluster.capabilities
    status = kind_lab.objects.get("Pod", "checkout", "production").body["status"]
    assert status["containerStatuses"][0]["containerID"].startswith("containerd://")
    assert run_in_pod(kind_lab, "checkout", "production", "cat", "/proc/1/comm").returncode == 0
    assert kind_lab.objects.get("Node", NODE).body["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.")


def test_a_reset_takes_back_objects_pods_and_what_was_done_to_the_node(kind_lab: Lab, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    before = set(kind_lab.capture().keys)
    old = kind_lab.objects.get("Pod", "checkout", "production").body["metadata"]["uid"]
    spec = {"containers": [{"name": "c", "image": "busybox:1.37.0", "command": ["sleep", "1000"]}]}
    made: list[Manifest] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "mine", "namespace": "default"}, "spec": spec},
    ]
    for manifest in made:
        eventually(lambda: kind_lab.objects.apply(manifest).ok)  # noqa: B023, asked at once
    assert kind_lab.objects.delete("Namespace", "staging").ok
    mark = {"metadata": {"labels": {"mine": "yes"}}, "spec": {"unschedulable": True}}
    assert kind_lab.objects.patch("Node", NODE, None, mark).ok
    kind_lab.reset(scenario)
    assert {key for key in before ^ set(kind_lab.capture().keys) if b"endpoint" not in key} == set()
    assert kind_lab.objects.get("Pod", "mine", "default").status == 404
    assert kind_lab.objects.get("Pod", "checkout", "production").body["metadata"]["uid"] != old
    node = kind_lab.objects.get("Node", NODE).body
    assert ("mine" in node["metadata"]["labels"], node["spec"].get("unschedulable")) == (False, None)


def test_a_reset_brings_back_what_every_scenario_stands_on(kind_lab: Lab, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    objects = kind_lab.objects
    assert objects.patch("Node", NODE, None, {"spec": {"unschedulable": True}}).ok
    assert objects.delete("Deployment", "coredns", "kube-system").ok
    image = {"containers": [{"name": "kube-proxy", "image": "nobody/has-it:1"}]}
    assert objects.patch("DaemonSet", "kube-proxy", "kube-system", {"spec": {"template": {"spec": image}}}).ok
    eventually(lambda: set(pods.unready_workloads(objects, "kube-system")) == {"DaemonSet kube-proxy"})
    kind_lab.reset(scenario)
    assert objects.get("Deployment", "coredns", "kube-system").ok
    assert pods.unready_workloads(objects, "kube-system") == []
    run = run_in_pod(
        kind_lab, "checkout", "production", "timeout", "5", "nslookup", "kubernetes.default.svc.cluster.local"
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("words", [("pause",), ("stop", "--time=1")])
def test_a_node_that_was_paused_or_stopped_is_brought_back(
    kind_lab: Lab, scenario: Scenario, words: tuple[str, ...]
) -> None:
    kind_lab.start(scenario)
    mark: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mark", "namespace": "default"}}
    assert kind_lab.objects.apply(mark).ok
    docker(*words, place(kind_lab).container)
    assert Lab(kind_lab.name).attach().scenario_id == scenario.id
    assert Lab(kind_lab.name).objects.get("ConfigMap", "mark", "default").ok


def test_a_node_that_was_removed_is_told_and_made_anew(kind_lab: Lab, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    docker("rm", "--force", "--volumes", place(kind_lab).container)
    with pytest.raises(Infrastructure) as caught:
        kind_lab.attach()
    assert str(caught.value) == (
        f"cannot bring back the kind cluster {place(kind_lab).cluster}: its container {place(kind_lab).container} is "
        "gone. `ckslab stop`, then `ckslab start ID`, makes it anew; your files are kept."
    )
    kind_lab.stop()
    kind_lab.start(scenario)
    assert kind_lab.objects.get("Pod", "checkout", "production").ok


def test_nothing_in_a_pod_reaches_beyond_this_machine(kind_lab: Lab, scenario: Scenario) -> None:
    """The harness's own engine rejects it; beside it, a connection that must go through."""
    if json.loads(docker("info", "--format", "{{json .DefaultRuntime}}")) != "ckslab":
        pytest.skip("this engine is not the harness's own")
    kind_lab.start(scenario)
    reach = ("timeout", "5", "nc", "-w", "3")
    inside = run_in_pod(kind_lab, "checkout", "production", *reach, "10.96.0.1", "443", "-e", "true")
    outside = run_in_pod(kind_lab, "checkout", "production", *reach, OUTSIDE, "443", "-e", "true")
    assert (inside.returncode, inside.stderr) == (0, "")
    assert outside.returncode != 0
    node = [
        "docker",
        "exec",
        place(kind_lab).container,
        "timeout",
        "5",
        "bash",
        "-c",
        f"exec 3<>/dev/tcp/{OUTSIDE}/443",
    ]
    assert "Connection refused" in subprocess.run(node, capture_output=True, text=True).stderr


def test_where_network_policies_are_not_enforced_it_is_told(kind_lab: Lab, scenario: Scenario) -> None:
    """Whether they are was measured; here by somebody else, as the harness's own node image enforces them."""
    kind_lab.start(scenario)
    measured = place(kind_lab).measured
    before = measured.read_bytes() if measured.is_file() else None
    write_json(measured, {"enforces-network-policies": False})
    try:
        with pytest.raises(InvalidInput) as caught:
            kind_lab.provider.refuse_unfit("x", [Capability.NETWORK_POLICY])
        assert Capability.NETWORK_POLICY not in Lab(kind_lab.name).cluster.capabilities
    finally:
        measured.write_bytes(before) if before else measured.unlink()
    assert str(caught.value) == (
        "cannot run x on this kind cluster: a connection that a policy denies went through: its node image does not "
        "enforce network policies. Use a published node image."
    )


def test_network_policies_are_measured_when_they_are_required(kind_lab: Lab, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    place(kind_lab).measured.unlink(missing_ok=True)
    kind_lab.prepare([Capability.NETWORK_POLICY])
    assert Capability.NETWORK_POLICY in kind_lab.cluster.capabilities
    assert kind_lab.objects.list("NetworkPolicy", "ckslab") == []


def test_a_reset_mends_a_broken_api_server_and_what_was_done_to_the_kubelet(kind_lab: Lab, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    node = kind_lab.provider.node
    before = node.read(MANIFEST)
    assert before is not None
    script = (
        f"sed -i s/--authorization-mode=/--no-such-flag=/ {MANIFEST} && touch /etc/kubernetes/kubelet.conf.d/x.conf"
    )
    docker("exec", place(kind_lab).container, "bash", "-c", script)
    eventually(lambda: not is_up(kind_lab), 60)
    kind_lab.reset(scenario)
    assert node.read(MANIFEST) == before
    assert node.read("/etc/kubernetes/kubelet.conf.d/x.conf") is None
    assert kind_lab.objects.get("Pod", "checkout", "production").ok


def is_up(lab: Lab) -> bool:
    try:
        return lab.cluster.request("GET", "/readyz", timeout=2.0).ok
    except Unreachable:
        return False


def test_a_shell_on_the_node_runs_there(kind_lab: Lab, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    words = kind_lab.provider.shell_on_node("hostname")
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == place(kind_lab).container


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_start_that_is_broken_off_leaves_nothing_that_a_stop_does_not_end(
    image: str, tmp_path: Path, how: signal.Signals
) -> None:
    name = f"broken-{how.name.lower()}"
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "CKSLAB_KIND_IMAGE": image}
    words = ["--plane", name, "--provider", "kind"]
    command = [sys.executable, "-m", "ckslab_tui"]
    start = subprocess.Popen([*command, "start", "debug-rbac-update-kept", *words], env=env, stderr=subprocess.PIPE)
    container = f"name={Place(name).container}"
    eventually(lambda: docker("ps", "--quiet", "--filter", container), 60)
    start.send_signal(how)
    start.communicate(timeout=60)
    assert start.returncode in (ExitCode.INTERRUPTED, -signal.SIGKILL)
    done = subprocess.run([*command, "stop", "--plane", name], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert docker("ps", "--all", "--quiet", "--filter", f"{LABEL}{Place(name).cluster}") == ""
    assert not (tmp_path / "ckslab" / "kind" / name).exists()


def ckslab(state: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_STATE_HOME": str(state), **more}
    command = [sys.executable, "-m", "ckslab_tui", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=180)


def test_a_start_that_is_broken_off_leaves_no_other_session_open_on_its_cluster(
    kind_lab: Lab, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind_lab.start(scenario)
    with monkeypatch.context() as patch:
        patch.setattr("ckslab_labs.lab.set_up", interrupt)
        with pytest.raises(KeyboardInterrupt):
            kind_lab.start(scenario)
    assert kind_lab.sessions.open() is None
    kind_lab.start(scenario)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_engine_that_does_not_answer_is_told_and_nothing_is_lost(
    kind_lab: Lab, scenario: Scenario, kind_state: Path
) -> None:
    kind_lab.start(scenario)
    for verb in ("check", "reset", "start debug-rbac-update-kept", "stop"):
        words = (*verb.split(), "--plane", kind_lab.name)
        done = ckslab(kind_state, *words, DOCKER_HOST="unix:///nonexistent/docker.sock")
        assert done.returncode == ExitCode.UNKNOWN, (verb, done.stderr)
        assert f"look for the kind cluster {place(kind_lab).cluster}: " in done.stderr
        assert "/nonexistent/docker.sock" in done.stderr
    assert ckslab(kind_state, "check", "--plane", kind_lab.name).returncode == ExitCode.FAILED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk that is too small")
def test_a_full_disk_is_told_and_nothing_is_left_of_the_cluster(image: str, tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", str(tmp_path)], check=True)
    try:
        words = ("--plane", "full-disk", "--provider", "kind")
        done = ckslab(tmp_path, "start", "debug-rbac-update-kept", *words, CKSLAB_KIND_IMAGE=image)
        assert (done.returncode, "No space left on device" in done.stderr) == (ExitCode.UNKNOWN, True), done.stderr
        assert "Free some space or choose another place with XDG_STATE_HOME; nothing was lost." in done.stderr
        assert ckslab(tmp_path, "stop", "--plane", "full-disk").returncode == 0
        assert docker("ps", "--all", "--quiet", "--filter", f"{LABEL}{Place('full-disk').cluster}") == ""
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_cluster_of_the_same_name_that_is_not_ours_is_left_alone(
    kind_lab: Lab, scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind_lab.prepare(scenario.spec.requires)
    made = docker("ps", "--quiet", "--filter", f"{LABEL}{place(kind_lab).cluster}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    other = Lab(kind_lab.name, provider="kind")
    for act in (lambda: other.start(scenario), other.stop):
        with pytest.raises(
            InvalidInput, match="use the name ckslab-kind-test for a kind cluster: there is one"
        ) as seen:
            act()
        assert "Choose another --plane" in seen.value.remedy
    assert docker("ps", "--quiet", "--filter", f"{LABEL}{place(kind_lab).cluster}") == made


def test_a_stop_leaves_no_container_volume_network_or_file(kind_lab: Lab, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    volumes = docker("inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", place(kind_lab).container).split()
    assert volumes
    kind_lab.stop()
    assert docker("ps", "--all", "--quiet", "--filter", f"{LABEL}{place(kind_lab).cluster}") == ""
    assert set(volumes) & set(docker("volume", "ls", "--quiet").split()) == set()
    assert NETWORK not in docker("network", "ls", "--format", "{{.Name}}").split()
    assert not place(kind_lab).folder.exists()
