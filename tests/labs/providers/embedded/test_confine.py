"""What an edited manifest and its files may make the API server read, write, run or reach: nothing outside its node."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ckslab_labs.providers.embedded.confine import Confinement
from ckslab_labs.providers.embedded.flags import apiserver_arguments
from ckslab_labs.providers.embedded.layout import Ports
from ckslab_labs.providers.embedded.manifest import CANONICAL, ManifestProblem, Mount, StaticPod

CONFIG = "/etc/kubernetes/config"
LOGS = "/var/log/kubernetes"
CANARY = ("exec", {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": ["canary"]})


class Node:
    """A node's file system, and the one thing to do with it: translate a flag."""

    def __init__(self, root: Path) -> None:
        self.files = root / "node"
        self.copies = root / "run"
        self.outside = root / "outside"
        for folder in (self.files / CONFIG[1:], self.copies, self.outside):
            folder.mkdir(parents=True)
        self.mounts = [Mount(CONFIG, CONFIG), Mount(LOGS, LOGS, "DirectoryOrCreate")]

    def put(self, name: str, content: object) -> str:
        """Write a file beside the others; YAML, unless it is text already. Returns its path in the container."""
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (self.files / CONFIG[1:] / name).write_text(text)
        return f"{CONFIG}/{name}"

    def argument(self, flag: str, value: str) -> str:
        """What kube-apiserver gets for one flag that was added to the manifest."""
        words = [f"--{name}={given}" for name, given in CANONICAL.items() if not given.startswith("/")]
        pod = StaticPod("kube-apiserver.yaml", "uid", (*words, f"--{flag}={value}"), tuple(self.mounts))
        confinement = Confinement(self.files, pod.mounts, self.copies)
        return apiserver_arguments(pod, confinement, Ports(1, 2, 3))[-1].removeprefix(f"--{flag}=")

    def refusal(self, flag: str, value: str) -> str:
        """Why the flag is refused."""
        with pytest.raises(ManifestProblem) as caught:
            self.argument(flag, value)
        return str(caught.value)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def kubeconfig(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    """A webhook's kubeconfig; the cluster's keys with underscores."""
    more = {key.replace("_", "-"): value for key, value in cluster.items()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "w", "cluster": {"server": "https://127.0.0.1:9443", **more}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "c", "context": {"cluster": "w", "user": "u"}}],
        "current-context": "c",
    }


# --- flags -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "value", "allowed"),
    [
        ("bind-address", "0.0.0.0", "127.0.0.1"),
        ("advertise-address", "10.0.0.1", "127.0.0.1"),
        ("secure-port", "443", "6443"),
        ("etcd-servers", "https://10.0.0.1:2379", "https://127.0.0.1:2379"),
    ],
)
def test_a_flag_that_leads_off_loopback_is_refused(node: Node, flag: str, value: str, allowed: str) -> None:
    assert node.refusal(flag, value) == f"--{flag}={value}: this lab's API server runs with {allowed} only"


@pytest.mark.parametrize(
    ("flag", "hint"),
    [
        ("bind_address", "; did you mean --bind-address?"),
        ("authorisation-mode", "; did you mean --authorization-mode?"),
        ("cert-dir", ""),
        ("egress-selector-config-file", ""),
    ],
)
def test_a_flag_that_is_unknown_or_not_run_here_is_refused(node: Node, flag: str, hint: str) -> None:
    expected = f"Error: unknown flag: --{flag} (or one that this lab does not run{hint})"
    assert node.refusal(flag, "x") == expected


@pytest.mark.parametrize("flag", ["bind-address", "advertise-address", "secure-port", "etcd-servers"])
def test_a_manifest_without_a_flag_that_keeps_it_on_loopback_is_refused(node: Node, flag: str) -> None:
    words = tuple(f"--{name}={value}" for name, value in CANONICAL.items() if name != flag and value[0] != "/")
    pod = StaticPod("kube-apiserver.yaml", "uid", words, ())
    with pytest.raises(ManifestProblem, match=f"--{flag} is missing: this lab's API server runs with --{flag}="):
        apiserver_arguments(pod, Confinement(node.files, (), node.copies), Ports(1, 2, 3))


