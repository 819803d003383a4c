"""The progress file from outside: kills in the middle of a write, full disks, other versions, several writers."""

import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ckslab_labs.errors import Busy, Infrastructure, InvalidInput
from ckslab_labs.paths import state_home
from ckslab_labs.progress import store
from ckslab_labs.progress.attempt import Attempt
from ckslab_labs.progress.exam_taken import DomainScore, ExamTaken
from ckslab_labs.progress.schema import STEPS
from ckslab_labs.progress.store import ProgressFile

ATTEMPT = Attempt(
    scenario="open-door",
    version=1,
    provider="embedded",
    started="2026-01-01T10:00:00+00:00",
    ended="2026-01-01T10:02:41+00:00",
    seconds=161.0,
    outcome="passed",
    points=3,
    max_points=3,
    hints=1,
    solution=False,
)
EXAM = ExamTaken(
    seed=7,
    started="2026-01-01T10:00:00+00:00",
    ended="2026-01-01T11:50:00+00:00",
    minutes=120,
    seconds=6000,
    tasks=3,
    pass_percent=67,
    percent=72.5,
    outcome="passed",
    domains=(DomainScore("cluster-setup", 1, 100.0), DomainScore("runtime-security", 2, None)),
)
NEXT = (
    *STEPS,
    ("ALTER TABLE attempts ADD COLUMN mood TEXT NOT NULL DEFAULT 'fine'", "CREATE TABLE moods (id INTEGER)"),
)
"""The schema of a ckslab that is newer by one version."""

PROGRAM = """\
import sys
from dataclasses import replace
from pathlib import Path
from tests.labs.progress.test_store import ATTEMPT
from ckslab_labs.progress.store import ProgressFile
progress = ProgressFile(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    progress.record(replace(ATTEMPT, hints=number))
    print(number, flush=True)
"""


@pytest.fixture
def progress(tmp_path: Path) -> ProgressFile:
    """A file that is not there yet."""
    return ProgressFile(tmp_path / "state" / "progress.sqlite3")


def version(progress: ProgressFile) -> int:
    with closing(sqlite3.connect(progress.path)) as file:
        return int(file.execute("PRAGMA user_version").fetchone()[0])


def test_attempts_are_read_back_as_they_were_written_the_oldest_first(progress: ProgressFile) -> None:
    untold = replace(ATTEMPT, outcome="error", points=None, solution=True)
    progress.record(ATTEMPT)
    progress.record(untold)

    assert progress.attempts() == [ATTEMPT, untold]


def test_a_solution_that_was_shown_is_known_once(progress: ProgressFile) -> None:
    progress.solution_shown("open-door", "2026-01-01T10:00:00+00:00")
    progress.solution_shown("open-door", "2026-01-02T10:00:00+00:00")

    assert progress.solutions() == {"open-door"}


def test_exams_are_read_back_as_they_were_written_and_one_that_is_marked_twice_is_one(progress: ProgressFile) -> None:
    practice = replace(EXAM, seed=8, minutes=None, percent=None, outcome="error", ended="2026-01-02T10:00:00+00:00")
    progress.exam_taken(practice)
    progress.exam_taken(replace(EXAM, percent=1.0))
    progress.exam_taken(EXAM)

    assert progress.exams() == [EXAM, practice]
    assert progress.attempts() == []


def test_an_exam_that_somebody_has_changed_by_hand_is_told(progress: ProgressFile) -> None:
    progress.exam_taken(EXAM)
    with closing(sqlite3.connect(progress.path)) as file, file:
        file.execute("UPDATE exams SET domains = '[3]'")
    with pytest.raises(InvalidInput, match="an exam's domains are not as they were written"):
        progress.exams()


def test_where_there_is_no_file_there_is_no_progress_and_reading_makes_none(progress: ProgressFile) -> None:
    assert progress.attempts() == []
    assert progress.solutions() == frozenset()
    assert not progress.path.parent.exists()


def test_it_lies_in_the_state_folder_unless_told_otherwise() -> None:
    assert ProgressFile().path == state_home() / "progress.sqlite3"


