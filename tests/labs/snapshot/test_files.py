"""Folders as part of a snapshot."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ckslab_labs.errors import InvalidInput
from ckslab_labs.snapshot.files import MAX_TOTAL, capture_files, files_differ, restore_files

FILES = {"manifests/kube-apiserver.yaml": b"kind: Pod\n", "audit/policy.yaml": b"rules: []\n"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with two files."""
    root = tmp_path / "kubernetes"
    restore_files(FILES, root)
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_capture_holds_the_regular_files(root: Path) -> None:
    (root / "link").symlink_to("/etc/passwd")
    assert capture_files(root) == FILES


def test_a_missing_folder_is_an_empty_one(tmp_path: Path) -> None:
    assert capture_files(tmp_path / "missing") == {}
    assert not files_differ({}, tmp_path / "missing")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "an edit": lambda root: (root / "audit/policy.yaml").write_text("rules: [x]"),
    "a new file": lambda root: (root / "manifests/kube-apiserver.yaml.bak").write_text("kind: Pod"),
    "a file that is gone": lambda root: (root / "audit/policy.yaml").unlink(),
    "a folder that is gone": lambda root: shutil.rmtree(root / "manifests"),
    "a link": lambda root: (root / "link").symlink_to("/etc/passwd"),
    "a file that became a link": lambda root: _swap(root / "audit/policy.yaml", "link"),
    "a file that became a folder": lambda root: _swap(root / "audit/policy.yaml", "folder"),
    "a folder that became a file": lambda root: _swap(root / "audit", "file"),
    "a folder that became a link": lambda root: _swap(root / "audit", "link"),
}


def _swap(path: Path, what: str) -> None:
    moved = path.parents[1] / "outside"
    path.rename(moved)
    if what == "link":
        path.symlink_to(moved)
    elif what == "folder":
        (path / "deep").mkdir(parents=True)
        (path / "deep" / "file").touch()
    else:
        path.write_text("file")


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_damage_is_seen_and_put_right(root: Path, damage: str) -> None:
    assert not files_differ(FILES, root)
    DAMAGE[damage](root)
    assert files_differ(FILES, root)
    restore_files(FILES, root)
    assert not files_differ(FILES, root)
    assert contents(root) == FILES


def test_what_a_link_leads_to_is_neither_kept_nor_changed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("mine")
    (root / "audit" / "policy.yaml").unlink()
    (root / "audit" / "policy.yaml").symlink_to(outside)
    restore_files(FILES, root)
    assert outside.read_text() == "mine"


def test_files_that_are_too_large_are_not_kept(root: Path) -> None:
    with (root / "audit" / "audit.log").open("wb") as file:
        file.truncate(MAX_TOTAL + 1)
    with pytest.raises(InvalidInput) as caught:
        capture_files(root)
    assert caught.value.seen == "there are more than 16 MiB"
