"""``ckslab exam`` from the first task to the report, on a real plane and as it would be typed."""

import asyncio
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.tui.driving import running, settle, shown, until

from ckslab_checker.play import play
from ckslab_labs.errors import ExitCode, InvalidInput
from ckslab_labs.exam import sitting as sittings
from ckslab_labs.lab import Lab
from ckslab_labs.progress.store import ProgressFile
from ckslab_labs.scenario.catalogue import bundled_root
from ckslab_labs.scenario.model import Action
from ckslab_tui.app.exam import ExamScreen
from ckslab_tui.app.terminal import TerminalPane
from ckslab_tui.cli.options import Settings
from ckslab_tui.cli.run import run
from ckslab_tui.exams import Exams, Wish
from ckslab_tui.service import LabService

Capture = pytest.CaptureFixture[str]
PLANE = ("--plane", "shared")
SEED = ("--seed", "5", "--domain", "cluster-hardening", "--tasks", "3")


@pytest.fixture
def plane(lab: Lab) -> Iterator[Lab]:
    """The shared plane, on which no exam is sat before and after."""
    lab.sessions.set_open(None)
    ProgressFile().delete()
    yield lab
    sittings.marked(lab.name)
    lab.sessions.set_open(None)


def exam(*words: str) -> int:
    return run(["exam", *words, *PLANE])


