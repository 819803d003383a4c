"""How a kubeconfig is read; that questions get there is seen wherever a plane is asked."""

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ckslab_labs.cluster.connection import connection

SERVER = "https://127.0.0.1:6443/"


def kubeconfig(tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any]) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": SERVER, **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    return path


FILES = {"client-certificate": "/pki/me.crt", "client-key": "/pki/me.key"}


def test_ours_names_a_server_and_three_files(tmp_path: Path) -> None:
    found = connection(kubeconfig(tmp_path, {"certificate-authority": "/pki/ca.crt"}, FILES))
    assert (found.host, found.headers) == ("https://127.0.0.1:6443", {})
    assert (found.authority, found.certificate) == ("/pki/ca.crt", ("/pki/me.crt", "/pki/me.key"))
    assert found.pool.connection_pool_kw["cert_reqs"] == "CERT_REQUIRED"
    assert found.pool.connection_pool_kw["ca_certs"] == "/pki/ca.crt"


@pytest.mark.parametrize("context", [None, "x"])
def test_a_token_is_sent_with_every_request(tmp_path: Path, context: str | None) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text("")
    found = connection(kubeconfig(tmp_path, {"certificate-authority": str(ca)}, {"token": "secret"}), context)
    assert (found.headers, found.certificate) == ({"authorization": "Bearer secret"}, None)
    assert found.pool.connection_pool_kw["cert_reqs"] == 2  # ssl.CERT_REQUIRED


def test_keys_may_be_inside(tmp_path: Path) -> None:
    inline = {f"{key}-data": base64.b64encode(key.encode()).decode() for key in FILES}
    found = connection(kubeconfig(tmp_path, {"certificate-authority-data": base64.b64encode(b"ca").decode()}, inline))
    assert found.certificate is not None
    assert [Path(file).read_text() for file in found.certificate] == list(FILES)


def test_no_command_waits_for_the_official_client_that_has_no_need_of_it(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {"certificate-authority": "/pki/ca.crt"}, FILES)
    script = f"""
import sys
from pathlib import Path
from ckslab_labs.lab import Lab
from ckslab_labs.cluster.connection import connection
connection(Path({str(path)!r}))
print("kubernetes" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
