"""What a learner may do to the API server's manifest: every mistake shows its reason, and reset mends all."""

import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.labs.helpers import eventually, pid_of

from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import Infrastructure, Unreachable
from ckslab_labs.held import LIMITS
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded import processes
from ckslab_labs.providers.embedded.layout import Layout
from ckslab_labs.scenario.model import Scenario

pytestmark = pytest.mark.plane

AUDIT = "/etc/kubernetes/audit"
POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}


class Editor:
    """A learner with an editor on the control-plane node."""

    def __init__(self, lab: Lab, scenario: Scenario) -> None:
        self.lab = lab
        self.scenario = scenario
        self.layout: Layout = lab.plane.layout
        self.manifest = self.layout.manifests / "kube-apiserver.yaml"

    def edit(self, *flags: str, volumes: tuple[dict[str, Any], ...] = ()) -> None:
        """Add flags to the manifest as it was at the start, and volumes as {mountPath, path, type}."""
        pod = yaml.safe_load(self.manifest.read_text())
        container = pod["spec"]["containers"][0]
        names = {flag.partition("=")[0] for flag in flags}
        container["command"] = [word for word in container["command"] if word.partition("=")[0] not in names]
        container["command"] += flags
        for index, volume in enumerate(volumes):
            host = {key: volume[key] for key in ("path", "type") if key in volume}
            pod["spec"]["volumes"].append({"name": f"v{index}", "hostPath": host})
            container["volumeMounts"].append({"name": f"v{index}", "mountPath": volume["mountPath"]})
        self.manifest.write_text(yaml.safe_dump(pod))

    def put(self, path: str, content: object) -> None:
        """Write a file on the node."""
        place = self.layout.node / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content if isinstance(content, str) else yaml.safe_dump(content))

    def why(self, words: str) -> str:
        """What the status says, once it says these words."""

        def told() -> str:
            return str(self.lab.status().explain()).replace('\\"', '"')  # klog quotes what is quoted already

        assert processes.wait_until(lambda: words in told(), 20), told()
        return told()

    def runs(self) -> bool:
        """Whether the API server answers, as its manifest says."""
        return self.lab.status().explain() is None and self.lab.objects.get("ConfigMap", "given", "production").ok


@pytest.fixture
def editor(second: Lab, make_scenario: Callable[..., Scenario]) -> Iterator[Editor]:
    """A learner in front of a scenario with control-plane files; what they break is mended by reset alone."""
    scenario = make_scenario(Capability.CONTROL_PLANE_FILES)
    second.start(scenario)
    editor = Editor(second, scenario)
    before = editor.manifest.read_text()
    yield editor
    second.reset(scenario)
    assert editor.runs()
    assert editor.manifest.read_text() == before
    files = list(second.capture().files)
    assert [name for name in files if not name.startswith("pki/")] == ["manifests/kube-apiserver.yaml"]


def test_a_new_flag_takes_effect_and_reset_takes_it_back(editor: Editor) -> None:
    stranger = editor.lab.objects
    assert stranger.list("Namespace")
    before = pid_of(editor.lab, "kube-apiserver")
    editor.edit("--authorization-mode=AlwaysAllow")
    eventually(lambda: pid_of_or_none(editor) not in (None, before) and editor.runs())


def pid_of_or_none(editor: Editor) -> int | None:
    pid: int | None = editor.lab.status().components["kube-apiserver"]["pid"]
    return pid


def test_what_the_kubelet_ignores_restarts_nothing(editor: Editor) -> None:
    before = pid_of(editor.lab, "kube-apiserver")
    text = editor.manifest.read_text()
    editor.manifest.write_text(f"# looked at it\n{text}\n")
    (editor.layout.manifests / ".kube-apiserver.yaml.swp").write_text("kind: [")
    (editor.layout.manifests / "old").mkdir()
    (editor.layout.manifests / "old" / "kube-apiserver.yaml").write_text("kind: [")
    editor.manifest.with_name("etcd.yaml").write_text("kind: [broken")
    assert "etcd.yaml: it is not valid YAML" in str(_problem(editor, "etcd.yaml"))
    assert pid_of(editor.lab, "kube-apiserver") == before
    assert editor.runs()
    shutil.rmtree(editor.layout.manifests / "old")


