"""The static-pod folder behaves as the kubelet's does, step by step, with a clock of our own."""

import shutil
from pathlib import Path

import pytest

from ckslab_labs.providers.embedded.static_pods import RELIST_SECONDS, ManifestFolder


@pytest.fixture
def folder(manifests: Path) -> ManifestFolder:
    """The folder after its first listing, at time 0."""
    folder = ManifestFolder(manifests)
    folder.look(0.0)
    return folder


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def flags(folder: ManifestFolder) -> dict[str, str]:
    assert folder.pod is not None
    return dict(folder.pod.flags)


def test_the_manifest_of_a_new_plane_is_the_pod_to_run(folder: ManifestFolder) -> None:
    assert folder.pod is not None
    assert folder.pod.file == "kube-apiserver.yaml"
    assert (folder.waiting, folder.problems) == ([], {})


def test_an_edit_gives_a_new_pod_at_once(folder: ManifestFolder, manifests: Path) -> None:
    before = folder.pod
    edit(manifests / "kube-apiserver.yaml", "Node,RBAC", "AlwaysAllow")
    folder.look(0.05)
    assert folder.pod != before
    assert flags(folder)["authorization-mode"] == "AlwaysAllow"


def test_a_comment_only_edit_gives_the_same_pod(folder: ManifestFolder, manifests: Path) -> None:
    before = folder.pod
    edit(manifests / "kube-apiserver.yaml", "kind: Pod", "# mine\nkind: Pod")
    folder.look(0.05)
    assert folder.pod == before


def test_with_broken_yaml_the_old_pod_goes_on_until_the_next_listing_drops_it(
    folder: ManifestFolder, manifests: Path
) -> None:
    before = folder.pod
    edit(manifests / "kube-apiserver.yaml", "kind: Pod", "kind: [Pod")
    folder.look(0.05)
    assert folder.pod == before
    assert "kube-apiserver.yaml: it is not valid YAML" in folder.problems["kube-apiserver.yaml"]
    folder.look(RELIST_SECONDS - 0.05)
    assert folder.pod == before
    folder.look(RELIST_SECONDS)
    assert folder.pod is None
    assert "kube-apiserver.yaml: it is not valid YAML" in folder.problems["kube-apiserver.yaml"]


def test_mended_yaml_runs_again_at_once(folder: ManifestFolder, manifests: Path) -> None:
    before = folder.pod
    edit(manifests / "kube-apiserver.yaml", "kind: Pod", "kind: [Pod")
    folder.look(RELIST_SECONDS)
    edit(manifests / "kube-apiserver.yaml", "kind: [Pod", "kind: Pod")
    folder.look(RELIST_SECONDS + 0.05)
    assert (folder.pod, folder.problems) == (before, {})


def test_a_backup_beside_the_manifest_waits_and_wins_over_the_next_edit(
    folder: ManifestFolder, manifests: Path
) -> None:
    shutil.copy(manifests / "kube-apiserver.yaml", manifests / "kube-apiserver.yaml.bak")
    folder.look(0.05)
    assert folder.pod is not None
    assert folder.pod.file == "kube-apiserver.yaml"
    assert folder.waiting == ["kube-apiserver.yaml.bak"]
    edit(manifests / "kube-apiserver.yaml", "Node,RBAC", "AlwaysAllow")
    folder.look(0.1)
    assert folder.pod.file == "kube-apiserver.yaml.bak"
    assert flags(folder)["authorization-mode"] == "Node,RBAC"
    assert folder.waiting == ["kube-apiserver.yaml"]
    folder.look(RELIST_SECONDS + 1)
    assert folder.pod.file == "kube-apiserver.yaml.bak"


def test_without_the_backup_the_edit_runs(folder: ManifestFolder, manifests: Path) -> None:
    backup = manifests / "kube-apiserver.yaml.bak"
    shutil.copy(manifests / "kube-apiserver.yaml", backup)
    folder.look(0.05)
    edit(manifests / "kube-apiserver.yaml", "Node,RBAC", "AlwaysAllow")
    folder.look(0.1)
    backup.unlink()
    folder.look(0.15)
    assert flags(folder)["authorization-mode"] == "AlwaysAllow"
    assert folder.waiting == []


@pytest.mark.parametrize("name", [".kube-apiserver.yaml.swp", "old/kube-apiserver.yaml"])
def test_dot_files_and_subfolders_are_not_read(folder: ManifestFolder, manifests: Path, name: str) -> None:
    (manifests / name).parent.mkdir(exist_ok=True)
    (manifests / name).write_text("kind: [broken")
    folder.look(RELIST_SECONDS)
    assert folder.pod is not None
    assert (folder.waiting, folder.problems) == ([], {})


def test_a_manifest_that_is_gone_is_no_pod(folder: ManifestFolder, manifests: Path) -> None:
    away = manifests.parent / "kube-apiserver.yaml"
    (manifests / "kube-apiserver.yaml").rename(away)
    folder.look(0.05)
    assert folder.pod is None
    away.rename(manifests / "kube-apiserver.yaml")
    folder.look(0.1)
    assert folder.pod is not None


def test_a_folder_that_is_gone_holds_no_pod(folder: ManifestFolder, manifests: Path) -> None:
    manifests.rename(manifests.parent / "elsewhere")
    folder.look(0.05)
    assert folder.pod is None
    (manifests.parent / "elsewhere").rename(manifests)
    folder.look(0.1)
    assert folder.pod is not None


def test_a_dangling_link_in_the_folder_is_not_read(folder: ManifestFolder, manifests: Path) -> None:
    (manifests / "link.yaml").symlink_to("nowhere")
    folder.look(0.05)
    assert folder.pod is not None
    assert (folder.waiting, folder.problems) == ([], {})
