"""What one component's end means: its own fault, and then a pause that grows, or somebody else's, and then none."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ckslab_labs.providers.embedded.runner import KUBELET, OURS, Runner


def ended(runner: Runner, folder: Path, program: str, kill: int | None = None) -> Runner:
    """The runner after one run of a small Python program, killed by a signal or not."""
    runner.start([sys.executable, "-c", program], dict(os.environ), folder)
    assert runner.process is not None
    if kill is not None:
        runner.process.send_signal(kill)
    runner.process.wait(10)
    runner.watch()
    return runner


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner("kube-apiserver", tmp_path / "log", KUBELET)


def test_pauses_are_the_kubelets() -> None:
    assert [KUBELET.pause(failures) for failures in range(9)] == [0, 0, 10, 20, 40, 80, 160, 300, 300]
    assert [OURS.pause(failures) for failures in range(4)] == [0, 0, 0.2, 0.4]


def test_a_program_that_fails_twice_is_in_a_crash_loop_with_its_last_words(runner: Runner, tmp_path: Path) -> None:
    program = "import sys; print('Error: bad flag', file=sys.stderr); sys.exit(1)"
    assert ended(runner, tmp_path, program).may_start()
    assert not ended(runner, tmp_path, program).may_start()
    assert (runner.state, runner.failures) == ("crash-loop", 2)
    assert runner.reason == "exit status 1: Error: bad flag"


def test_last_words_are_those_of_the_last_run(runner: Runner, tmp_path: Path) -> None:
    ended(runner, tmp_path, "print('Error: first'); raise SystemExit(1)")
    ended(runner, tmp_path, "raise SystemExit(1)")
    assert runner.reason == "exit status 1: it wrote nothing"


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_that_somebody_kills_comes_back_at_once_however_often(
    runner: Runner, tmp_path: Path, kill: int
) -> None:
    for _ in range(4):
        ended(runner, tmp_path, "import time; time.sleep(60)", kill)
    assert (runner.state, runner.failures, runner.reason) == ("stopped", 0, f"killed by signal {kill}")
    time.sleep(0.3)
    assert runner.may_start()


def test_a_program_that_ends_without_an_error_was_ended_by_somebody(runner: Runner, tmp_path: Path) -> None:
    ended(runner, tmp_path, "pass")
    assert (runner.state, runner.failures, runner.reason) == ("stopped", 0, "somebody ended it")


def test_a_program_that_is_not_there_is_a_failure_with_the_reason(runner: Runner, tmp_path: Path) -> None:
    runner.start([str(tmp_path / "missing")], {}, tmp_path)
    assert (runner.state, runner.reason) == ("crash-loop", f"{tmp_path}/missing: No such file or directory")
