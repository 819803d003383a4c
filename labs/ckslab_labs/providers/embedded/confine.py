"""Learner's files are code until proved otherwise: what an API server's flags may name, and what such files may hold.

Every path is resolved inside the node's folder. A file that the API server reads is checked and copied, and the copy
is what it gets, so nothing can be exchanged between the check and the start. Configuration that makes the API server
call out (webhooks) may name only loopback and may hold no ``exec``, ``auth-provider`` or file references, as an
untrusted kubeconfig can run programs and send files away
(https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
"""

import ipaddress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import yaml

from ckslab_labs.providers.embedded.manifest import ManifestProblem

MAX_FILE = 1024 * 1024
"""Bytes of a configuration file."""

KUBECONFIG_USER_KEYS = frozenset({"client-certificate-data", "client-key-data", "token", "username", "password"})
KUBECONFIG_CLUSTER_KEYS = frozenset({"server", "certificate-authority-data", "tls-server-name"})
ENCRYPTION_PROVIDERS = frozenset({"aesgcm", "aescbc", "secretbox", "identity"})


class Confinement:
    """Translates a container path of the manifest to a path of this machine.

    Args:
        node: the folder that stands for the node's file system.
        mounts: the container's mounts, as (mount path, host path).
        copies: a private folder for the checked copies.

    """

    def __init__(self, node: Path, mounts: tuple[tuple[str, str], ...], copies: Path) -> None:
        self._node = node.resolve()
        self._mounts = mounts
        self._copies = copies

    def host(self, path: str) -> Path:
        """The place of a container path, every symbolic link followed, inside the node's folder.

        Raises:
            ManifestProblem: it leads outside, or no mount covers it (then the container has no such file).

        """
        pure = PurePosixPath(path)
        if not pure.is_absolute() or ".." in pure.parts:
            raise ManifestProblem(f"{path}: give an absolute path without '..'")
        for mount, host in sorted(self._mounts, key=lambda pair: -len(pair[0])):
            if pure.is_relative_to(mount):
                inside = PurePosixPath(host) / pure.relative_to(mount)
                break
        else:
            raise ManifestProblem(f"open {path}: no such file or directory (no volumeMount of the container covers it)")
        place = (self._node / str(inside).lstrip("/")).resolve()
        if ".." in inside.parts or not place.is_relative_to(self._node):
            raise ManifestProblem(f"{path}: it leads outside the node's file system")
        return place

    def read(self, path: str) -> bytes:
        """The content of a regular file.

        Raises:
            ManifestProblem: there is none, or it is too large.

        """
        place = self.host(path)
        if not place.is_file():
            raise ManifestProblem(f"open {path}: no such file or directory")
        data = place.read_bytes()
        if len(data) > MAX_FILE:
            raise ManifestProblem(f"{path}: it is larger than {MAX_FILE} bytes")
        return data

    def copy(self, name: str, data: bytes) -> str:
        """Put checked content where the API server will read it."""
        target = self._copies / name
        target.unlink(missing_ok=True)
        target.touch(mode=0o600)
        target.write_bytes(data)
        return str(target)

    # --- what a flag's file may hold -----------------------------------------------------------------------------

    def plain(self, flag: str, path: str) -> str:
        """A file without references: certificates, keys, an audit policy."""
        return self.copy(flag, self.read(path))

    def output(self, _flag: str, path: str) -> str:
        """A file that the API server writes, such as the audit log; "-" is its standard output, our log."""
        if path == "-":
            return path
        place = self.host(path)
        if not place.parent.is_dir():
            raise ManifestProblem(f"open {path}: no such file or directory")
        return str(place)

    def kubeconfig(self, flag: str, path: str) -> str:
        """A webhook's kubeconfig: loopback only, nothing that runs or reads on this machine."""
        data = self.read(path)
        check_kubeconfig(path, _yaml(path, data))
        return self.copy(flag, data)

    def encryption(self, flag: str, path: str) -> str:
        """An EncryptionConfiguration without external key services."""
        data = self.read(path)
        for entry in _list(_yaml(path, data), "resources", path):
            for provider in _list(entry, "providers", path):
                if unknown := set(provider) - ENCRYPTION_PROVIDERS:
                    raise ManifestProblem(f"{path}: this lab runs no provider {', '.join(sorted(map(str, unknown)))}")
        return self.copy(flag, data)

    def admission(self, flag: str, path: str) -> str:
        """An AdmissionConfiguration; the files that its plugins name are confined in the same way."""
        value = _yaml(path, self.read(path))
        for index, plugin in enumerate(_list(value, "plugins", path)):
            if "path" in plugin:
                beside = str(PurePosixPath(path).parent / str(plugin["path"]))
                data = self.read(beside)
                plugin["path"] = self.copy(f"{flag}-{index}", self._plugin(beside, data, index))
            elif isinstance(plugin.get("configuration"), dict):
                self._image_policy(plugin["configuration"], index)
        return self.copy(flag, yaml.safe_dump(value).encode())

    def _plugin(self, path: str, data: bytes, index: int) -> bytes:
        value = _yaml(path, data)
        self._image_policy(value, index)
        return yaml.safe_dump(value).encode()

    def _image_policy(self, configuration: dict[str, Any], index: int) -> None:
        policy = configuration.get("imagePolicy")
        if isinstance(policy, dict) and "kubeConfigFile" in policy:
            policy["kubeConfigFile"] = self.kubeconfig(f"image-policy-{index}", str(policy["kubeConfigFile"]))
        if any("kubeconfig" in str(key).lower() for key in configuration):
            raise ManifestProblem("admission configuration: only imagePolicy.kubeConfigFile may name a kubeconfig")


def check_kubeconfig(path: str, value: dict[str, Any]) -> None:
    """Refuse a kubeconfig that could run a program, read a file or leave this machine.

    Raises:
        ManifestProblem: naming the key.

    """
    for entry in _list(value, "users", path):
        user = entry.get("user") or {}
        if refused := set(user) - KUBECONFIG_USER_KEYS:
            raise ManifestProblem(f"{path}: users[].user.{min(map(str, refused))} is not allowed in this lab")
    for entry in _list(value, "clusters", path):
        cluster = entry.get("cluster") or {}
        if refused := set(cluster) - KUBECONFIG_CLUSTER_KEYS:
            raise ManifestProblem(f"{path}: clusters[].cluster.{min(map(str, refused))} is not allowed in this lab")
        if not _is_loopback(str(cluster.get("server", ""))):
            raise ManifestProblem(f"{path}: clusters[].cluster.server must be https on a loopback address")


def _is_loopback(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return parts.scheme == "https" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _yaml(path: str, data: bytes) -> dict[str, Any]:
    try:
        value = yaml.load(data, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestProblem(f"{path}: it is not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(value, dict):
        raise ManifestProblem(f"{path}: it is not a mapping")
    return value


def _list(value: dict[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    found = value.get(key) or []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ManifestProblem(f"{path}: {key} is not a list of mappings")
    return found