def document(capsys: Capture, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    exam(*words, "-o", "json")
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def solve(lab: Lab) -> None:
    """Play the reference fix of the task that is open."""
    session = lab.session()
    scenario = LabService(Settings(plane=lab.name)).scenarios(session).get(session.scenario_id)
    play([Action(apply="solution/")], scenario.folder, lab.objects, scenario.identities, session.files)


@pytest.mark.plane
def test_an_exam_from_the_first_task_to_the_report(plane: Lab, capsys: Capture) -> None:
    assert exam("start", *SEED, "--minutes", "30") == ExitCode.PASSED
    begun = document(capsys, "status")
    assert ([task["begun"] for task in begun["tasks"]], begun["open"]) == ([True, False, False], 1)
    assert 0 < begun["seconds_left"] <= 1800

    solve(plane)
    assert exam("task", "2") == ExitCode.PASSED
    assert re.match(r"Task 2 of 3 · 2\d min left\n", capsys.readouterr().out)
    assert exam("flag", "3") == ExitCode.PASSED
    assert [task["flagged"] for task in document(capsys, "status")["tasks"]] == [False, False, True]

    assert exam("hand-in", "--yes") == ExitCode.FAILED
    report = document(capsys, "report")
    assert [(task["percent"], task["begun"]) for task in report["tasks"]] == [(100.0, True), (0.0, True), (0.0, False)]
    assert (report["percent"], report["outcome"], report["seed"]) == (33.3, "failed", 5)
    assert [task["scenario"] for task in begun["tasks"]] == [task["scenario"] for task in report["tasks"]]
    (taken,) = ProgressFile().exams()
    assert (taken.seed, taken.tasks, taken.percent, taken.outcome) == (5, 3, 33.3, "failed")
    assert exam("report") == ExitCode.FAILED
    out = capsys.readouterr().out
    assert "Exam 5: 33.3 %, failed (pass at 67 %)" in out
    assert "task 3: " in out.replace("(not begun)", "")


@pytest.mark.plane
def test_nothing_helps_until_it_is_handed_in(plane: Lab, capsys: Capture) -> None:
    exam("start", *SEED, "--no-limit")
    for words in (
        ["check"],
        ["check", "--watch"],
        ["hint"],
        ["solution"],
        ["checkpoint"],
        ["reset", "--to-checkpoint"],
        ["start", "who-can-debug"],
        ["exam", "start"],
    ):
        capsys.readouterr()
        assert run([*words, *PLANE]) == ExitCode.USAGE, words
        assert "an exam is being sat on plane shared" in capsys.readouterr().err
    assert exam("shell", "2", "-c", "true") == ExitCode.USAGE
    assert "task 1 is open" in capsys.readouterr().err
    assert exam("shell", "1", "-c", "kubectl get namespaces") == ExitCode.PASSED
    assert document(capsys, "status")["seconds_left"] is None


@pytest.mark.plane
def test_marking_that_is_broken_off_is_begun_again(
    plane: Lab, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam("start", *SEED)
    solve(plane)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ckslab_checker.marking.check", interrupt)
        assert exam("hand-in", "--yes") == ExitCode.INTERRUPTED
    assert exam("task", "2") == ExitCode.USAGE
    assert "it is being marked" in capsys.readouterr().err
    assert exam("hand-in", "--yes") == ExitCode.FAILED
    assert document(capsys, "report")["tasks"][0]["percent"] == 100.0


@pytest.mark.plane
def test_tasks_of_a_pack_are_found_without_naming_it_again(plane: Lab, tmp_path: Path, capsys: Capture) -> None:
    pack = tmp_path / "ours"
    shutil.copytree(bundled_root() / "debug-rbac-update-kept", pack / "debug-rbac-update-kept")
    assert exam("start", *SEED[:4], "--tasks", "99", "--pack", str(pack)) == ExitCode.PASSED
    tasks = [task["scenario"] for task in document(capsys, "status")["tasks"]]
    ours = tasks.index("ours/debug-rbac-update-kept") + 1
    assert exam("task", str(ours)) == ExitCode.PASSED
    assert plane.session().scenario_id == "ours/debug-rbac-update-kept"


def test_without_an_exam_it_says_how_to_begin_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for verb in ("status", "task", "hand-in", "report"):
        assert run(["exam", verb]) == ExitCode.USAGE, verb
        assert "Run `ckslab exam start`" in capsys.readouterr().err
    assert run(["exam", "start", "--domain", "nonsense"]) == ExitCode.USAGE
    assert 'the curriculum has no domain "nonsense"' in capsys.readouterr().err
    assert run(["exam", "start", "--no-limit", "--minutes", "5"]) == ExitCode.USAGE
    assert run(["exam", "hand-im"]) == ExitCode.USAGE
    assert "did you mean 'hand-in'?" in capsys.readouterr().err


@pytest.mark.plane
def test_a_task_that_could_not_be_written_down_for_long_is_told(plane: Lab, capsys: Capture) -> None:
    exam("start", *SEED)
    plane.keep()
    capsys.readouterr()
    exam("status")
    assert "last written down" not in capsys.readouterr().err
    long_ago = time.time() - 400
    os.utime(plane.session().aside, (long_ago, long_ago))
    exam("status")
    assert "The open task was last written down 6 min ago" in capsys.readouterr().err


@pytest.mark.plane
def test_what_another_app_has_open_is_not_put_back(plane: Lab) -> None:
    first, second = (Exams(Settings(plane=plane.name)) for _ in range(2))
    first.begin(Wish(tasks=2, seed=5, domain="cluster-hardening"), lambda _: None)
    first.open(1, lambda _: None)
    second.open(2, lambda _: None)
    solve(plane)
    for attempt in (first.reset, first.shell):
        with pytest.raises(InvalidInput, match="another scenario was opened on plane shared"):
            attempt()
    first.open(1, lambda _: None)
    first.reset()
    marked = first.hand_in(lambda _: None)
    assert [task["outcome"] for task in marked["tasks"]] == ["failed", "passed"]


@pytest.mark.plane
@pytest.mark.asyncio
async def test_an_exam_in_the_app(plane: Lab) -> None:
    service = LabService(Settings(plane=plane.name))
    service.exams = Exams(Settings(plane=plane.name))
    async with running(service, size=(140, 40)) as pilot:
        await until(pilot, lambda: "Cluster Hardening" in shown(pilot))
        await pilot.app.push_screen(ExamScreen(service.exams, Wish(tasks=2, seed=5, domain="cluster-hardening")))
        await until(pilot, lambda: "Exam 5" in shown(pilot), seconds=60)
        await settle(pilot)
        await asyncio.to_thread(solve, plane)
        pane = pilot.app.screen.query_one(TerminalPane)
        await until(pilot, lambda: pane.running and pane.has_focus, seconds=30)
        await pilot.press("f6", "down", "enter")
        await until(pilot, lambda: "▸  2" in shown(pilot), seconds=60)
        await settle(pilot)
        await until(pilot, lambda: not pane.running)
        await pilot.press("f6", "d", "y")
        await until(pilot, lambda: "Exam 5: 50.0 %" in shown(pilot), seconds=60)
