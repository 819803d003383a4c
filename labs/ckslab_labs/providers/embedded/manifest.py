"""The API server's static-pod manifest: the one that a plane begins with, and the reading of what a learner made of it.

The manifest is kubeadm's in shape and uses a real node's addresses and paths (``127.0.0.1:2379``, ``6443``,
``/etc/kubernetes/...``); ``flags`` and ``confine`` translate them to this plane's. The manifest's image and
``command[0]`` are never run: the plane runs its own kube-apiserver with the flags that the manifest gives.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MAX_MANIFEST = 128 * 1024
"""Bytes; kubeadm's manifest has 4 kB."""

PKI = "/etc/kubernetes/pki"
CANONICAL: dict[str, str] = {
    "advertise-address": "127.0.0.1",
    "allow-privileged": "true",
    "authorization-mode": "Node,RBAC",
    "bind-address": "127.0.0.1",
    "client-ca-file": f"{PKI}/ca.crt",
    "enable-admission-plugins": "NodeRestriction",
    "etcd-cafile": f"{PKI}/etcd/ca.crt",
    "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt",
    "etcd-keyfile": f"{PKI}/apiserver-etcd-client.key",
    "etcd-servers": "https://127.0.0.1:2379",
    "secure-port": "6443",
    "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
    "service-account-key-file": f"{PKI}/sa.pub",
    "service-account-signing-key-file": f"{PKI}/sa.key",
    "service-cluster-ip-range": "10.96.0.0/16",
    "tls-cert-file": f"{PKI}/apiserver.crt",
    "tls-private-key-file": f"{PKI}/apiserver.key",
}
"""The flags of the manifest that a plane begins with."""


class ManifestProblem(Exception):
    """Why the API server cannot run as its manifest says; the text is shown to the learner.

    ``kept_out`` tells the two ways apart that a kubelet fails in: the manifest cannot be read, so there is no
    container at all (True), or there is a container and it ends at once (False).
    """

    def __init__(self, text: str, *, kept_out: bool = False) -> None:
        super().__init__(text)
        self.kept_out = kept_out


@dataclass(frozen=True)
class StaticPod:
    """A manifest as read: the API server's flags, and the container's mounts as (mount path, host path)."""

    file: str
    uid: str
    flags: tuple[tuple[str, str], ...]
    mounts: tuple[tuple[str, str], ...]


def default_manifest(kubernetes: str) -> str:
    """The manifest that a plane begins with, as YAML.

    Args:
        kubernetes: the full version, for the image's tag.

    """
    command = ["kube-apiserver", *(f"--{flag}={value}" for flag, value in CANONICAL.items())]
    container = {
        "name": "kube-apiserver",
        "image": f"registry.k8s.io/kube-apiserver:v{kubernetes}",
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "volumeMounts": [{"name": "k8s-certs", "mountPath": PKI, "readOnly": True}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "kube-apiserver",
            "namespace": "kube-system",
            "labels": {"component": "kube-apiserver", "tier": "control-plane"},
        },
        "spec": {
            "containers": [container],
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "volumes": [{"name": "k8s-certs", "hostPath": {"path": PKI, "type": "DirectoryOrCreate"}}],
        },
    }
    return yaml.safe_dump(pod, sort_keys=False)


def read_manifest(path: Path) -> StaticPod:
    """Read one file of the manifest folder.

    Raises:
        ManifestProblem: it is no pod that runs an API server; nothing was started.

    """
    pod = _load(path)
    spec = _mapping(pod.get("spec"), "spec")
    containers = spec.get("containers")
    if pod.get("kind") != "Pod" or not isinstance(containers, list) or len(containers) != 1:
        raise ManifestProblem(f"{path.name}: it is not a Pod with one container", kept_out=True)
    container = _mapping(containers[0], "spec.containers[0]")
    command = [*_strings(container, "command"), *_strings(container, "args")]
    if not command or Path(command[0]).name != "kube-apiserver":
        raise ManifestProblem(f"{path.name}: this lab's node runs kube-apiserver only", kept_out=True)
    uid = hashlib.sha256(json.dumps([path.name, pod], sort_keys=True, default=str).encode()).hexdigest()
    return StaticPod(path.name, uid, tuple(_flag(word) for word in command[1:]), tuple(_mounts(spec, container)))


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_MANIFEST:
            raise ManifestProblem(f"{path.name}: it is larger than {MAX_MANIFEST} bytes", kept_out=True)
        text = path.read_bytes().decode()
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.CSafeLoader)):
            raise ManifestProblem(f"{path.name}: YAML aliases are not read here; write the value out", kept_out=True)
        pod = yaml.load(text, Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestProblem(f"{path.name}: it cannot be read ({error})", kept_out=True) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestProblem(f"{path.name}: it is not valid YAML ({_one_line(error)})", kept_out=True) from error
    return _mapping(pod, path.name)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestProblem(f"{what}: it is not a mapping", kept_out=True)
    return value


def _strings(container: dict[str, Any], key: str) -> list[str]:
    words = container.get(key, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ManifestProblem(f"spec.containers[0].{key}: it is not a list of strings", kept_out=True)
    return words


def _flag(word: str) -> tuple[str, str]:
    if not word.startswith("--"):
        raise ManifestProblem(f"Error: unknown command {word!r}; flags are written --name=value")
    name, equals, value = word[2:].partition("=")
    return name, value if equals else "true"


def _mounts(spec: dict[str, Any], container: dict[str, Any]) -> list[tuple[str, str]]:
    volumes = spec.get("volumes") or []
    hosts: dict[str, str] = {}
    for volume in volumes if isinstance(volumes, list) else []:
        host = _mapping(volume, "spec.volumes").get("hostPath")
        if isinstance(host, dict):
            hosts[str(volume.get("name"))] = str(host.get("path"))
    mounts = []
    for mount in container.get("volumeMounts") or []:
        mount = _mapping(mount, "spec.containers[0].volumeMounts")
        name = str(mount.get("name"))
        if name not in hosts:
            raise ManifestProblem(f"volumeMounts: there is no hostPath volume named {name!r}", kept_out=True)
        mounts.append((str(mount.get("mountPath")), hosts[name]))
    return mounts
