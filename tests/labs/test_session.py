"""What is written down of a session survives whatever happens to the command that writes it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ckslab_labs.errors import InvalidInput
from ckslab_labs.session import Session, Sessions, lay_out_files

PROGRAM = """\
import sys
from pathlib import Path
from ckslab_labs.session import Session
session = Session.load(Path(sys.argv[1]))
session = session.used_hint(session.attempts)  # what a kill between the two has left
print("go", flush=True)
while True:
    session = session.attempted()
    session = session.used_hint(session.attempts)
"""


@pytest.fixture
def session() -> Session:
    """A session that is open on plane `default`."""
    sessions = Sessions("default")
    folder = sessions.folder("open-door")
    folder.mkdir()
    session = Session("open-door", None, 1, "2026-01-01T00:00:00+00:00", folder, folder / "kubeconfig")
    session.save()
    sessions.set_open(session)
    return session


def test_a_session_is_read_back_as_it_was_written(session: Session) -> None:
    assert Sessions("default").open() == session
    assert Sessions("other").open() is None


def test_hints_count_by_the_highest_tier_and_attempts_one_by_one(session: Session) -> None:
    used = session.used_hint(2).used_hint(1).attempted().attempted()
    assert (used.hints, used.attempts) == (2, 2)
    assert Session.load(session.folder) == used


def test_hints_and_attempts_survive_a_kill_between_two_writes(session: Session) -> None:
    before = session
    for after in (0.003, 0.01, 0.02, 0.05):
        with subprocess.Popen([sys.executable, "-c", PROGRAM, session.folder], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"go\n"
            time.sleep(after)
            process.kill()
        now = Session.load(session.folder)
        assert now.attempts >= before.attempts
        assert now.hints in (now.attempts, now.attempts - 1)
        before = now
    assert before.attempts > 0


@pytest.mark.parametrize("name", ["session.json", "open-door.json"])
def test_a_file_that_is_not_ours_is_named(session: Session, name: str) -> None:
    path = session.folder / name if name == "session.json" else session.folder.parent / "open.json"
    path.write_text("{half")
    with pytest.raises(InvalidInput) as caught:
        Sessions("default").open()
    assert caught.value.attempted == f"read {path}"
    assert caught.value.remedy == "Move it away and try again."


def test_the_session_of_a_pack_has_a_folder_of_one_name() -> None:
    sessions = Sessions("default")
    assert sessions.folder("pack/open-door") == sessions.home / "pack--open-door"


# --- the clock ---


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the time to some minutes after ten o'clock."""

    def set_to(minutes: int) -> None:
        monkeypatch.setattr("ckslab_labs.session.now", lambda: at(minutes))

    set_to(0)
    return set_to


def at(minutes: int) -> str:
    return f"2026-01-01T{10 + minutes // 60}:{minutes % 60:02}:00+00:00"


def test_the_clock_counts_from_the_start_and_not_while_put_aside(
    session: Session, clock: Callable[[int], None]
) -> None:
    begun = session.begun_again()
    assert begun.seconds(at(5)) == 300
    clock(10)
    aside = begun.paused()
    assert aside.seconds(at(90)) == 600
    clock(60)
    again = aside.gone_on()

    assert again.seconds(at(61)) == 660
    assert Session.load(session.folder) == again
    assert again.started == at(0)


def test_a_fresh_start_or_a_reset_sets_the_clock_to_nothing(session: Session, clock: Callable[[int], None]) -> None:
    session.begun_again().paused()
    clock(30)
    again = Session.load(session.folder).begun_again()

    assert (again.started, again.seconds(at(31))) == (at(30), 60)


def test_a_session_that_was_not_put_aside_goes_on_with_its_clock(
    session: Session, clock: Callable[[int], None]
) -> None:
    begun = session.begun_again()
    clock(7)

    assert begun.gone_on().seconds(at(8)) == 480


def test_a_clock_on_the_wall_that_was_put_back_takes_nothing_away(session: Session) -> None:
    assert replace(session, worked=60.0, since=at(30)).seconds(at(10)) == 60


def test_a_session_of_an_older_ckslab_counts_from_its_start(session: Session) -> None:
    path = session.folder / "session.json"
    value = json.loads(path.read_text())
    del value["worked"], value["since"]
    path.write_text(json.dumps(value))

    assert Session.load(session.folder).seconds("2026-01-01T00:01:00+00:00") == 60


# --- learner's files ---


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
