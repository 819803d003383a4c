import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ckslab_labs.binaries import build as builder_module
from ckslab_labs.binaries.build import build, seconds_taken
from ckslab_labs.binaries.catalog import Module
from ckslab_labs.errors import Infrastructure

Builder = subprocess.Popen[str]


def say(path: Path) -> str:
    return subprocess.run([path], capture_output=True, text=True, check=True).stdout


def left_in(module: Module) -> list[str]:
    return sorted(path.name for path in module.cache_folder.iterdir())


def read_until(builder: Builder, word: str) -> list[str]:
    """The builder's lines up to one that holds ``word``."""
    assert builder.stderr
    lines: list[str] = []
    for line in builder.stderr:
        lines.append(line)
        if word in line:
            return lines
    raise AssertionError(f"the builder ended without {word!r}: {lines}")


def test_a_program_is_built_whole_stamped_and_executable(hello: Module) -> None:
    lines: list[str] = []
    paths = build(hello, ["hello"], lines.append)
    assert paths == {"hello": hello.cache_folder / "hello"}
    assert say(paths["hello"]) == "hello v1.2.3\n"
    assert paths["hello"].stat().st_mode & 0o777 == 0o755
    assert left_in(hello) == [".lock", ".seconds", "hello"]
    assert 0 < seconds_taken(hello) < 600
    assert lines[0] == "hello 1.2.3: looking what there is to build"
    assert lines[-1] == "hello 1.2.3: built"


def test_nothing_of_the_users_go_settings_for_his_own_work_matters(
    hello: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hello.folder.parent / "go.work").write_text("go 1.21\n\nuse ./elsewhere\n")
    wanted = {
        "GOFLAGS": "-mod=vendor",
        "GOOS": "windows",
        "GO111MODULE": "off",
        "CGO_ENABLED": "1",
        "GOROOT": "/nowhere",
    }
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    assert say(build(hello, ["hello"], print)["hello"]) == "hello v1.2.3\n"


def test_what_is_built_is_not_built_again(hello: Module, put_go: Callable[[str], Path]) -> None:
    first = build(hello, ["hello"], print)
    put_go("exit 1")
    lines: list[str] = []
    assert build(hello, ["hello"], lines.append) == first
    assert lines == []


