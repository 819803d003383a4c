"""Learner's files are code until proved otherwise: what an API server's flags may name, and what such files may hold.

Every path is resolved inside the node's folder. A file that the API server reads is checked and copied, and the copy
is what it gets, so nothing can be exchanged between the check and the start; where the content was checked, the copy
is written anew from what we read, because two YAML readers can differ. What is edited while the API server runs is
checked and copied again, because it reads some of its files again. Configuration that makes the API server call
out (webhooks) may name only loopback and may hold no ``exec``, ``auth-provider`` or file references, as an untrusted
kubeconfig can run programs and send files away
(https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/). Keys are allow-listed exactly:
Go's JSON reader takes ``kubeconfigfile`` for ``kubeConfigFile``.
"""

import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import yaml

from ckslab_labs.files import write_atomic
from ckslab_labs.providers.embedded.manifest import ManifestProblem, Mount, load_mapping
from ckslab_labs.providers.embedded.static_pods import Stamp

MAX_FILE = 1024 * 1024
"""Bytes of a configuration file."""

KUBECONFIG_USER_KEYS = frozenset({"client-certificate-data", "client-key-data", "token", "username", "password"})
KUBECONFIG_CLUSTER_KEYS = frozenset({"server", "certificate-authority-data", "tls-server-name"})
ENCRYPTION_PROVIDERS = frozenset({"aesgcm", "aescbc", "secretbox", "identity"})
ADMISSION_KEYS = frozenset({"apiVersion", "kind", "plugins"})
PLUGIN_KEYS = frozenset({"name", "path", "configuration"})
IMAGE_POLICY = "ImagePolicyWebhook"
IMAGE_POLICY_KEYS = frozenset({"kubeConfigFile", "allowTTL", "denyTTL", "retryBackoff", "defaultAllow"})
CONFIGURABLE = frozenset({IMAGE_POLICY, "EventRateLimit", "PodNodeSelector", "PodSecurity", "PodTolerationRestriction"})
"""Admission plugins that take a configuration here; but for the image policy's, it names nothing outside itself."""


