"""Puts container images into a node's file system, so that the node need not fetch any.

The containerd that the node will run is run here, with its folders inside the node's; unpacking is left to the node.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

SECONDS = 30.0
NOT_NEEDED = ("io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri")
"""Plugins by which a kubelet talks to containerd."""


def preload(root: Path, containerd: Path, ctr: Path, archives: Sequence[Path]) -> None:
    """Import the archives into the content store below ``root``."""
    with tempfile.TemporaryDirectory(prefix="ckslab-containerd-") as scratch:
        folder = Path(scratch)
        (folder / "config.toml").write_text(f"version = 3\ndisabled_plugins = {json.dumps(NOT_NEEDED)}\n")
        options = {"root": root / "var/lib/containerd", "state": folder / "state", "address": folder / "socket"}
        command = [str(containerd), *(f"--{name}={value}" for name, value in options.items())]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen([*command, f"--config={folder}/config.toml"], stdout=log, stderr=log) as process,
        ):
            client = [str(ctr), f"--address={folder}/socket", "--namespace=k8s.io"]
            try:
                _await([*client, "version"], folder / "log")
                for archive in archives:
                    subprocess.run([*client, "images", "import", "--no-unpack", str(archive)], check=True, stdout=log)
            finally:
                process.terminate()


def _await(command: Sequence[str], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while subprocess.run(command, capture_output=True).returncode != 0:
        if time.monotonic() > deadline:
            raise SystemExit(f"containerd does not answer after {SECONDS:.0f} s:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)