def test_only_its_owner_can_read_it_and_what_lies_beside_it(progress: ProgressFile) -> None:
    before = os.umask(0)
    try:
        progress.record(ATTEMPT)
        with closing(sqlite3.connect(progress.path)) as reader:  # as long as it reads, there are a log and its index
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM attempts").fetchall()
            progress.record(ATTEMPT)
            modes = {path.name: path.stat().st_mode & 0o777 for path in progress.path.parent.iterdir()}
    finally:
        os.umask(before)

    assert modes == {
        "progress.sqlite3": 0o600,
        "progress.sqlite3-wal": 0o600,
        "progress.sqlite3-shm": 0o600,
        ".progress.sqlite3.lock": 0o600,
    }
    assert progress.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(progress: ProgressFile) -> None:
    progress.record(ATTEMPT)
    progress.path.chmod(0o644)
    progress.record(ATTEMPT)

    assert progress.path.stat().st_mode & 0o777 == 0o600


# --- kills and several writers ---------------------------------------------------------------------------------------


def writer(progress: ProgressFile, attempts: int) -> subprocess.Popen[str]:
    """A process that writes attempts, and says the number of each once it is written."""
    command = [sys.executable, "-c", PROGRAM, str(progress.path), str(attempts)]
    root = Path(__file__).parents[3]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)


