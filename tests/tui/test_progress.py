"""``ckslab progress``, and what is written down on the way to it."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.labs.progress.test_store import ATTEMPT, EXAM
from tests.tui.fakes import ENTRY, OTHER, report, result

from ckslab_checker.marking import ExamReport, Marked
from ckslab_checker.outcome import Outcome
from ckslab_labs.errors import ExitCode
from ckslab_labs.progress.exam_taken import DomainScore
from ckslab_labs.progress.store import ProgressFile
from ckslab_labs.session import Session
from ckslab_tui.cli.run import run
from ckslab_tui.records import Records
from ckslab_tui.service import LabService
from ckslab_tui.views import Catalogue

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch

KEPT = "debug-rbac-update-kept"
PASS = replace(ATTEMPT, scenario=KEPT, version=99, points=4, max_points=4)
FAIL = replace(PASS, outcome="failed", points=0, seconds=30.0, hints=0)
UNTOLD = replace(PASS, outcome="error", points=None, hints=2, solution=True)


@pytest.fixture
def progress() -> ProgressFile:
    """The learner's own, with three attempts."""
    file = ProgressFile()
    for attempt in (FAIL, UNTOLD, PASS):
        file.record(attempt)
    return file


@pytest.fixture
def two_scenarios(monkeypatch: Patch) -> None:
    """Few enough to be read in a test."""
    monkeypatch.setattr(LabService, "catalogue", lambda self: self.records.into(Catalogue((ENTRY, OTHER))))


@pytest.mark.usefixtures("two_scenarios")
def test_progress_is_told_by_domain_of_the_curriculum(capsys: Capture) -> None:
    file = ProgressFile()
    file.record(replace(PASS, scenario=ENTRY.id, outcome="failed", points=1, max_points=3))
    file.record(replace(PASS, scenario=ENTRY.id, points=3, max_points=3))

    assert run(["progress"]) == ExitCode.PASSED
    assert capsys.readouterr().out == (
        "Cluster Setup · 15 % of the exam · no scenario yet\n"
        "\n"
        "Cluster Hardening · 15 % of the exam · 1 of 1 passed · 3 of 3 points\n"
        "  open-door  passed    3/3 points  2 attempts   best time 2:41\n"
        "\n"
        "System Hardening · 10 % of the exam · 0 of 1 passed · 0 of 5 points\n"
        "  old-key    new         5 points\n"
        "\n"
        "Minimize Microservice Vulnerabilities · 20 % of the exam · no scenario yet\n"
        "\n"
        "Supply Chain Security · 20 % of the exam · no scenario yet\n"
        "\n"
        "Monitoring, Logging and Runtime Security · 20 % of the exam · no scenario yet\n"
        "\n"
        "1 of 2 scenarios passed\n"
    )


def test_progress_as_json_holds_every_domain_and_scenario(progress: ProgressFile, capsys: Capture) -> None:
    assert run(["progress", "-o", "json"]) == ExitCode.PASSED
    document = json.loads(capsys.readouterr().out)
    kept = next(each for each in document["scenarios"] if each["id"] == KEPT)

    assert sum(domain["weight"] for domain in document["domains"]) == 100
    assert sum(domain["passed"] for domain in document["domains"]) == 1
    assert {key: kept[key] for key in ("state", "points", "max_points", "best_seconds", "attempts")} == {
        "state": "passed",
        "points": 4,
        "max_points": 4,
        "best_seconds": 161.0,
        "attempts": 3,
    }


def test_the_history_is_told_attempt_by_attempt(progress: ProgressFile, monkeypatch: Patch, capsys: Capture) -> None:
    monkeypatch.setenv("TZ", "UTC")
    progress.record(replace(PASS, scenario="pack/other"))

    assert run(["progress", "--history", KEPT]) == ExitCode.PASSED
    assert capsys.readouterr().out == (
        f"2026-01-01 10:02  {KEPT}  failed            0/4 points      0:30  embedded\n"
        f"2026-01-01 10:02  {KEPT}  could not tell    -/4 points      2:41  embedded  2 hints, solution\n"
        f"2026-01-01 10:02  {KEPT}  passed            4/4 points      2:41  embedded  1 hint\n"
    )
    assert run(["progress", "--history", "-o", "json"]) == ExitCode.PASSED
    assert json.loads(capsys.readouterr().out)["attempts"][1] == UNTOLD.as_dict()


