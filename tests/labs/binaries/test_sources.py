import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ckslab_labs.binaries import locate
from ckslab_labs.binaries.catalog import Module
from ckslab_labs.binaries.locate import ensure
from ckslab_labs.binaries.sources import fetching


def read_when_there(path: Path) -> str:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} was never written"
        time.sleep(0.02)
    return path.read_text().strip()


def test_go_understands_what_it_is_asked(
    hello: Module, tmp_path: Path, put_go: Callable[[str], Path], real_go: str
) -> None:
    put_go(f'{real_go} "$@"; ended=$?; [ "$1" = list ] && echo $ended > {tmp_path}/ended; exit $ended')
    with fetching([hello]):
        assert read_when_there(tmp_path / "ended") == "0"


def test_fetching_ends_with_the_block(
    hello: Module, tmp_path: Path, put_go: Callable[[str], Path], real_go: str
) -> None:
    put_go(f'[ "$1" = list ] || exec {real_go} "$@"\necho $$ > {tmp_path}/number; exec sleep 600')
    with fetching([hello]):
        number = read_when_there(tmp_path / "number")
        assert Path("/proc", number).exists()
    assert not Path("/proc", number).exists()


def test_sources_of_the_next_are_fetched_while_one_is_built(
    hello: Module,
    tmp_path: Path,
    put_go: Callable[[str], Path],
    real_go: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first is not built before the second is asked for, and that it cannot be fetched ends nothing."""
    second = Module("second", "1.2.3", hello.folder, hello.binaries)
    monkeypatch.setattr(locate, "modules", lambda kubernetes: (hello, second))
    monkeypatch.setattr(locate, "programs", lambda kubernetes: [(hello, hello.binaries[0])])
    put_go(
        f'case "$*" in\n'
        f"list*Stale*) ;;\n"
        f"list*) touch {tmp_path}/fetching; exit 1;;\n"
        f"build*) for _ in $(seq 200); do [ -e {tmp_path}/fetching ] && break; sleep 0.05; done\n"
        f"  [ -e {tmp_path}/fetching ] || exit 1;;\n"
        f'esac\nexec {real_go} "$@"'
    )
    ensure(["hello"], "1.36", print)
    assert (hello.cache_folder / "hello").exists()
    assert (second.cache_folder / "hello").exists()