def _problem(editor: Editor, name: str) -> str:
    eventually(lambda: name in editor.lab.status().problems)
    return editor.lab.status().problems[name]


def test_broken_yaml_is_told_while_the_old_api_server_goes_on(editor: Editor) -> None:
    for _ in range(2):  # a full listing, which drops it, may come in between; the next one is 20 s away then
        before = pid_of(editor.lab, "kube-apiserver")
        editor.manifest.write_text(editor.manifest.read_text().replace("kind: Pod", "kind: [Pod"))
        said = "kube-apiserver.yaml: it is not valid YAML ("  # an empty file while it is written
        eventually(lambda: editor.lab.status().problems.get("kube-apiserver.yaml", "").startswith(said))  # noqa: B023
        if pid_of_or_none(editor) == before:
            break
        editor.lab.reset(editor.scenario)
    assert pid_of(editor.lab, "kube-apiserver") == before
    assert editor.lab.objects.get("ConfigMap", "given", "production").ok


def test_a_backup_beside_the_manifest_wins_over_the_edit(editor: Editor) -> None:
    shutil.copy(editor.manifest, editor.manifest.with_suffix(".yaml.bak"))
    eventually(lambda: editor.lab.status().manifest["waiting"] == ["kube-apiserver.yaml.bak"])
    editor.edit("--profiling=false")
    exchanged = {"runs": "kube-apiserver.yaml.bak", "waiting": ["kube-apiserver.yaml"]}
    eventually(lambda: editor.lab.status().manifest == exchanged)
    eventually(editor.runs)


def test_without_its_manifest_the_api_server_is_gone_and_with_it_back_again(editor: Editor) -> None:
    away = editor.layout.kubernetes_dir / "kube-apiserver.yaml"
    editor.manifest.rename(away)
    assert editor.why("manifest") == "no manifest in the static-pod folder asks for it"
    with pytest.raises(Unreachable):
        editor.lab.cluster.request("GET", "/api/v1/namespaces")
    away.rename(editor.manifest)
    eventually(editor.runs)


def test_every_mistake_in_a_flag_has_its_reason_and_one_reset_mends_them_all(editor: Editor, tmp_path: Path) -> None:
    """One after the other: the API server stays down, so each costs only its own failed start."""
    original = editor.manifest.read_text()
    canary = tmp_path / "canary"
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [str(canary)]}
    hook = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "w", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": {**run, "interactiveMode": "Never"}}}],
        "contexts": [{"name": "c", "context": {"cluster": "w", "user": "u"}}],
        "current-context": "c",
    }
    hook_file, images, policy = (f"{AUDIT}/{name}.yaml" for name in ("hook", "images", "policy"))
    editor.put(hook_file, hook)
    editor.put(images, {"imagePolicy": {"kubeConfigFile": hook_file}})
    editor.put(policy, {**POLICY, "rules": [{"level": "Everything"}]})
    mounted = ({"mountPath": AUDIT, "path": AUDIT},)
    mistakes: list[tuple[str, tuple[dict[str, Any], ...], str]] = [
        (
            "--authorisation-mode=RBAC",
            (),
            "Error: unknown flag: --authorisation-mode (or one that this lab does not run",
        ),
        ("--authorization-mode=Foo", (), '"Foo" is not a valid mode'),
        ("--enable-admission-plugins=NoSuch", (), 'enable-admission-plugins plugin "NoSuch" is unknown'),
        ("--bind-address=0.0.0.0", (), "--bind-address=0.0.0.0: this lab's API server runs with 127.0.0.1 only"),
        (f"--audit-policy-file={policy}", (), f"open {policy}: no such file or directory (no volumeMount"),
        (f"--audit-policy-file={policy} --audit-log-path=-", mounted, policy),
        (f"--audit-webhook-config-file={hook_file}", mounted, f"{hook_file}: users[].user.exec is not allowed"),
        (f"--admission-control-config-file={images}", mounted, f"{images}: imagePolicy is not allowed in this lab"),
        ("--tls-cert-file=/etc/kubernetes/pki/apiserver.key", (), "failed to find certificate PEM data"),
    ]
    for flags, volumes, words in mistakes:
        editor.manifest.write_text(original)
        editor.edit(*flags.split(), volumes=volumes)
        reason = editor.why(words)
        assert str(editor.layout.root) not in reason
        eventually(lambda: editor.lab.status().components["kube-apiserver"]["state"] == "crash-loop")
    assert not canary.exists()
    with pytest.raises(Infrastructure) as caught:
        editor.lab.attach()
    assert caught.value.attempted == "start kube-apiserver of plane second"
    assert caught.value.remedy.endswith("`ckslab reset` puts control-plane files back.")