@pytest.mark.usefixtures("two_scenarios")
def test_exams_are_told_with_the_progress_and_in_the_history(monkeypatch: Patch, capsys: Capture) -> None:
    monkeypatch.setenv("TZ", "UTC")
    file = ProgressFile()
    file.exam_taken(replace(EXAM, seed=5, minutes=None, percent=33.3, outcome="failed", started="2026-01-01"))
    file.exam_taken(EXAM)

    assert run(["progress"]) == ExitCode.PASSED
    assert capsys.readouterr().out.endswith(
        "0 of 2 scenarios passed\n"
        "\n"
        "2 exams, 1 passed; the last one: 2026-01-01 11:50, passed with 72.5 %\n"
        "   100.0 %  Cluster Setup (1 task)\n"
        "  no score  Monitoring, Logging and Runtime Security (2 tasks)\n"
    )
    assert run(["progress", "--history"]) == ExitCode.PASSED
    assert capsys.readouterr().out == (
        "2026-01-01 11:50  exam 5  failed            33.3 %  3 tasks  1 h 40 min no limit\n"
        "2026-01-01 11:50  exam 7  passed            72.5 %  3 tasks  1 h 40 min of 2 h 00 min\n"
    )
    for words in (["progress"], ["progress", "--history"]):
        assert run([*words, "-o", "json"]) == ExitCode.PASSED
        assert json.loads(capsys.readouterr().out)["exams"][1] == {
            "seed": 7,
            "started": "2026-01-01T10:00:00+00:00",
            "ended": "2026-01-01T11:50:00+00:00",
            "minutes": 120.0,
            "seconds": 6000.0,
            "tasks": 3,
            "pass_percent": 67,
            "percent": 72.5,
            "outcome": "passed",
            "domains": [
                {"id": "cluster-setup", "tasks": 1, "percent": 100.0},
                {"id": "runtime-security", "tasks": 2, "percent": None},
            ],
        }
    assert run(["progress", "--delete", "--yes"]) == ExitCode.PASSED
    assert file.exams() == []


def test_an_exam_is_written_down_from_its_report_and_where_that_fails_it_is_a_remark(
    break_progress: Callable[[], Callable[[], None]],
) -> None:
    document = ExamReport(7, "2026-01-01T10:00:00+00:00", 120, 60.0, 67, (Marked(1, ENTRY.id, "x", None),)).as_dict()
    records = Records()
    records.exam_taken(document)
    (taken,) = records.file.exams()
    assert (taken.seed, taken.tasks, taken.seconds, taken.percent, taken.outcome) == (7, 1, 60.0, 0.0, "failed")
    assert taken.domains == (DomainScore("x", 1, 0.0),)
    assert records.into(Catalogue((ENTRY,))).exams == (taken,)

    records.file.delete()
    break_progress()
    records.exam_taken(document)
    assert records.remarks[0].startswith("This exam is not in your progress: ")


def test_a_history_of_nothing_says_so_and_one_of_no_scenario_is_refused(capsys: Capture) -> None:
    assert run(["progress", "--history", KEPT]) == ExitCode.PASSED
    assert capsys.readouterr() == ("", "There was no attempt yet.\n")
    assert run(["progress", "--history", KEPT[:-1]]) == ExitCode.USAGE
    assert f'Did you mean "{KEPT}"?' in capsys.readouterr().err


def test_attempts_at_a_scenario_that_is_gone_are_still_there(capsys: Capture) -> None:
    ProgressFile().record(replace(PASS, scenario="pack/gone"))

    assert run(["progress", "--history", "pack/gone"]) == ExitCode.PASSED
    assert "pack/gone  passed" in capsys.readouterr().out


def test_what_a_file_holds_is_only_text(capsys: Capture) -> None:
    hostile = "\x1b]0;title\x07 \x1b[2J\nx"
    ProgressFile().record(replace(PASS, scenario=hostile, outcome=hostile, provider=hostile, ended=hostile))

    assert run(["progress", "--history"]) == ExitCode.PASSED
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert not re.search("[\x1b\x07]", out)


