"""What is written down of a session survives whatever happens to the command that writes it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from ckslab_labs.errors import InvalidInput
from ckslab_labs.session import Session, Sessions

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
