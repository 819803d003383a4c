"""Kubeconfigs of a plane: one per client, self-contained, never merged into the user's own."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ckslab_labs.files import write_atomic
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.embedded.clients import CLIENTS
from ckslab_labs.providers.embedded.layout import Layout, Ports

Part = Callable[[str, Path], dict[str, str]]
"""How a kubeconfig tells of a file."""


def write_kubeconfigs(layout: Layout, ports: Ports) -> None:
    """Write a kubeconfig for each client of the plane, with today's port."""
    private_dir(layout.kubeconfig("admin").parent)
    for name in CLIENTS:
        write_atomic(layout.kubeconfig(name), yaml.safe_dump(_kubeconfig(layout, ports, name)).encode())


def write_kubeconfig(path: Path, port: int, authority: Path, stem: Path) -> None:
    """Write the kubeconfig of somebody whose certificate and key lie at ``stem.crt`` and ``stem.key``."""
    value = _value("api", stem.name, f"https://127.0.0.1:{port}", authority, stem, _reference)
    write_atomic(path, yaml.safe_dump(value).encode())


def _kubeconfig(layout: Layout, ports: Ports, client: str) -> dict[str, Any]:
    user, _groups = CLIENTS[client]
    # A learner may copy theirs elsewhere, so it holds its keys. Ours name files: the Kubernetes client would write
    # inline keys to a temporary folder and leave them there when killed.
    part = _inline if client == "learner" else _reference
    server = f"https://127.0.0.1:{ports.apiserver}"
    stem = layout.pki / f"client-{client}"
    return _value(f"ckslab-{layout.name}", user, server, layout.pki / "ca.crt", stem, part)


def _value(context: str, user: str, server: str, authority: Path, stem: Path, part: Part) -> dict[str, Any]:
    certificate, key = stem.with_name(f"{stem.name}.crt"), stem.with_name(f"{stem.name}.key")
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": server, **part("certificate-authority", authority)}}],
        "users": [
            {"name": user, "user": {**part("client-certificate", certificate), **part("client-key", key)}},
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
        "current-context": context,
    }


def _inline(key: str, file: Path) -> dict[str, str]:
    return {f"{key}-data": base64.b64encode(file.read_bytes()).decode()}


def _reference(key: str, file: Path) -> dict[str, str]:
    return {key: str(file)}