class Confinement:
    """Translates a container path of the manifest to a path of this machine.

    Args:
        node: the folder that stands for the node's file system.
        mounts: the container's mounts.
        copies: a private folder for the checked copies: ``<flag>/<path in the container>``.

    """

    def __init__(self, node: Path, mounts: tuple[Mount, ...], copies: Path) -> None:
        self._node = node.resolve()
        self._mounts = sorted(mounts, key=lambda mount: -len(mount.path))  # the longest that covers a path is its mount
        self._copies = copies
        self._read: dict[Path, Stamp | None] = {}

    @property
    def edited(self) -> bool:
        """Whether a file that was read is another one now."""
        return any(_stamp(place) != stamp for place, stamp in self._read.items())

    def mount(self) -> None:
        """Do what the kubelet does with hostPath volumes before it starts the container: make or check them.

        See https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types. One without a type is made a
        folder, as container runtimes do.

        Raises:
            ManifestProblem: one is not what its type says, or leads outside.

        """
        for mount in self._mounts:
            place = self._inside(mount.host, mount.host)
            if mount.type in ("", "DirectoryOrCreate") and not place.exists():
                place.mkdir(mode=0o700, parents=True)
            if mount.type == "FileOrCreate" and place.parent.is_dir() and not place.exists():
                place.touch(mode=0o600)
            self._check_type(mount, place)

    def _check_type(self, mount: Mount, place: Path) -> None:
        checks: dict[str, tuple[Callable[[], bool], str]] = {
            "": (place.exists, "there"),
            "DirectoryOrCreate": (place.is_dir, "a directory"),
            "Directory": (place.is_dir, "a directory"),
            "FileOrCreate": (place.is_file, "a file"),
            "File": (place.is_file, "a file"),
        }
        if mount.type not in checks:
            raise ManifestProblem(f"hostPath type check failed: this lab's node has no {mount.type}")
        holds, what = checks[mount.type]
        if not holds():
            raise ManifestProblem(f"hostPath type check failed: {mount.host} is not {what}")

    def host(self, path: str, *, to_write: bool = False) -> Path:
        """The place of a container path, every symbolic link followed, inside the node's folder.

        Raises:
            ManifestProblem: it leads outside, or no mount covers it (then the container has no such file).

        """
        pure = PurePosixPath(path)
        if not pure.is_absolute() or ".." in pure.parts:
            raise ManifestProblem(f"{path}: give an absolute path without '..'")
        mount = next((mount for mount in self._mounts if pure.is_relative_to(mount.path)), None)
        if mount is None:
            raise ManifestProblem(f"open {path}: no such file or directory (no volumeMount of the container covers it)")
        if to_write and mount.read_only:
            raise ManifestProblem(f"open {path}: read-only file system")
        return self._inside(path, str(PurePosixPath(mount.host) / pure.relative_to(mount.path)))

    def _inside(self, path: str, host: str) -> Path:
        place = (self._node / host.lstrip("/")).resolve()
        if ".." in PurePosixPath(host).parts or not place.is_relative_to(self._node):
            raise ManifestProblem(f"{path}: it leads outside the node's file system")
        return place

    def read(self, path: str) -> bytes:
        """The content of a regular file.

        Raises:
            ManifestProblem: there is none, or it is too large.

        """
        place = self.host(path)
        self._read[place] = _stamp(place)
        if not place.is_file():
            raise ManifestProblem(f"open {path}: no such file or directory")
        with place.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ManifestProblem(f"{path}: it is larger than {MAX_FILE} bytes")
        return data

    def copy(self, flag: str, path: str, data: bytes) -> str:
        """Put checked content where the API server will read it."""
        target = self._copies / flag / path.lstrip("/")
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not target.is_file() or target.read_bytes() != data:
            write_atomic(target, data)
        return str(target)

    # --- what a flag's file may hold -----------------------------------------------------------------------------

    def plain(self, flag: str, path: str) -> str:
        """A file without references: certificates, keys, an audit policy."""
        return self.copy(flag, path, self.read(path))

    def output(self, _flag: str, path: str) -> str:
        """A file that the API server writes, such as the audit log; it makes the folders that lead there itself.

        "-" is its standard output, our log.
        """
        return path if path == "-" else str(self.host(path, to_write=True))

    def kubeconfig(self, flag: str, path: str) -> str:
        """A webhook's kubeconfig: loopback only, nothing that runs or reads on this machine."""
        value = load_mapping(path, self.read(path))
        check_kubeconfig(path, value)
        return self.copy(flag, path, _text(value))

    def encryption(self, flag: str, path: str) -> str:
        """An EncryptionConfiguration without external key services."""
        value = load_mapping(path, self.read(path))
        for entry in _list(value, "resources", path):
            for provider in _list(entry, "providers", path):
                if unknown := set(provider) - ENCRYPTION_PROVIDERS:
                    raise ManifestProblem(f"{path}: this lab runs no provider {', '.join(sorted(unknown))}")
        return self.copy(flag, path, _text(value))

    def admission(self, flag: str, path: str) -> str:
        """An AdmissionConfiguration; the files that its plugins name are confined in the same way."""
        value = load_mapping(path, self.read(path))
        _only(ADMISSION_KEYS, value, path, "")  # an image policy at this level would be taken too, the old way
        for plugin in _list(value, "plugins", path):
            self._plugin(flag, path, plugin)
        return self.copy(flag, path, _text(value))

    def _plugin(self, flag: str, path: str, plugin: dict[str, Any]) -> None:
        _only(PLUGIN_KEYS, plugin, path, "plugins[].")
        name = str(plugin.get("name"))
        if plugin.keys() != {"name"} and name not in CONFIGURABLE:
            raise ManifestProblem(f"{path}: this lab takes no configuration for the plugin {name}")
        if name == IMAGE_POLICY and "configuration" in plugin:
            self._image_policy(flag, path, plugin)
        if "path" in plugin:
            beside = str(PurePosixPath(path).parent / str(plugin["path"]))
            own = {"configuration": load_mapping(beside, self.read(beside))}
            if name == IMAGE_POLICY:
                self._image_policy(flag, beside, own)
            plugin["path"] = self.copy(flag, beside, _text(own["configuration"]))

    def _image_policy(self, flag: str, path: str, plugin: dict[str, Any]) -> None:
        configuration = _mapping(plugin, "configuration", path, f"{IMAGE_POLICY}: ")
        _only({"imagePolicy"}, configuration, path, f"{IMAGE_POLICY}: ")
        policy = _mapping(configuration, "imagePolicy", path, f"{IMAGE_POLICY}: ")
        _only(IMAGE_POLICY_KEYS, policy, path, f"{IMAGE_POLICY}: imagePolicy.")
        if "kubeConfigFile" in policy:
            policy["kubeConfigFile"] = self.kubeconfig(flag, str(policy["kubeConfigFile"]))


def _stamp(place: Path) -> Stamp | None:
    try:
        seen = place.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def check_kubeconfig(path: str, value: dict[str, Any]) -> None:
    """Refuse a kubeconfig that could run a program, read a file or leave this machine.

    Raises:
        ManifestProblem: naming the key.

    """
    for entry in _list(value, "users", path):
        _only(KUBECONFIG_USER_KEYS, _mapping(entry, "user", path, "users[]."), path, "users[].user.")
    for entry in _list(value, "clusters", path):
        cluster = _mapping(entry, "cluster", path, "clusters[].")
        _only(KUBECONFIG_CLUSTER_KEYS, cluster, path, "clusters[].cluster.")
        if not _is_loopback(str(cluster.get("server", ""))):
            raise ManifestProblem(f"{path}: clusters[].cluster.server must be https on a loopback address")


def _is_loopback(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return parts.scheme == "https" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _only(allowed: Iterable[str], value: dict[str, Any], path: str, where: str) -> None:
    if refused := value.keys() - set(allowed):
        raise ManifestProblem(f"{path}: {where}{min(refused)} is not allowed in this lab")


def _mapping(value: dict[str, Any], key: str, path: str, where: str) -> dict[str, Any]:
    found = value.get(key) or {}
    if not isinstance(found, dict):
        raise ManifestProblem(f"{path}: {where}{key} is not a mapping")
    return found


def _list(value: dict[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    found = value.get(key) or []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ManifestProblem(f"{path}: {key} is not a list of mappings")
    return found


def _text(value: dict[str, Any]) -> bytes:
    return yaml.safe_dump(value).encode()
