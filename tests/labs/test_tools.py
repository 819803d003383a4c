"""Tools are found or built, and held when they run: here with small programs of our own in their place."""

import time
from pathlib import Path

import pytest

from ckslab_labs import tools
from ckslab_labs.errors import Infrastructure
from ckslab_labs.held import LIMITS
from ckslab_labs.tools import Tool, find, tool


def script(folder: Path, text: str, name: str = "promtool") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def none_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a folder on PATH before all others."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("CKSLAB_BIN", raising=False)
    tools._will_do.cache_clear()
    return folder


@pytest.mark.parametrize("version", ["2.40.0", "2.42.0+ds", "3.16.0"])
def test_one_on_path_that_is_new_enough_will_do(none_built: Path, version: str) -> None:
    path = script(none_built, f"echo 'promtool, version {version} (branch: HEAD)'")
    assert find("promtool") == path


@pytest.mark.parametrize("says", ["promtool, version 2.39.2", "no idea", "exit 1"])
def test_one_that_is_older_or_says_nothing_will_not(none_built: Path, says: str) -> None:
    script(none_built, f"echo '{says}'")
    assert find("promtool") is None


def test_what_the_user_brought_comes_first(none_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(none_built, "echo 'promtool, version 2.42.0'")
    mine = script(tmp_path, f"echo 'promtool, version {tools.TOOLS['promtool'].module.version}'")
    monkeypatch.setenv("CKSLAB_BIN", str(tmp_path))
    assert find("promtool") == mine


def test_one_that_is_nowhere_is_built(none_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "build", lambda module, names, progress: {names[0]: tmp_path / module.name})
    assert tool("promtool").path == tmp_path / "prometheus"


# --- how it runs ---


def test_a_run_has_its_files_no_environment_and_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "1")
    path = script(tmp_path, 'cat given.yaml; env; ulimit -H -n; ulimit -H -c; ls -a; echo "$@" >&2; exit 7')
    ran = Tool(path).run(["check", "given.yaml"], {"given.yaml": b"mine\n"})
    assert ran.code == 7
    assert "mine\n" in ran.said
    assert "check given.yaml" in ran.said
    assert "SECRET_OF_OURS" not in ran.said
    lines = ran.said.splitlines()
    assert "0" in lines
    assert any(line.isdigit() and 0 < int(line) <= max(LIMITS.values()) for line in lines)


def test_nothing_is_left_of_a_run(tmp_path: Path) -> None:
    where = Tool(script(tmp_path, "pwd")).run([], {"a": b""}).said.strip()
    assert "ckslab-tool-" in where
    assert not Path(where).exists()


def test_a_run_that_does_not_end_is_killed_with_what_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    path = script(tmp_path, f"sleep 60 & echo $! > {mark}; wait")
    began = time.monotonic()
    with pytest.raises(Infrastructure) as caught:
        Tool(path).run(["test", "rules"], {}, seconds=1)
    assert caught.value.attempted == "run promtool test"
    assert caught.value.seen == "no end after 1 s"
    assert time.monotonic() - began < 20
    child = Path(f"/proc/{mark.read_text().strip()}/stat")
    for _ in range(100):
        if not child.exists() or child.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("what it started lives on")


def test_a_program_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(Infrastructure, match="ckslab doctor"):
        Tool(tmp_path / "promtool").run(["check"], {})


def test_a_run_reaches_no_network(tmp_path: Path) -> None:
    if not tools._apart():
        pytest.skip("this kernel lets nobody have a network of their own")
    ran = Tool(script(tmp_path, "cat /proc/net/dev")).run([], {})
    interfaces = [line.split(":")[0].strip() for line in ran.said.splitlines() if ":" in line]
    assert interfaces == ["lo"]