def test_an_export_holds_everything_and_overwrites_nothing_unasked(
    progress: ProgressFile, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "mine.json"
    progress.solution_shown(KEPT, "2026-01-01T10:00:00+00:00")
    progress.exam_taken(EXAM)

    assert run(["progress", "--export", str(file)]) == ExitCode.PASSED
    assert capsys.readouterr().out == f"{file}: 3 attempts, 1 exam\n"
    document = json.loads(file.read_text())
    assert document["attempts"] == [each.as_dict() for each in (FAIL, UNTOLD, PASS)]
    assert document["exams"] == [EXAM.as_dict()]
    assert document["solutions"] == [KEPT]
    assert file.stat().st_mode & 0o777 == 0o600

    file.write_text("mine")
    assert run(["progress", "--export", str(file)]) == ExitCode.USAGE
    assert capsys.readouterr().err == (
        f"ckslab: cannot write your progress to {file}: it is there already\nName another file, or add --force.\n"
    )
    assert file.read_text() == "mine"
    assert run(["progress", "--export", str(file), "--force"]) == ExitCode.PASSED
    assert json.loads(file.read_text())["kind"] == "Progress"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_an_export_replaces_nothing_but_a_file(tmp_path: Path, force: list[str], capsys: Capture) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in (".", "pipe", "dangling"):
        assert run(["progress", "--export", str(tmp_path / name), *force]) == ExitCode.USAGE
        assert "it is no plain file" in capsys.readouterr().err
    assert (tmp_path / "pipe").is_fifo()


def test_an_export_that_fails_leaves_nothing(tmp_path: Path, capsys: Capture) -> None:
    ProgressFile().path.parent.mkdir(parents=True)
    ProgressFile().path.write_text("no database")

    assert run(["progress", "--export", str(tmp_path / "mine.json")]) == ExitCode.USAGE
    assert "file is not a database" in capsys.readouterr().err
    assert run(["progress", "--export", str(tmp_path / "no" / "mine.json")]) == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []


def test_deleting_is_done_only_after_yes(progress: ProgressFile, monkeypatch: Patch, capsys: Capture) -> None:
    assert run(["progress", "--delete"]) == ExitCode.USAGE
    assert "nobody is there to confirm it\nSay --yes.\n" in capsys.readouterr().err
    assert progress.path.exists()
    assert run(["progress", "--delete", "--yes"]) == ExitCode.PASSED
    assert run(["progress", "--delete", "--yes", "-o", "json"]) == ExitCode.PASSED
    assert capsys.readouterr().out == 'your progress is deleted\n{\n  "deleted": false\n}\n'
    assert not progress.path.exists()


@pytest.mark.parametrize(
    ("answer", "code", "there"), [(b"n\n", ExitCode.USAGE, True), (b"y\n", ExitCode.PASSED, False)]
)
def test_a_person_is_asked(progress: ProgressFile, answer: bytes, code: ExitCode, there: bool) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ckslab_tui", "progress", "--delete"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asked:
        os.write(ours, answer)
        _, err = asked.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)

    assert "Delete your progress? [y/N]" in err
    assert asked.returncode == code
    assert progress.path.exists() is there


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([KEPT], "ID is for --history"),
        (["--force"], "--force is for --export"),
        (["--history", "--yes"], "--yes is for --delete"),
        (["--history", "--delete", "--yes"], "choose one of --history and --delete"),
        (["--export", "x", "--delete"], "choose one of --export and --delete"),
    ],
)
def test_what_means_nothing_is_refused(arguments: list[str], said: str, capsys: Capture) -> None:
    assert run(["progress", *arguments]) == ExitCode.USAGE
    assert capsys.readouterr() == ("", f"ckslab: {said}\nSee 'ckslab progress --help'.\n")