def test_a_word_that_is_no_flag_ends_the_api_server_at_once(node: Node) -> None:
    pod = StaticPod("kube-apiserver.yaml", "uid", ("--profiling", "false"), ())
    with pytest.raises(ManifestProblem, match="Error: unknown command 'false'; flags are written --name=value"):
        apiserver_arguments(pod, Confinement(node.files, (), node.copies), Ports(1, 2, 3))


# --- paths -----------------------------------------------------------------------------------------------------------


def test_a_file_on_the_node_is_copied_as_it_is(node: Node) -> None:
    path = node.put("policy.yaml", "kind: Policy\n")
    copy = Path(node.argument("audit-policy-file", path))
    assert copy.read_text() == "kind: Policy\n"
    assert copy.is_relative_to(node.copies)
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (f"{CONFIG}/missing.yaml", f"open {CONFIG}/missing.yaml: no such file or directory"),
        (CONFIG, f"open {CONFIG}: no such file or directory"),
        (f"{CONFIG}/../../../outside/x", f"{CONFIG}/../../../outside/x: give an absolute path without '..'"),
        ("policy.yaml", "policy.yaml: give an absolute path without '..'"),
        ("/etc/passwd", "open /etc/passwd: no such file or directory (no volumeMount of the container covers it)"),
    ],
)
def test_a_path_that_the_container_does_not_have_is_refused(node: Node, path: str, problem: str) -> None:
    assert node.refusal("audit-policy-file", path) == problem


@pytest.mark.parametrize("target", ["absolute", "relative", "folder", "loop"])
def test_a_link_out_of_the_node_is_refused(node: Node, target: str) -> None:
    (node.outside / "secret").write_text("secret")
    link = node.files / CONFIG[1:] / "link"
    link.symlink_to(
        {
            "absolute": str(node.outside / "secret"),
            "relative": "../../../../outside/secret",
            "folder": str(node.outside),
            "loop": "link",
        }[target]
    )
    path = f"{CONFIG}/link/secret" if target == "folder" else f"{CONFIG}/link"
    refusal = node.refusal("audit-policy-file", path)
    assert refusal == f"{path}: it leads outside the node's file system" or "loop" in refusal
    assert not list(node.copies.iterdir())


def test_a_link_that_stays_on_the_node_is_followed(node: Node) -> None:
    node.put("policy.yaml", "kind: Policy\n")
    (node.files / CONFIG[1:] / "link.yaml").symlink_to("policy.yaml")
    assert Path(node.argument("audit-policy-file", f"{CONFIG}/link.yaml")).read_text() == "kind: Policy\n"


@pytest.mark.parametrize(
    ("path", "problem"),
    [(f"{CONFIG}/{'x' * 300}", "File name too long"), (f"{CONFIG}/a\0b", "embedded null byte")],
)
def test_a_path_that_no_file_can_have_is_refused(node: Node, path: str, problem: str) -> None:
    assert problem in node.refusal("audit-policy-file", path)


def test_a_volume_that_leads_out_of_the_node_is_refused(node: Node) -> None:
    node.mounts.append(Mount("/data", "/../outside"))
    assert node.refusal("audit-policy-file", "/data/x") == "/../outside: it leads outside the node's file system"


def test_the_longest_mount_that_covers_a_path_decides(node: Node) -> None:
    (node.files / "other").mkdir()
    (node.files / "other" / "policy.yaml").write_text("other")
    node.mounts.append(Mount(f"{CONFIG}/deep", "/other"))
    assert Path(node.argument("audit-policy-file", f"{CONFIG}/deep/policy.yaml")).read_text() == "other"


def test_a_large_file_is_refused(node: Node) -> None:
    path = node.put("policy.yaml", "x" * (1024 * 1024 + 1))
    assert node.refusal("audit-policy-file", path) == f"{path}: it is larger than 1048576 bytes"


