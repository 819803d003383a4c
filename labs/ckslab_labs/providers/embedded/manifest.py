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

from ckslab_labs.yaml_events import events

MAX_MANIFEST = 128 * 1024
"""Bytes; kubeadm's manifest has 4 kB."""
MAX_DEPTH = 40
"""Lists and mappings inside one another, here and in every file that a flag names."""

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
    """Why the API server cannot run as its manifest says; the text is shown to the learner."""


@dataclass(frozen=True)
class Mount:
    """A hostPath volume in the container; ``type`` is what the kubelet checks before it starts the container."""

    path: str
    host: str
    type: str = ""
    read_only: bool = False


@dataclass(frozen=True)
class StaticPod:
    """A manifest as read: the words after ``kube-apiserver``, and the container's mounts."""

    file: str
    uid: str
    words: tuple[str, ...]
    mounts: tuple[Mount, ...]

    @property
    def flags(self) -> tuple[tuple[str, str], ...]:
        """The API server's flags.

        Raises:
            ManifestProblem: a word is no flag; the API server would start and end at once.

        """
        return tuple(_flag(word) for word in self.words)


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
        raise ManifestProblem(f"{path.name}: it is not a Pod with one container")
    container = _mapping(containers[0], "spec.containers[0]")
    command = [*_strings(container, "command"), *_strings(container, "args")]
    if not command or Path(command[0]).name != "kube-apiserver":
        raise ManifestProblem(f"{path.name}: this lab's node runs kube-apiserver only")
    uid = hashlib.sha256(json.dumps([path.name, pod], sort_keys=True, default=str).encode()).hexdigest()
    return StaticPod(path.name, uid, tuple(command[1:]), tuple(_mounts(spec, container)))


def load_mapping(name: str, data: bytes) -> dict[str, Any]:
    """Read YAML as the kubelet and kube-apiserver do, keys as text; but no aliases and no depth that costs anything.

    Args:
        name: what to call it in messages.
        data: the text.

    Raises:
        ManifestProblem: it is not YAML, not a mapping, or one of those.

    """
    try:
        text = data.decode()
        _refuse_bombs(name, text)
        value = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise ManifestProblem(f"{name}: it is not valid YAML ({' '.join(str(error).split())})") from error
    return _mapping(_with_text_keys(value), name)


def _refuse_bombs(name: str, text: str) -> None:
    depth = 0
    for event in events(text):
        if isinstance(event, yaml.AliasEvent):
            raise ManifestProblem(f"{name}: YAML aliases are not read here; write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:  # PyYAML recurses, and ends the process when it is too deep
            raise ManifestProblem(f"{name}: lists and mappings are nested more than {MAX_DEPTH} deep")


def _with_text_keys(value: Any) -> Any:
    """As JSON has it, which is what the kubelet turns YAML into."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(inner) for key, inner in value.items()}
    return [_with_text_keys(inner) for inner in value] if isinstance(value, list) else value


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_MANIFEST:
            raise ManifestProblem(f"{path.name}: it is larger than {MAX_MANIFEST} bytes")
        return load_mapping(path.name, path.read_bytes())
    except OSError as error:
        raise ManifestProblem(f"{path.name}: it cannot be read ({error})") from error


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestProblem(f"{what}: it is not a mapping")
    return value


def _strings(container: dict[str, Any], key: str) -> list[str]:
    words = container.get(key, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ManifestProblem(f"spec.containers[0].{key}: it is not a list of strings")
    return words


def _flag(word: str) -> tuple[str, str]:
    if not word.startswith("--"):
        raise ManifestProblem(f"Error: unknown command {word!r}; flags are written --name=value")
    name, equals, value = word[2:].partition("=")
    return name, value if equals else "true"


def _mounts(spec: dict[str, Any], container: dict[str, Any]) -> list[Mount]:
    hosts: dict[str, dict[str, Any]] = {}
    for volume in _mappings(spec, "volumes", "spec.volumes"):
        if isinstance(host := volume.get("hostPath"), dict):
            hosts[str(volume.get("name"))] = host
    mounts = []
    for mount in _mappings(container, "volumeMounts", "spec.containers[0].volumeMounts"):
        name = str(mount.get("name"))
        if name not in hosts:
            raise ManifestProblem(f"volumeMounts: there is no hostPath volume named {name!r}")
        host, type_ = str(hosts[name].get("path")), str(hosts[name].get("type") or "")
        mounts.append(Mount(str(mount.get("mountPath")), host, type_, mount.get("readOnly") is True))
    return mounts


def _mappings(value: dict[str, Any], key: str, what: str) -> list[dict[str, Any]]:
    found = value.get(key) or []
    if not isinstance(found, list):
        raise ManifestProblem(f"{what}: it is not a list")
    return [_mapping(entry, what) for entry in found]