def test_progress_that_cannot_be_read_is_an_error_here_and_none_of_the_list(capsys: Capture) -> None:
    file = ProgressFile()
    file.path.parent.mkdir(parents=True)
    file.path.write_text("no database")

    for words in ([], ["--history"]):
        assert run(["progress", *words]) == ExitCode.USAGE
        assert capsys.readouterr() == (
            "",
            f"ckslab: cannot read your progress: {file.path}: file is not a database\n"
            "Move the file away: a new one is begun.\n",
        )
    assert run(["list"]) == ExitCode.PASSED
    assert Records().into(Catalogue((ENTRY,))).remark.startswith("cannot read your progress: ")


# --- what is written down ---------------------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """One that began at ten."""
    began = "2026-01-01T10:00:00+00:00"
    session = Session(ENTRY.id, None, 1, began, tmp_path, tmp_path / "kubeconfig", hints=2, since=began)
    session.save()
    return session


ASKED = "2026-01-01T10:00:30+00:00"
PASSED = report(result(0, Outcome.PASSED), result(1, Outcome.PASSED))


def test_a_run_of_the_checks_is_written_down_as_an_attempt(session: Session) -> None:
    records = Records()
    records.attempt(session, ASKED, report(result(0, Outcome.FAILED), result(1, Outcome.PASSED)))
    records.solution_shown(ENTRY.id)
    records.attempt(session, ASKED, report(result(0, Outcome.ERROR), result(1, Outcome.PASSED)))
    common = replace(
        ATTEMPT, scenario=ENTRY.id, provider="fake", started=session.started, ended=ASKED, seconds=30.0, hints=2
    )

    assert records.file.attempts() == [
        replace(common, outcome="failed", points=0),
        replace(common, outcome="error", points=None, solution=True),
    ]
    assert records.remarks == ()


def test_what_was_checked_by_itself_counts_when_it_is_the_first_to_pass(session: Session) -> None:
    records, failed = Records(), report(result(0, Outcome.FAILED), result(1, Outcome.PASSED))
    for ended in (failed, PASSED, PASSED, failed, PASSED):
        records.attempt(session, ASKED, ended, asked=False)
    assert [attempt.outcome for attempt in records.file.attempts()] == ["passed"]

    again = replace(session, started=ASKED, since=ASKED)
    records.attempt(again, ASKED, PASSED)
    records.attempt(again, ASKED, PASSED, asked=False)
    records.attempt(again, ASKED, PASSED)
    assert [attempt.started for attempt in records.file.attempts()] == [session.started, ASKED, ASKED]


def test_where_nothing_counts_nothing_is_written(session: Session) -> None:
    Records(counts=False).attempt(session, ASKED, PASSED)

    assert not ProgressFile().path.exists()


def test_what_cannot_be_written_is_a_remark_and_goes_with_the_next_that_can(
    session: Session, break_progress: Callable[[], Callable[[], None]]
) -> None:
    records = Records()
    mend = break_progress()
    attempted = records.attempted(session)
    records.attempt(attempted, ASKED, PASSED)
    assert records.remarks == (
        f"This attempt is not in your progress: cannot read your progress: {records.file.path}: "
        "file is not a database. Move the file away: a new one is begun.",
    )
    assert "This attempt is not in your progress: " in records.into(Catalogue((ENTRY,))).remark
    records.solution_shown(ENTRY.id)
    assert records.remarks[0].startswith("That you saw it is not in your progress: ")
    mend()
    again = records.attempted(attempted)
    records.attempt(again, ASKED, PASSED)
    assert list(records.remarks) == []


@pytest.fixture
def break_progress() -> Callable[[], Callable[[], None]]:
    """Puts something else in the place of the file; gives what takes it away."""

    def broken() -> Callable[[], None]:
        path = ProgressFile().path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("no database")
        return path.unlink

    return broken


def test_a_session_that_cannot_be_written_is_checked_all_the_same(session: Session, tmp_path: Path) -> None:
    records = Records()
    gone = replace(session, folder=tmp_path / "gone")

    assert records.attempted(gone) is gone
    records.attempt(gone, ASKED, PASSED)
    assert records.remarks == (
        f"This attempt is not counted in its session: cannot write {tmp_path}/gone/session.json: No such file or "
        "directory. Free some space or choose another place with XDG_STATE_HOME; nothing was lost.",
    )
    assert len(records.file.attempts()) == 1