# --- volumes, as the kubelet mounts them ---


def test_the_audit_log_is_written_below_its_mount_on_the_node(node: Node) -> None:
    assert node.argument("audit-log-path", f"{LOGS}/audit.log") == str(node.files / LOGS[1:] / "audit.log")
    assert (node.files / LOGS[1:]).is_dir()  # DirectoryOrCreate


def test_folders_of_the_audit_log_are_left_for_kube_apiserver_to_make(node: Node) -> None:
    assert node.argument("audit-log-path", f"{LOGS}/a/b.log") == str(node.files / LOGS[1:] / "a/b.log")


def test_an_audit_log_without_a_mount_is_refused(node: Node) -> None:
    expected = "open /srv/audit.log: no such file or directory (no volumeMount of the container covers it)"
    assert node.refusal("audit-log-path", "/srv/audit.log") == expected


def test_an_audit_log_outside_the_node_is_refused(node: Node) -> None:
    (node.files / CONFIG[1:] / "logs").symlink_to(node.outside)
    refusal = node.refusal("audit-log-path", f"{CONFIG}/logs/audit.log")
    assert refusal == f"{CONFIG}/logs/audit.log: it leads outside the node's file system"
    assert not list(node.outside.iterdir())


def test_an_audit_log_in_a_read_only_mount_is_refused(node: Node) -> None:
    node.mounts.append(Mount("/ro", "/ro", read_only=True))
    assert node.refusal("audit-log-path", "/ro/audit.log") == "open /ro/audit.log: read-only file system"


def test_the_audit_log_may_go_to_standard_output(node: Node) -> None:
    assert node.argument("audit-log-path", "-") == "-"


@pytest.mark.parametrize(
    ("type_", "problem"),
    [
        ("File", "hostPath type check failed: /srv/x is not a file"),
        ("Directory", "hostPath type check failed: /srv/x is not a directory"),
        ("FileOrCreate", "hostPath type check failed: /srv/x is not a file"),
        ("Socket", "hostPath type check failed: this lab's node has no Socket"),
    ],
)
def test_a_volume_that_is_not_what_its_type_says_is_refused(node: Node, type_: str, problem: str) -> None:
    node.mounts.append(Mount("/x", "/srv/x", type_))
    assert node.refusal("profiling", "false") == problem


@pytest.mark.parametrize("spot", ["circle", "file"])
def test_a_volume_that_cannot_be_made_is_refused(node: Node, spot: str) -> None:
    (node.files / "circle").symlink_to("circle")
    (node.files / "file").touch()
    node.mounts.append(Mount("/x", f"/{spot}/x", "DirectoryOrCreate"))
    assert spot in node.refusal("profiling", "false")


@pytest.mark.parametrize(("type_", "is_file"), [("FileOrCreate", True), ("DirectoryOrCreate", False), ("", False)])
def test_a_volume_is_made_where_its_type_allows_it(node: Node, type_: str, is_file: bool) -> None:
    (node.files / "srv").mkdir()
    node.mounts.append(Mount("/x", "/srv/x", type_))
    assert node.argument("profiling", "false") == "false"
    assert ((node.files / "srv/x").is_file(), (node.files / "srv/x").is_dir()) == (is_file, not is_file)


# --- files that could run, read or reach something ---

REFUSED = "is not allowed in this lab"
NOT_LOOPBACK = "clusters[].cluster.server must be https on a loopback address"
WEBHOOKS = ["audit-webhook-config-file", "authentication-token-webhook-config-file"]


@pytest.mark.parametrize("flag", WEBHOOKS)
def test_a_webhook_on_loopback_is_allowed(node: Node, flag: str) -> None:
    data = {"client-certificate-data": "eA==", "client-key-data": "eA=="}
    given = kubeconfig(data, certificate_authority_data="eA==", tls_server_name="hook")
    assert yaml.safe_load(Path(node.argument(flag, node.put("hook.yaml", given))).read_text()) == given


