"""An exam as it is written down."""

from dataclasses import replace
from pathlib import Path

import pytest

from ckslab_labs.errors import InvalidInput
from ckslab_labs.exam import sitting as sittings
from ckslab_labs.exam.clock import Clock
from ckslab_labs.exam.sitting import Sitting, Task
from ckslab_labs.session import Sessions

TASKS = (Task("first", "runtime-security", 1), Task("second", "cluster-hardening", 2))
SITTING = Sitting(
    seed=7, started="2026-01-01T00:00:00+00:00", minutes=10, pass_percent=67, tasks=TASKS, clock=Clock.begin()
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_what_is_written_down_is_found_again() -> None:
    saved = replace(SITTING, open=1, packs=("/somewhere",)).with_task(0, begun=True, flagged=True).save("exam")
    assert sittings.find("exam") == saved
    assert sittings.find("another") is None
    assert (Sessions("exam").path / "exam.json").stat().st_mode & 0o777 == 0o600


def test_time_is_left_until_there_is_none() -> None:
    begun = replace(SITTING, clock=Clock.begin())
    assert begun.left is not None
    assert 590 < begun.left <= 600
    late = replace(SITTING, clock=replace(SITTING.clock.now(), spent=601.0))
    assert (late.left, late.spent, late.over) == (0, 600, True)
    unlimited = replace(late, minutes=None)
    assert (unlimited.left, unlimited.over) == (None, False)


def test_what_is_closed_is_over() -> None:
    assert replace(SITTING, closed=True).over


@pytest.mark.parametrize("text", ["[]", "{}", '{"tasks": [{"x": 1}]}', '{"tasks": 5}', "not json"])
def test_what_is_none_of_ours_is_told_and_left_alone(text: str) -> None:
    path = Sessions("exam").home / "exam.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=r"cannot read .*exam\.json"):
        sittings.find("exam")
    assert path.read_text() == text


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_task_that_there_is_not_is_refused(number: int) -> None:
    with pytest.raises(InvalidInput, match="this exam has the tasks 1 to 2"):
        sittings.place(SITTING, number)


def test_nothing_else_is_allowed_while_it_is_sat() -> None:
    sittings.refuse_while_sat("exam", "check")
    SITTING.save("exam")
    with pytest.raises(InvalidInput, match="an exam is being sat on plane exam"):
        sittings.refuse_while_sat("exam", "check")
    sittings.marked("exam")
    sittings.refuse_while_sat("exam", "check")
