"""The making of a plane: its keys, its manifest, and what its etcd begins with."""

import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from ckslab_labs.errors import Infrastructure
from ckslab_labs.files import write_atomic, write_json
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.embedded.baseline import write_fill
from ckslab_labs.providers.embedded.kubeconfigs import write_kubeconfigs
from ckslab_labs.providers.embedded.layout import Layout, PlaneSpec, Ports
from ckslab_labs.providers.embedded.manifest import default_manifest
from ckslab_labs.snapshot.snapshot import Snapshot

SPACE_MB = 250
"""Of a disk, for a plane: etcd's log alone takes two files of 64 MB."""


def require_space(layout: Layout) -> None:
    """Make sure that a plane has room on its disk.

    Raises:
        Infrastructure: it has not.

    """
    free = shutil.disk_usage(layout.root).free / 1e6
    if free < SPACE_MB:
        seen = f"{free:.0f} MB are free for {layout.root}, and it takes {SPACE_MB}"
        remedy = "Free some space, or set XDG_STATE_HOME to another disk."
        raise Infrastructure(f"make plane {layout.name}", seen, remedy)


def make_plane(
    layout: Layout, kubernetes: str, version: str, binaries: Mapping[str, Path], baseline: Snapshot | None
) -> None:
    """Write everything that a supervisor needs to run a plane; its spec comes last, and makes it one.

    Args:
        layout: where; what lies there is gone already.
        kubernetes: the version as people choose it, "1.36".
        version: in full.
        binaries: the programs, by name.
        baseline: what etcd begins with. None begins empty: so a baseline is made.

    Raises:
        Infrastructure: there is no space for it.

    """
    from ckslab_labs.providers.embedded.pki import make_pki  # 60 ms that only the making of a plane needs

    private_dir(layout.root)
    require_space(layout)
    for folder in (layout.run, layout.logs, layout.kubernetes_dir, layout.manifests, layout.node / "var" / "log"):
        private_dir(folder)
    make_pki(layout.pki)
    write_atomic(layout.manifests / "kube-apiserver.yaml", default_manifest(version).encode())
    write_atomic(layout.run / "kwok.yaml", files(__package__).joinpath("kwok.yaml").read_bytes())
    if baseline is None:
        write_json(layout.fill, {})
    else:
        write_fill(baseline, layout)
    ports = Ports.free()
    write_kubeconfigs(layout, ports)
    PlaneSpec(kubernetes, ports, {name: str(path) for name, path in binaries.items()}).save(layout)
