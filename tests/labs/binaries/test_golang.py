from collections.abc import Callable
from pathlib import Path

import pytest

from ckslab_labs.binaries.golang import COLLECTING, as_numbers, find_go
from ckslab_labs.errors import Infrastructure


def says(version: str, toolchain: str = "auto") -> str:
    """A go that only answers ``go env -json``."""
    return f'echo \'{{"GOVERSION": "{version}", "GOTOOLCHAIN": "{toolchain}", "GOMODCACHE": "/m", "GOCACHE": "/c"}}\''


def refusal(needed: str = "1.26.0") -> str:
    with pytest.raises(Infrastructure) as raised:
        find_go(needed)
    return str(raised.value)


def test_without_go_the_remedy_is_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal() == (
        "cannot find a Go to build with: there is no go on PATH. "
        "Install Go 1.21 or newer, or run: pip install 'ckslab[go]'."
    )


@pytest.mark.parametrize(
    ("version", "seen"), [("go1.20.14", "go1.20.14"), ("go1.9", "go1.9"), ("", "older than go1.16")]
)
def test_a_go_that_cannot_fetch_toolchains_is_too_old(put_go: Callable[[str], Path], version: str, seen: str) -> None:
    path = put_go(says(version, toolchain=""))
    assert refusal() == (
        f"cannot find a Go to build with: {path} is {seen}, and 1.21 or newer is needed. "
        "Install Go 1.21 or newer, or run: pip install 'ckslab[go]'."
    )


@pytest.mark.parametrize("toolchain", ["local", "go1.24.1"])
def test_an_older_go_that_may_not_fetch_a_toolchain_is_named(put_go: Callable[[str], Path], toolchain: str) -> None:
    path = put_go(says("go1.24.1", toolchain))
    assert refusal() == (
        f"cannot find a Go to build with: {path} is go1.24.1, go1.26.0 is needed, and GOTOOLCHAIN={toolchain} forbids "
        "fetching it (GOTOOLCHAIN=auto allows it). Set GOTOOLCHAIN=auto, or run: pip install 'ckslab[go]'."
    )


@pytest.mark.parametrize(
    ("version", "toolchain"),
    [
        ("go1.21.0", "auto"),
        ("go1.24.1", "go1.24.1+auto"),
        ("go1.26.0", "local"),
        ("go1.30", "local"),
        ("devel go1.27-abcdef Mon Jan 5", "local"),
    ],
)
def test_a_go_that_is_new_enough_or_may_fetch_a_toolchain_will_do(
    put_go: Callable[[str], Path], version: str, toolchain: str
) -> None:
    path = put_go(says(version, toolchain))
    go = find_go("1.26.0")
    assert (go.path, go.version) == (path, version)


def test_the_go_of_the_wheel_is_used_where_the_one_on_path_will_not_do(
    put_go: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_go(says("go1.19", toolchain=""))
    wheel = tmp_path / "site-packages" / "go"
    (wheel / "bin").mkdir(parents=True)
    (wheel / "__init__.py").write_text("")
    (wheel / "bin" / "go").write_text(f"#!/bin/sh\n{says('go1.27.3')}\n")
    (wheel / "bin" / "go").chmod(0o755)
    monkeypatch.syspath_prepend(wheel.parent)
    assert find_go("1.26.0").path == wheel / "bin" / "go"


def test_a_go_that_does_not_work_is_named_with_its_own_words(put_go: Callable[[str], Path]) -> None:
    path = put_go("echo 'no version is set for command go' >&2; exit 126")
    assert refusal().startswith(
        f"cannot find a Go to build with: {path} does not work (no version is set for command go). Install Go"
    )


def test_a_go_that_talks_nonsense_is_not_used(put_go: Callable[[str], Path]) -> None:
    path = put_go("echo hello")
    assert refusal().startswith(f"cannot find a Go to build with: {path} does not work (")


def test_without_a_home_the_remedy_is_to_set_it(real_go: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "GOCACHE", "GOMODCACHE", "GOPATH", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert refusal("1.21") == (
        f"cannot find a Go to build with: {real_go} has no place for its caches: HOME is not set, nor are GOMODCACHE "
        "and GOCACHE. Set HOME to a writable folder, or set both GOMODCACHE and GOCACHE."
    )


def test_a_goroot_of_another_go_is_not_passed_on(real_go: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOROOT", "/nowhere")
    environment = find_go("1.21").environment(tmp_path)
    assert "GOROOT" not in environment
    assert environment["GOTMPDIR"] == str(tmp_path)


def test_how_often_a_compiler_looks_for_garbage_is_the_users_to_say(
    real_go: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in COLLECTING:
        monkeypatch.delenv(name, raising=False)
    assert find_go("1.21").environment(tmp_path).items() >= COLLECTING.items()
    monkeypatch.setenv("GOGC", "50")
    assert find_go("1.21").environment(tmp_path)["GOGC"] == "50"


@pytest.mark.parametrize(
    ("text", "numbers"), [("go1.26.8", (1, 26, 8)), ("1.26", (1, 26)), ("go1.27rc1", (1, 27)), ("", ())]
)
def test_versions_compare_as_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert as_numbers(text) == numbers
