"""An etcd of its own, with the flags of a plane: nobody else has to keep up with what is written there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.labs.helpers import eventually

from ckslab_labs.binaries.locate import ensure
from ckslab_labs.paths import private_dir
from ckslab_labs.providers.embedded import processes
from ckslab_labs.providers.embedded.components import ETCD, command
from ckslab_labs.providers.embedded.layout import Layout, PlaneSpec, Ports
from ckslab_labs.providers.embedded.pki import make_pki
from ckslab_labs.snapshot.etcd import Etcd


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[[], Etcd]]:
    """Gives clients of a new etcd."""
    layout = Layout(tmp_path / "etcd")
    for folder in (layout.root, layout.logs, layout.pki.parent):
        private_dir(folder)
    make_pki(layout.pki)
    spec = PlaneSpec("1.36", Ports.free(), {"etcd": str(ensure(["etcd"], "1.36", lambda _: None)["etcd"])})
    process = processes.start(command(ETCD, spec, layout), layout.log(ETCD), {}, layout.root)
    try:
        eventually(Etcd(spec.ports.etcd, layout.pki / "etcd").healthy)
        yield lambda: Etcd(spec.ports.etcd, layout.pki / "etcd")
    finally:
        processes.end(process)