@pytest.mark.parametrize("flag", WEBHOOKS)
@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (kubeconfig(dict([CANARY])), f"users[].user.exec {REFUSED}"),
        (kubeconfig({"auth-provider": {"name": "gcp"}}), f"users[].user.auth-provider {REFUSED}"),
        (kubeconfig({"tokenFile": "/etc/passwd"}), f"users[].user.tokenFile {REFUSED}"),
        (kubeconfig({"client-key": "/etc/key"}), f"users[].user.client-key {REFUSED}"),
        (kubeconfig({"as": "system:admin"}), f"users[].user.as {REFUSED}"),
        (kubeconfig(certificate_authority="/x"), f"clusters[].cluster.certificate-authority {REFUSED}"),
        (kubeconfig(insecure_skip_tls_verify=True), f"clusters[].cluster.insecure-skip-tls-verify {REFUSED}"),
        (kubeconfig(proxy_url="http://10.0.0.1"), f"clusters[].cluster.proxy-url {REFUSED}"),
        (kubeconfig(server="https://10.0.0.1:443"), NOT_LOOPBACK),
        (kubeconfig(server="https://localhost.evil.example"), NOT_LOOPBACK),
        (kubeconfig(server="https://127.0.0.1@10.0.0.1"), NOT_LOOPBACK),
        (kubeconfig(server="http://127.0.0.1:80"), NOT_LOOPBACK),
        ({"users": "x"}, "users is not a list of mappings"),
        ({"users": [{"user": "x"}]}, "users[].user is not a mapping"),
        ({"clusters": [{"cluster": ["x"]}]}, "clusters[].cluster is not a mapping"),
        ("a: &a [x]\nb: *a\n", "YAML aliases are not read here; write the value out"),
        ("users: " + "[" * 20_000 + "]" * 20_000, "lists and mappings are nested more than 40 deep"),
    ],
)
def test_a_webhooks_kubeconfig_that_runs_reads_or_reaches_out_is_refused(
    node: Node, flag: str, config: object, problem: str
) -> None:
    path = node.put("hook.yaml", config)
    assert node.refusal(flag, path) == f"{path}: {problem}"


def test_what_is_checked_is_what_kube_apiserver_reads(node: Node) -> None:
    """Of two equal keys another YAML reader could take the first."""
    twice = "users:\n- name: u\n  user: {exec: {command: touch}}\n  user: {}\n"
    assert "exec" not in Path(node.argument("audit-webhook-config-file", node.put("hook.yaml", twice))).read_text()


def test_one_file_under_two_flags_keeps_the_checked_copy(node: Node) -> None:
    path = node.put("hook.yaml", kubeconfig())
    hook = Path(node.argument("audit-webhook-config-file", path))
    policy = Path(node.argument("audit-policy-file", path))
    assert hook != policy


def encryption(provider: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "EncryptionConfiguration", "resources": [{"resources": ["secrets"], "providers": [provider]}]}


def test_encryption_with_a_key_in_the_file_is_allowed(node: Node) -> None:
    given = encryption({"aescbc": {"keys": [{"name": "k", "secret": "c2VjcmV0"}]}})
    copy = Path(node.argument("encryption-provider-config", node.put("e.yaml", given)))
    assert yaml.safe_load(copy.read_text()) == given


@pytest.mark.parametrize("name", ["kms", "KMS"])
def test_encryption_by_a_key_service_is_refused(node: Node, name: str) -> None:
    path = node.put("e.yaml", encryption({name: {"name": "k", "endpoint": "unix:///run/k.sock"}}))
    assert node.refusal("encryption-provider-config", path) == f"{path}: this lab runs no provider {name}"


def test_the_old_form_of_an_image_policy_is_refused(node: Node) -> None:
    """Without kind and plugins, kube-apiserver takes the file itself for the image policy's configuration."""
    path = node.put("admission.yaml", {"imagePolicy": {"kubeConfigFile": "/x"}})
    assert node.refusal("admission-control-config-file", path) == f"{path}: imagePolicy is not allowed in this lab"