def test_keys_that_a_learner_makes_exchanges_or_removes_are_put_back_by_reset(editor: Editor) -> None:
    """The fixture's reset is what is looked at: the API server runs again with the keys of the start."""
    pki = editor.layout.pki
    before = {name: data for name, data in editor.lab.capture().files.items() if name.startswith("pki/")}
    editor.put("/etc/kubernetes/pki/encryption.yaml", "kind: EncryptionConfiguration")
    shutil.copy(pki / "sa.pub", pki / "apiserver.crt")
    (pki / "ca.key").unlink()
    editor.edit("--profiling=false")
    editor.why("failed to find")
    editor.lab.reset(editor.scenario)
    assert {name: data for name, data in editor.lab.capture().files.items() if name.startswith("pki/")} == before


def test_an_edited_configuration_reaches_the_running_api_server_once_it_is_checked(editor: Editor) -> None:
    """It looks once a minute, so what it would read is looked at here."""
    place = "/etc/kubernetes/enc/config.yaml"

    def configuration(provider: dict[str, Any]) -> dict[str, Any]:
        resources = [{"resources": ["secrets"], "providers": [provider]}]
        return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": resources}

    def given() -> object:
        return yaml.safe_load((editor.layout.copies / f"encryption-provider-config{place}").read_text())

    def reason() -> str:
        return str(editor.lab.status().components["kube-apiserver"]["reason"])

    secretbox = configuration(
        {"secretbox": {"keys": [{"name": "k", "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}]}}
    )
    editor.put(place, configuration({"identity": {}}))
    before = pid_of(editor.lab, "kube-apiserver")
    flags = (f"--encryption-provider-config={place}", "--encryption-provider-config-automatic-reload=true")
    editor.edit(*flags, volumes=({"mountPath": "/etc/kubernetes/enc", "path": "/etc/kubernetes/enc"},))
    eventually(lambda: pid_of_or_none(editor) not in (None, before) and editor.runs())
    running = pid_of(editor.lab, "kube-apiserver")
    editor.put(place, secretbox)
    eventually(lambda: given() == secretbox)
    editor.put(place, configuration({"kms": {"name": "stranger", "endpoint": "unix:///tmp/socket"}}))
    eventually(lambda: "this lab runs no provider kms; it runs on with what it had" in reason())
    assert given() == secretbox
    editor.put(place, secretbox)
    eventually(lambda: not reason())
    assert pid_of(editor.lab, "kube-apiserver") == running


def test_an_api_server_started_from_an_edited_manifest_has_bounds(editor: Editor) -> None:
    pid = pid_of(editor.lab, "kube-apiserver")
    bounds = {kind: resource.prlimit(pid, kind) for kind in LIMITS}
    assert all(soft == hard <= LIMITS[kind] for kind, (soft, hard) in bounds.items())


def test_an_audit_log_is_written_where_its_volume_is(editor: Editor) -> None:
    editor.put(f"{AUDIT}/policy.yaml", POLICY)
    volumes = (
        {"mountPath": f"{AUDIT}/policy.yaml", "path": f"{AUDIT}/policy.yaml", "type": "File"},
        {"mountPath": "/var/log/kubernetes/audit", "path": "/var/log/kubernetes/audit", "type": "DirectoryOrCreate"},
    )
    log = editor.layout.node / "var/log/kubernetes/audit/audit.log"
    flags = (f"--audit-policy-file={AUDIT}/policy.yaml", "--audit-log-path=/var/log/kubernetes/audit/audit.log")
    editor.edit(*flags, volumes=volumes)
    eventually(log.exists)
    eventually(editor.runs)
    eventually(lambda: '"resource":"configmaps","namespace":"production","name":"given"' in log.read_text())
    assert log.stat().st_mode & 0o777 == 0o600
