"""Manifests are read in name order, document by document; what is no manifest is told with its place."""

from pathlib import Path

import pytest

from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.manifests import read_manifests

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"
REMEDY = "A manifest needs apiVersion, kind and metadata.name as text."


def names(path: Path) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in read_manifests(path)]


def test_a_folder_is_read_in_name_order_without_its_sub_folders(tmp_path: Path) -> None:
    (tmp_path / "10-b.yaml").write_text(POD % "second" + "---\n" + POD % "third")
    (tmp_path / "00-a.yaml").write_text("---\n# nothing\n---\n" + POD % "first")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "answer.yaml").write_text("subjects: []\n")
    (tmp_path / "notes.txt").write_text("no YAML")
    assert names(tmp_path) == ["first", "second", "third"]


def test_a_single_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(POD % "only")
    assert read_manifests(tmp_path / "pod.yaml") == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "only"}}]


def test_lists_are_taken_apart_even_inside_one_another(tmp_path: Path) -> None:
    item = "{apiVersion: v1, kind: Pod, metadata: {name: %s}}"
    inner = f"{{apiVersion: v1, kind: PodList, items: [{item % 'b'}]}}"
    (tmp_path / "x.yaml").write_text(f"apiVersion: v1\nkind: List\nitems: [{item % 'a'}, {inner}]\n")
    assert names(tmp_path) == ["a", "b"]


def test_an_object_whose_kind_ends_in_list_is_no_list_without_items(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("apiVersion: example.test/v1\nkind: AllowList\nmetadata: {name: mine}\n")
    assert names(tmp_path) == ["mine"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("- a\n", "document 1 is not a mapping"),
        (POD % "a" + "---\nkind: Pod\n", "document 2 has no apiVersion"),
        ("apiVersion: v1\nkind: 7\n", "document 1 has no kind"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n", "document 1 has no metadata.name"),
        ("apiVersion: v1\nkind: List\nitems: [a]\n", "item 1 of document 1 is not a mapping"),
    ],
)
def test_a_document_that_is_no_manifest_is_refused(text: str, seen: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read_manifests(path)
    assert str(caught.value) == f"cannot read {path}: {seen}. {REMEDY}"


def test_a_file_is_called_as_the_reader_asks(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: NO")
    with pytest.raises(InvalidInput, match=r"^cannot read setup/x\.yaml: line 1, column 4: NO can be read"):
        read_manifests(tmp_path, "setup")


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret").write_text("token: x\n")
    link = tmp_path / "folder" / "x.yaml"
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidInput) as caught:
        read_manifests(tmp_path / "folder")
    assert str(caught.value) == f"cannot read {link}: it is a symbolic link. Put a readable file there."


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with pytest.raises(InvalidInput) as caught:
        read_manifests(path)
    assert str(caught.value) == f"cannot read {path}: no such file or directory. Put a readable file there."
