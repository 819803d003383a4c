"""A node's file system to try manifests in, without a plane."""

from pathlib import Path

import pytest

from ckslab_labs.providers.embedded.manifest import default_manifest


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A static-pod folder with the manifest that a plane begins with."""
    folder = tmp_path / "node" / "etc" / "kubernetes" / "manifests"
    folder.mkdir(parents=True)
    (folder / "kube-apiserver.yaml").write_text(default_manifest("1.36.3"))
    return folder