def test_progress_counts_what_is_to_be_compiled(hello: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCACHE", str(tmp_path / "cold"))
    lines: list[str] = []
    build(hello, ["hello"], lines.append)
    shares = [line.removeprefix("hello 1.2.3: ").split(" packages")[0] for line in lines[1:-1]]
    totals = {share.split(" of ")[1] for share in shares}
    assert len(totals) == 1
    assert [int(share.split(" %")[0]) for share in shares] == sorted({10 * tenth for tenth in range(11)})


@pytest.fixture
def gate(tmp_path: Path, put_go: Callable[[str], Path], real_go: str) -> Path:
    """A ``go`` that waits in ``build`` until this file exists, talking all the while, and notes each build."""
    path = tmp_path / "gate"
    put_go(
        f'if [ "$1" = build ]; then echo x >> {tmp_path}/builds\n'
        f"while [ ! -e {path} ]; do echo still/here >&2; sleep 0.05; done; fi\n"
        f'exec {real_go} "$@"'
    )
    return path


def test_two_racing_builders_build_once(
    hello: Module, gate: Path, tmp_path: Path, start_builder: Callable[[Module], Builder]
) -> None:
    first = start_builder(hello)
    read_until(first, "packages compiled")
    second = start_builder(hello)
    assert read_until(second, "waiting") == ["hello 1.2.3: another ckslab is building this; waiting for it\n"]
    gate.touch()
    assert (first.communicate()[1].endswith("hello 1.2.3: built\n"), first.returncode) == (True, 0)
    assert (second.communicate()[1], second.returncode) == ("", 0)
    assert (tmp_path / "builds").read_text() == "x\n"
    assert left_in(hello) == [".lock", ".seconds", "hello"]


def test_a_killed_builder_is_swept_by_the_next(
    hello: Module,
    gate: Path,
    start_builder: Callable[[Module], Builder],
    no_go_is_left: Callable[[], None],
) -> None:
    killed = start_builder(hello)
    read_until(killed, "packages compiled")
    killed.kill()
    killed.wait()
    assert [name[:7] for name in left_in(hello)] == [".build-", ".lock"]
    no_go_is_left()
    gate.touch()
    assert say(build(hello, ["hello"], print)["hello"]) == "hello v1.2.3\n"
    assert left_in(hello) == [".lock", ".seconds", "hello"]


def test_a_waiting_builder_takes_over_from_a_killed_one(
    hello: Module, gate: Path, start_builder: Callable[[Module], Builder]
) -> None:
    first = start_builder(hello)
    read_until(first, "packages compiled")
    second = start_builder(hello)
    read_until(second, "waiting")
    first.kill()
    gate.touch()
    assert (second.communicate()[1].endswith("hello 1.2.3: built\n"), second.returncode) == (True, 0)
    assert left_in(hello) == [".lock", ".seconds", "hello"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_real_go_ends_with_its_builder_and_can_go_on_later(
    hello: Module,
    how: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start_builder: Callable[[Module], Builder],
    no_go_is_left: Callable[[], None],
) -> None:
    monkeypatch.setenv("GOCACHE", str(tmp_path / "cold"))  # so that there is something to interrupt
    stopped = start_builder(hello)
    read_until(stopped, " 20 % ")
    stopped.send_signal(how)
    assert stopped.wait() != 0
    no_go_is_left()
    assert say(build(hello, ["hello"], print)["hello"]) == "hello v1.2.3\n"
    assert left_in(hello) == [".lock", ".seconds", "hello"]


def test_ctrl_c_leaves_nothing_behind(
    hello: Module,
    gate: Path,
    start_builder: Callable[[Module], Builder],
    no_go_is_left: Callable[[], None],
) -> None:
    interrupted = start_builder(hello)
    read_until(interrupted, "packages compiled")
    interrupted.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in interrupted.communicate()[1]
    no_go_is_left()
    assert left_in(hello) == [".lock"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    arguments = ["mount", "-t", "tmpfs", "-o", "size=256k", "ckslab-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(arguments, capture_output=True).returncode != 0:
        pytest.skip("a disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "GOCACHE"])
def test_a_full_disk_is_a_clear_error(
    hello: Module, tiny_disk: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tiny_disk))
    with pytest.raises(Infrastructure) as raised:
        build(hello, ["hello"], print)
    assert raised.value.attempted == "build hello 1.2.3"
    assert raised.value.seen.startswith("the disk is full; the last words were:\n")
    assert "no space left on device" in raised.value.seen
    assert raised.value.remedy == (
        "A first build needs up to 7 GB: free some, or move XDG_CACHE_HOME, GOMODCACHE and GOCACHE."
    )
    assert left_in(hello) == [".lock"]


def test_a_disk_that_fills_up_as_the_program_is_put_in_place_is_a_clear_error(
    hello: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Infrastructure, match=r"build hello 1\.2\.3: the disk is full"):
        build(hello, ["hello"], print)
    assert left_in(hello) == [".lock"]


def test_a_proxy_that_does_not_answer_is_a_clear_error(
    hello: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "mod"))
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    (hello.folder / "go.mod").write_text("module example.test/hello\n\ngo 1.21\n\nrequire example.test/far v1.0.0\n")
    checksum = "A" * 43 + "="
    (hello.folder / "go.sum").write_text(
        f"example.test/far v1.0.0 h1:{checksum}\nexample.test/far v1.0.0/go.mod h1:{checksum}\n"
    )
    (hello.folder / "main.go").write_text('package main\n\nimport _ "example.test/far"\n\nfunc main() {}\n')
    with pytest.raises(Infrastructure) as raised:
        build(hello, ["hello"], print)
    assert raised.value.seen.startswith("the Go module proxy gave no answer; the last words were:\n")
    assert "connection refused" in raised.value.seen
    assert raised.value.remedy == (
        "Look at the network, HTTPS_PROXY and GOPROXY, and try again; what was fetched is kept. "
        "A folder with ready programs can be given by CKSLAB_BIN."
    )


def test_a_home_that_cannot_be_written_is_a_clear_error(hello: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/no-home")
    for name in ("GOCACHE", "GOMODCACHE", "GOPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(Exception, match="/proc/no-home") as raised:
        build(hello, ["hello"], print)
    assert "XDG_CACHE_HOME" in str(raised.value)


def test_go_caches_that_cannot_be_written_are_a_clear_error(hello: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCACHE", "/proc/no-cache")
    with pytest.raises(Infrastructure, match="a folder that Go needs is not writable") as raised:
        build(hello, ["hello"], print)
    assert raised.value.remedy == "Set HOME to a writable folder, or set XDG_CACHE_HOME, GOMODCACHE and GOCACHE."


def test_go_s_last_words_are_shown_when_it_fails(hello: Module) -> None:
    (hello.folder / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    with pytest.raises(Infrastructure) as raised:
        build(hello, ["hello"], print)
    assert str(raised.value) == (
        "cannot build hello 1.2.3: Go failed; its last words were:\n"
        "  # example.test/hello\n"
        "  ./main.go:3:15: undefined: nonsense. "
        "Try again; if it stays, this is worth an issue. A folder with ready programs can be given by CKSLAB_BIN."
    )
    assert left_in(hello) == [".lock"]


def test_a_go_that_hangs_is_ended(
    hello: Module, put_go: Callable[[str], Path], no_go_is_left: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder_module, "SILENCE", 0.3)
    answer = '{"GOVERSION": "go1.26.8", "GOTOOLCHAIN": "local", "GOMODCACHE": "/m", "GOCACHE": "/c"}'
    put_go(f"[ $1 = env ] && echo '{answer}' && exit\nsleep 1000")
    with pytest.raises(Infrastructure, match="Go failed; its last words were:\n  go said nothing for 0 min"):
        build(hello, ["hello"], print)
    no_go_is_left()
    assert left_in(hello) == [".lock"]