@pytest.mark.parametrize("after", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08])
def test_what_was_written_survives_a_kill_at_any_moment(progress: ProgressFile, after: float) -> None:
    with writer(progress, 10_000) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(after)
        process.kill()
        said = [int(line) for line in [first, *process.stdout] if line.endswith("\n")]
    written = [attempt.hints for attempt in progress.attempts()]

    assert written[: len(said)] == said
    assert len(written) - len(said) in (0, 1)  # one may be written and not told
    assert written == list(range(len(written)))
    progress.record(ATTEMPT)
    assert progress.attempts()[-1] == ATTEMPT
    with closing(sqlite3.connect(progress.path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_kill_as_the_file_is_made_leaves_one_that_works(progress: ProgressFile) -> None:
    for after in (0.2, 0.22, 0.24, 0.26, 0.28, 0.3):
        progress.delete()
        with writer(progress, 1) as process:
            time.sleep(after)
            process.kill()
        before = progress.attempts()
        progress.record(ATTEMPT)
        assert progress.attempts() == [*before, ATTEMPT]
        assert len(before) <= 1


def test_several_writers_at_once_lose_nothing(progress: ProgressFile) -> None:
    writers = [writer(progress, 20) for _ in range(4)]
    for process in writers:
        assert process.communicate()[0].split() == [str(number) for number in range(20)]

    assert sorted(attempt.hints for attempt in progress.attempts()) == sorted([*range(20)] * 4)


def test_who_reads_does_not_wait_for_who_writes(progress: ProgressFile) -> None:
    progress.record(ATTEMPT)
    with closing(sqlite3.connect(progress.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM attempts")

        assert progress.attempts() == [ATTEMPT]


def test_a_file_that_somebody_keeps_locked_is_told_as_busy(
    progress: ProgressFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    progress.record(ATTEMPT)
    with closing(sqlite3.connect(progress.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy) as caught:
            progress.record(ATTEMPT)

    assert str(caught.value) == (
        f"cannot write your progress: {progress.path}: database is locked. "
        "Another program keeps it locked; try again when it has ended."
    )


# --- disks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    arguments = ["mount", "-t", "tmpfs", "-o", "size=128k", "ckslab-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(arguments, capture_output=True).returncode != 0:
        pytest.skip("a disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Take all the room there is on a disk, but for some bytes."""
    stuffing = folder / "stuffing"
    with stuffing.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 1024)
        except OSError:
            file.truncate(max(file.tell() - leave, 0))
    return stuffing


def record_for_ever(progress: ProgressFile) -> None:
    for _ in range(10_000):
        progress.record(ATTEMPT)


@pytest.mark.parametrize("leave", [0, 4096, 16384, 36864])
def test_on_a_full_disk_nothing_that_was_written_is_lost(tiny_disk: Path, leave: int) -> None:
    progress = ProgressFile(tiny_disk / "state" / "progress.sqlite3")
    progress.record(ATTEMPT)
    stuffing = fill(tiny_disk, leave)
    with pytest.raises(Infrastructure) as caught:
        record_for_ever(progress)
    read = progress.attempts()
    stuffing.unlink()
    progress.record(replace(ATTEMPT, outcome="failed"))

    assert caught.value.attempted == "write your progress"
    assert caught.value.seen.startswith(f"{progress.path}: ")
    assert caught.value.remedy == (
        "Free some space there, or choose another place with XDG_STATE_HOME; what was written before is still there."
    )
    assert read[0] == ATTEMPT
    assert progress.attempts() == [*read, replace(ATTEMPT, outcome="failed")]


def test_a_disk_that_is_full_from_the_beginning_is_a_clear_error(tiny_disk: Path) -> None:
    fill(tiny_disk)
    progress = ProgressFile(tiny_disk / "progress.sqlite3")
    with pytest.raises(Infrastructure, match=r"^cannot write your progress: "):
        progress.record(ATTEMPT)

    assert progress.attempts() == []


def test_a_limit_on_the_size_of_files_is_a_clear_error_too(progress: ProgressFile) -> None:
    progress.record(ATTEMPT)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(Infrastructure, match=r"^cannot write your progress: "):
            progress.record(ATTEMPT)
        assert progress.attempts() == [ATTEMPT]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    progress.record(ATTEMPT)
    assert progress.attempts() == [ATTEMPT, ATTEMPT]


def test_it_is_read_from_a_folder_that_nobody_can_write_to(progress: ProgressFile) -> None:
    progress.record(ATTEMPT)
    program = (
        "import sys; from pathlib import Path; from ckslab_labs.progress.store import ProgressFile\n"
        "print(len(ProgressFile(Path(sys.argv[1])).attempts()))"
    )
    for path in (progress.path.parent, *progress.path.parent.iterdir()):
        path.chmod(path.stat().st_mode & 0o555)
    try:
        command = [sys.executable, "-c", program, str(progress.path)]
        nobody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
        done = subprocess.run([*nobody, *command], capture_output=True, text=True)
    finally:
        progress.path.parent.chmod(0o700)

    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_folder_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    progress = ProgressFile(tmp_path / "state" / "progress.sqlite3")
    with pytest.raises(InvalidInput, match="cannot use the folder"):
        progress.record(ATTEMPT)

    assert progress.attempts() == []


@pytest.mark.parametrize(
    "content", [b"no database, and long enough to be seen as none" * 100, b"SQLite format 3\0half"]
)
def test_a_file_that_is_none_of_ours_is_named_and_left_alone(progress: ProgressFile, content: bytes) -> None:
    progress.path.parent.mkdir()
    progress.path.write_bytes(content)
    for attempted, call in (
        ("read your progress", progress.attempts),
        ("write your progress", lambda: progress.record(ATTEMPT)),
    ):
        with pytest.raises(InvalidInput) as caught:
            call()
        assert str(caught.value) == (
            f"cannot {attempted}: {progress.path}: file is not a database. Move the file away: a new one is begun."
        )
    assert progress.path.read_bytes() == content


def test_a_database_of_somebody_elses_is_named_and_left_alone(progress: ProgressFile) -> None:
    progress.path.parent.mkdir()
    with closing(sqlite3.connect(progress.path)) as file:
        file.execute("CREATE TABLE attempts (theirs TEXT)")
    for call in (progress.attempts, lambda: progress.record(ATTEMPT)):
        with pytest.raises(InvalidInput, match=r"table attempts already exists\. Move the file away"):
            call()
    with closing(sqlite3.connect(progress.path)) as file:
        assert file.execute("SELECT name FROM sqlite_master").fetchall() == [("attempts",)]


def test_a_folder_in_its_place_is_a_clear_error(progress: ProgressFile) -> None:
    progress.path.mkdir(parents=True)
    for call in (progress.attempts, lambda: progress.record(ATTEMPT), progress.delete):
        with pytest.raises(Infrastructure, match=str(progress.path)):
            call()


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_file_of_an_older_version_is_read_unchanged_and_brought_up_to_date_by_the_next_write(
    progress: ProgressFile,
) -> None:
    progress.record(ATTEMPT)
    newer = ProgressFile(progress.path, NEXT)

    assert newer.attempts() == [ATTEMPT]
    assert version(progress) == len(STEPS)
    newer.record(ATTEMPT)
    assert version(progress) == len(NEXT)
    assert newer.attempts() == [ATTEMPT, ATTEMPT]


def test_a_file_from_before_there_were_exams_has_none_until_one_is_written(progress: ProgressFile) -> None:
    ProgressFile(progress.path, STEPS[:1]).record(ATTEMPT)

    assert progress.exams() == []
    assert version(progress) == 1
    progress.exam_taken(EXAM)
    assert (progress.attempts(), progress.exams()) == ([ATTEMPT], [EXAM])
    assert ProgressFile(progress.path, STEPS[:1]).attempts() == [ATTEMPT]  # the older one reads what it knows


def test_a_file_of_a_newer_version_is_read_and_not_written(progress: ProgressFile) -> None:
    newer = ProgressFile(progress.path, NEXT)
    newer.record(ATTEMPT)
    newer.solution_shown("open-door", "2026-01-01T10:00:00+00:00")
    before = progress.path.read_bytes()

    assert progress.attempts() == [ATTEMPT]
    assert progress.solutions() == {"open-door"}
    with pytest.raises(InvalidInput) as caught:
        progress.record(ATTEMPT)
    assert str(caught.value) == (
        f"cannot write your progress: {progress.path} was written by a newer ckslab. "
        "Use the newest ckslab; the file is left as it is."
    )
    assert progress.path.read_bytes() == before


def test_a_newer_file_that_this_version_cannot_read_is_told_as_one(progress: ProgressFile) -> None:
    progress.record(ATTEMPT)
    with closing(sqlite3.connect(progress.path)) as file:
        file.execute("ALTER TABLE attempts RENAME TO runs")
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(InvalidInput) as caught:
        progress.attempts()

    assert str(caught.value) == (
        f"cannot read your progress: {progress.path} was written by a newer ckslab (no such table: attempts). "
        "Use the newest ckslab, or move the file away."
    )


def test_a_step_that_fails_is_not_half_taken(progress: ProgressFile) -> None:
    progress.record(ATTEMPT)
    broken = ProgressFile(
        progress.path, (*STEPS, ("CREATE TABLE moods (id INTEGER)", "CREATE TABLE moods (id INTEGER)"))
    )
    with pytest.raises(InvalidInput, match="table moods already exists"):
        broken.record(ATTEMPT)

    assert version(progress) == len(STEPS)
    progress.record(ATTEMPT)
    assert ProgressFile(progress.path, NEXT).attempts() == [ATTEMPT, ATTEMPT]


# --- deleting --------------------------------------------------------------------------------------------------------


def test_deleting_leaves_nothing_of_it(progress: ProgressFile) -> None:
    with writer(progress, 10_000) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()  # what a killed one leaves beside the file is deleted, too
    assert progress.delete()
    assert [path.name for path in progress.path.parent.iterdir()] == [".progress.sqlite3.lock"]
    assert progress.attempts() == []
    assert not progress.delete()


def test_a_file_that_cannot_be_read_can_be_deleted(progress: ProgressFile) -> None:
    progress.path.parent.mkdir()
    progress.path.write_text("no database")

    assert progress.delete()
    progress.record(ATTEMPT)
    assert progress.attempts() == [ATTEMPT]


def test_through_a_link_the_file_itself_is_written_and_deleted(progress: ProgressFile, tmp_path: Path) -> None:
    progress.path.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    progress.path.symlink_to(tmp_path / "elsewhere" / "mine.sqlite3")
    progress.record(ATTEMPT)

    assert progress.attempts() == [ATTEMPT]
    assert progress.delete()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not progress.path.is_symlink()
