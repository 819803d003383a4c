"""Kubeconfigs of a plane: one per client, self-contained, never merged into the user's own."""

import base64
from pathlib import Path
from typing import Any

import yaml

from ckslab_labs.files import write_atomic
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.embedded.clients import CLIENTS
from ckslab_labs.providers.embedded.layout import Layout, Ports


def write_kubeconfigs(layout: Layout, ports: Ports) -> None:
    """Write a kubeconfig for each client of the plane, with today's port."""
    private_dir(layout.kubeconfig("admin").parent)
    for name in CLIENTS:
        write_atomic(layout.kubeconfig(name), yaml.safe_dump(_kubeconfig(layout, ports, name)).encode())


def _kubeconfig(layout: Layout, ports: Ports, client: str) -> dict[str, Any]:
    user, _groups = CLIENTS[client]
    # A learner may copy theirs elsewhere, so it holds its keys. Ours name files: the Kubernetes client would write
    # inline keys to a temporary folder and leave them there when killed.
    part = _inline if client == "learner" else _reference
    context = f"ckslab-{layout.name}"
    server = f"https://127.0.0.1:{ports.apiserver}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": context, "cluster": {"server": server, **part("certificate-authority", layout.pki / "ca.crt")}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    **part("client-certificate", layout.pki / f"client-{client}.crt"),
                    **part("client-key", layout.pki / f"client-{client}.key"),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
        "current-context": context,
    }


def _inline(key: str, file: Path) -> dict[str, str]:
    return {f"{key}-data": base64.b64encode(file.read_bytes()).decode()}


def _reference(key: str, file: Path) -> dict[str, str]:
    return {key: str(file)}
