"""Planes are strangers to each other, and to everybody else on the machine."""

import base64
import socket
import ssl
import stat
import struct
from pathlib import Path

import pytest
import urllib3
from tests.labs.helpers import running

from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded import processes
from ckslab_labs.providers.embedded.layout import Layout, PlaneSpec

pytestmark = pytest.mark.plane

LISTEN = "0A"
LOOPBACK = {"127.0.0.1"}


def status_of(lab: Lab, *, certificate: Path | None = None, token: str | None = None) -> int:
    """The HTTP status that a plane's API server answers somebody with."""
    layout = lab.plane.layout
    context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
    if certificate:
        context.load_cert_chain(f"{certificate}.crt", f"{certificate}.key")
    port = PlaneSpec.load(layout).ports.apiserver
    with urllib3.HTTPSConnectionPool("127.0.0.1", port, ssl_context=context, retries=False, timeout=10) as pool:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return pool.request("GET", "/api/v1/namespaces", headers=headers).status


@pytest.mark.parametrize("client", ["admin", "learner", "kube-controller-manager", "kwok"])
def test_a_client_certificate_of_one_plane_is_nobody_on_another(lab: Lab, second: Lab, client: str) -> None:
    certificate = lab.plane.layout.pki / f"client-{client}"
    assert status_of(lab, certificate=certificate) == 200
    assert status_of(second, certificate=certificate) == 401


def test_a_service_accounts_token_of_one_plane_is_nobody_on_another(lab: Lab, second: Lab) -> None:
    path = "/api/v1/namespaces/ckslab/serviceaccounts/default/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = lab.cluster.request("POST", path, request).body["status"]["token"]
    assert status_of(lab, token=token) == 403
    assert status_of(second, token=token) == 401


def test_each_plane_publishes_its_own_authority(lab: Lab, second: Lab) -> None:
    for each in (lab, second):
        authority = (each.plane.layout.pki / "ca.crt").read_text()
        maps = each.objects.list("ConfigMap")
        published = [item["data"]["ca.crt"] for item in maps if item["metadata"]["name"] == "kube-root-ca.crt"]
        assert len(published) >= 5
        assert set(published) == {authority}
        extension = each.objects.get("ConfigMap", "extension-apiserver-authentication", "kube-system").body["data"]
        assert extension["client-ca-file"] == authority


@pytest.mark.parametrize("who", ["nobody", "the other plane's etcd client", "an administrator of the cluster"])
def test_etcd_talks_to_nobody_but_its_own_clients(lab: Lab, second: Lab, who: str) -> None:
    layout = lab.plane.layout
    context = ssl.create_default_context(cafile=str(layout.pki / "etcd" / "ca.crt"))
    certificate = {
        "the other plane's etcd client": second.plane.layout.pki / "etcd" / "snapshot-client",
        "an administrator of the cluster": layout.pki / "client-admin",
    }.get(who)
    if certificate:
        context.load_cert_chain(f"{certificate}.crt", f"{certificate}.key")
    ports = PlaneSpec.load(layout).ports
    for port in (ports.etcd, ports.etcd_peer):
        pool = urllib3.HTTPSConnectionPool("127.0.0.1", port, ssl_context=context, retries=False, timeout=5)
        with pool, pytest.raises(urllib3.exceptions.HTTPError, match=r"certificate|alert|EOF|reset"):
            pool.request("GET", "/health")


def test_etcd_does_not_speak_plain_http(lab: Lab) -> None:
    port = PlaneSpec.load(lab.plane.layout).ports.etcd
    with urllib3.HTTPConnectionPool("127.0.0.1", port, retries=False, timeout=5) as pool:
        try:
            assert pool.request("GET", "/health").status == 400
        except urllib3.exceptions.ProtocolError as error:
            assert "closed" in str(error) or "reset" in str(error)  # noqa: PT017


def test_nobody_else_can_look_into_a_planes_folder(lab: Lab) -> None:
    root = lab.plane.layout.root
    modes = {
        path: stat.S_IMODE(path.lstat().st_mode) & 0o077
        for path in [root.parent, root, *root.rglob("*")]
        if not path.is_symlink()
    }
    assert len(modes) > 50
    assert [path for path, open_to_others in modes.items() if open_to_others] == []


def test_everything_listens_on_loopback_and_only_etcd_and_the_api_server_do(lab: Lab) -> None:
    assert set(running(lab)) == {
        "supervisor",
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kwok",
    }
    listening = listeners(lab.plane.layout)
    assert set(listening) == {"etcd", "kube-apiserver"}
    ports = PlaneSpec.load(lab.plane.layout).ports
    assert listening["etcd"] == {("127.0.0.1", ports.etcd), ("127.0.0.1", ports.etcd_peer)}
    assert listening["kube-apiserver"] == {("127.0.0.1", ports.apiserver)}


def test_the_learners_kubeconfig_is_whole_and_names_no_file(lab: Lab) -> None:
    text = lab.plane.layout.kubeconfig("learner").read_text()
    assert str(lab.plane.layout.root) not in text
    assert base64.b64encode((lab.plane.layout.pki / "client-learner.key").read_bytes()).decode() in text


def listeners(layout: Layout) -> dict[str, set[tuple[str, int]]]:
    """Per program of a plane, the addresses that it listens on: sockets by inode, from the kernel."""
    sockets = _listening_sockets()
    found: dict[str, set[tuple[str, int]]] = {}
    for pid in processes.of_plane(layout.root):
        program = Path(f"/proc/{pid}/exe").resolve().name
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            link = str(handle.readlink()) if handle.is_symlink() else ""
            if link.startswith("socket:[") and link[8:-1] in sockets:
                found.setdefault(program, set()).add(sockets[link[8:-1]])
    return found


def _listening_sockets() -> dict[str, tuple[str, int]]:
    sockets = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN:
                sockets[fields[9]] = _address(fields[1])
    return sockets


def _address(text: str) -> tuple[str, int]:
    """``0100007F:1F90`` as (127.0.0.1, 8080); the kernel writes words in the machine's byte order."""
    host, port = text.split(":")
    words = [int(host[start : start + 8], 16) for start in range(0, len(host), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words)), int(port, 16)