def admission(*plugins: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": list(plugins)}


def test_a_plugins_own_file_and_its_kubeconfig_are_confined_too(node: Node) -> None:
    node.put("hook.yaml", kubeconfig())
    node.put("images.yaml", {"imagePolicy": {"kubeConfigFile": f"{CONFIG}/hook.yaml", "defaultAllow": False}})
    path = node.put("admission.yaml", admission({"name": "ImagePolicyWebhook", "path": "images.yaml"}))
    outer = yaml.safe_load(Path(node.argument("admission-control-config-file", path)).read_text())
    inner = yaml.safe_load(Path(outer["plugins"][0]["path"]).read_text())
    assert Path(outer["plugins"][0]["path"]).is_relative_to(node.copies)
    assert Path(inner["imagePolicy"]["kubeConfigFile"]).is_relative_to(node.copies)
    assert inner["imagePolicy"]["defaultAllow"] is False


def test_the_configuration_of_pod_security_is_allowed(node: Node) -> None:
    given = admission({"name": "PodSecurity", "configuration": {"defaults": {"enforce": "baseline"}}})
    path = node.put("admission.yaml", given)
    assert yaml.safe_load(Path(node.argument("admission-control-config-file", path)).read_text()) == given


@pytest.mark.parametrize(
    "policy",
    [
        {"imagePolicy": {"kubeConfigFile": f"{CONFIG}/evil.yaml"}},
        {"imagePolicy": {"kubeConfigFile": "/etc/passwd"}},
        {"imagepolicy": {"kubeconfigfile": f"{CONFIG}/evil.yaml"}},  # Go's JSON reader takes any case
        {"imagePolicy": {"kubeConfigFile": f"{CONFIG}/hook.yaml", "KubeConfigFile": f"{CONFIG}/evil.yaml"}},
        {"imagePolicy": {"kubeConfigFile": f"{CONFIG}/hook.yaml"}, "ImagePolicy": {"kubeConfigFile": "/x"}},
        {"imagePolicy": [{"kubeConfigFile": "/x"}]},
        {"kubeConfigFile": f"{CONFIG}/evil.yaml"},
    ],
)
@pytest.mark.parametrize("where", ["inside", "beside", "both"])
def test_an_image_policy_that_names_an_unchecked_kubeconfig_is_refused(
    node: Node, policy: dict[str, Any], where: str
) -> None:
    node.put("hook.yaml", kubeconfig())
    node.put("evil.yaml", kubeconfig(dict([CANARY])))
    node.put("images.yaml", policy if where == "beside" else {"imagePolicy": {}})
    plugin: dict[str, Any] = {"name": "ImagePolicyWebhook"}
    if where != "inside":
        plugin["path"] = "images.yaml"
    if where != "beside":
        plugin["configuration"] = policy
    refusal = node.refusal("admission-control-config-file", node.put("admission.yaml", admission(plugin)))
    assert "exec" in refusal or "passwd" in refusal or "ImagePolicyWebhook" in refusal


NO_CONFIGURATION = "this lab takes no configuration for the plugin"


@pytest.mark.parametrize(
    ("name", "rest", "problem"),
    [
        ("ValidatingAdmissionWebhook", {"configuration": {"kubeConfigFile": "/x"}}, NO_CONFIGURATION),
        ("ValidatingAdmissionPolicy", {"configuration": {"staticManifestsDir": "/x"}}, NO_CONFIGURATION),
        ("PodSecurity", {"Path": "/etc/passwd"}, f"plugins[].Path {REFUSED}"),
        ("PodSecurity", {"path": "../x"}, f"{CONFIG}/../x: give an absolute path without '..'"),
        ("PodSecurity", {"path": "/etc/passwd"}, "open /etc/passwd: no such file or directory (no volumeMount"),
    ],
)
def test_other_plugins_get_no_configuration_that_reads_or_reaches_out(
    node: Node, name: str, rest: dict[str, Any], problem: str
) -> None:
    path = node.put("admission.yaml", admission({"name": name, **rest}))
    assert problem in node.refusal("admission-control-config-file", path)
