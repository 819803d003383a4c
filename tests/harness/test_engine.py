"""What a killed Docker engine left behind does not keep the next from starting."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LEFTOVER = Path(__file__).parents[2] / ".ci" / "leftover"


Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Start]:
    """Starts a process that only sleeps under a name."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> "subprocess.Popen[bytes]":
        program = tmp_path / name
        shutil.copy(shutil.which("sleep") or "", program)
        started.append(subprocess.Popen([program, "600"]))
        # Until somebody waits for it, a process that has ended still has its id.
        threading.Thread(target=started[-1].wait, daemon=True).start()
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


def clear(file: Path, pid: int | str) -> None:
    """Run what clears the leftover that ``file`` names."""
    file.write_text(str(pid))
    subprocess.run([LEFTOVER, file], check=True, timeout=60)


def test_a_containerd_without_its_engine_is_ended(process: Start, tmp_path: Path) -> None:
    containerd = process("containerd")
    clear(tmp_path / "pid", containerd.pid)
    assert containerd.wait(30) < 0
    assert not (tmp_path / "pid").exists()


def test_a_process_that_only_got_the_same_id_is_left_alone(process: Start, tmp_path: Path) -> None:
    other = process("editor")
    clear(tmp_path / "pid", other.pid)
    assert other.poll() is None
    assert not (tmp_path / "pid").exists()


def test_no_process_of_that_id_is_no_error(process: Start, tmp_path: Path) -> None:
    gone = process("containerd")
    gone.kill()
    gone.wait()
    clear(tmp_path / "pid", gone.pid)
    assert not (tmp_path / "pid").exists()
