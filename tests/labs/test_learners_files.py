"""What a learner wrote is kept, whatever is laid out over it."""

from pathlib import Path

from ckslab_labs.learners_files import lay_out_files, put_files, with_files_of
from ckslab_labs.session import Session
from ckslab_labs.snapshot.files import MAX_TOTAL
from ckslab_labs.snapshot.snapshot import Snapshot

GIVEN = {"answer.yaml": b"subjects: []\n", "rules/falco.yaml": b"- rule: x\n"}
"""A scenario's files."""


def test_files_are_laid_out_for_the_learner(tmp_path: Path) -> None:
    assert lay_out_files(GIVEN, tmp_path / "files", tmp_path / "kept") is None
    assert (tmp_path / "files" / "rules" / "falco.yaml").read_text() == "- rule: x\n"
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700


def test_untouched_files_are_not_kept_twice(tmp_path: Path) -> None:
    lay_out_files(GIVEN, tmp_path / "files", tmp_path / "kept")
    assert lay_out_files(GIVEN, tmp_path / "files", tmp_path / "kept") is None
    assert not (tmp_path / "kept").exists()


def test_what_the_learner_wrote_is_kept_each_time(tmp_path: Path) -> None:
    files, kept = tmp_path / "files", tmp_path / "kept"
    lay_out_files(GIVEN, files, kept)
    for text in ("first", "second"):
        (files / "answer.yaml").write_text(text)
        moved = lay_out_files(GIVEN, files, kept)
        assert moved is not None
        assert (moved / "answer.yaml").read_text() == text
        assert (files / "answer.yaml").read_text() == "subjects: []\n"
    assert sorted(path.read_text() for path in kept.rglob("answer.yaml")) == ["first", "second"]


def test_links_that_a_learner_made_are_kept_as_links(tmp_path: Path) -> None:
    files, kept = tmp_path / "files", tmp_path / "kept"
    lay_out_files(GIVEN, files, kept)
    (files / "answer.yaml").write_text("mine")
    (files / "dangling").symlink_to("nowhere")
    (files / "circle").symlink_to(".")
    moved = lay_out_files(GIVEN, files, kept)
    assert moved is not None
    assert (moved / "circle").is_symlink()
    assert not (files / "circle").exists()


def test_a_file_in_the_place_of_a_folder_is_kept(tmp_path: Path) -> None:
    files, kept = tmp_path / "files", tmp_path / "kept"
    files.mkdir()
    (files / "rules").write_text("mine")
    moved = lay_out_files(GIVEN, files, kept)
    assert moved is not None
    assert (moved / "rules").read_text() == "mine"
    assert (files / "rules" / "falco.yaml").read_bytes() == GIVEN["rules/falco.yaml"]


def session(folder: Path) -> Session:
    return Session("s", None, 1, "2026-01-01T00:00:00+00:00", folder, folder / "kubeconfig")


def test_a_snapshot_holds_the_files_of_a_session_and_nobodys_without_one(tmp_path: Path) -> None:
    lay_out_files(GIVEN, tmp_path / "files", tmp_path / "kept")
    assert with_files_of(session(tmp_path), Snapshot({})).learner == GIVEN
    assert with_files_of(None, Snapshot({})).learner is None


def test_files_that_are_too_large_to_keep_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "core").write_bytes(b"x" * (MAX_TOTAL + 1))
    kept = with_files_of(session(tmp_path), Snapshot({}))
    assert kept.learner is None
    told: list[str] = []
    put_files(kept.learner, tmp_path, told.append)
    assert (tmp_path / "files" / "core").stat().st_size == MAX_TOTAL + 1
    assert told == []
