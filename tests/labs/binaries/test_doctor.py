from collections.abc import Callable
from pathlib import Path

import pytest

from ckslab_labs.binaries import doctor
from ckslab_labs.binaries.catalog import Module
from ckslab_labs.binaries.doctor import Finding
from ckslab_labs.errors import InvalidInput


def test_the_facts_of_this_machine_come_in_one_order() -> None:
    facts = doctor.findings("1.36")
    assert [fact.name for fact in facts] == [
        "platform",
        "go",
        "space",
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubectl",
        "kwok",
        "gator",
        "kyverno",
        "promtool",
        "falco",
        "state",
        "locks",
    ]
    assert all(bool(fact.remedy) is not fact.ok for fact in facts)


def test_a_program_of_another_version_is_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etcd").write_text("#!/bin/sh\necho etcd Version: 3.4.23\n")
    (tmp_path / "etcd").chmod(0o755)
    monkeypatch.setenv("CKSLAB_BIN", str(tmp_path))
    note = Finding("yours", True, f"CKSLAB_BIN: {tmp_path}/etcd says 3.4.23, not 3.6.16: passed over")
    assert note in doctor.findings("1.36")


def test_an_unknown_kubernetes_version_is_an_error() -> None:
    with pytest.raises(InvalidInput, match=r"Choose 1\.36 or 1\.35"):
        doctor.findings("1.99")


def test_another_platform_ends_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    monkeypatch.setattr("sys.platform", "freebsd15")
    seen = "freebsd15, its processor is riscv64"
    assert doctor.findings("1.36") == [Finding("platform", False, seen, "Use Linux or WSL2, on amd64 or arm64.")]


def test_no_go_matters_only_where_something_is_to_be_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.go_fact("1.26.0") == Finding(
        "go", False, "there is no go on PATH", "Install Go 1.21 or newer, or run: pip install 'ckslab[go]'."
    )
    assert doctor.go_fact(None) == Finding(
        "go", True, "there is no go on PATH; none is needed, as every program is there"
    )


def test_a_go_is_shown_with_its_version_and_place(put_go: Callable[[str], Path]) -> None:
    path = put_go('echo \'{"GOVERSION": "go1.26.8", "GOTOOLCHAIN": "local", "GOMODCACHE": "/m", "GOCACHE": "/c"}\'')
    assert doctor.go_fact("1.26.0") == Finding("go", True, f"go1.26.8 at {path}")


def test_space_is_measured_where_the_folder_will_be(tmp_path: Path) -> None:
    fact = doctor.space_fact(tmp_path / "not" / "yet", 1e9)
    assert not fact.ok
    assert fact.seen.endswith(f" GB free for {tmp_path}/not/yet, up to 1e+09 GB needed")
    assert fact.remedy.endswith(" GB, or move XDG_CACHE_HOME, GOMODCACHE and GOCACHE.")
    assert doctor.space_fact(tmp_path, 0).ok


def test_a_program_is_shown_with_its_place_or_with_the_time_to_build_it(hello: Module, tmp_path: Path) -> None:
    there = doctor.program_fact(hello, hello.binaries[0], tmp_path)
    missing = doctor.program_fact(hello, hello.binaries[0], None)
    assert there == Finding("hello", True, f"1.2.3 at {tmp_path}")
    assert missing.seen == "1.2.3 will be built on first use, or now by `ckslab setup`: about 1 min"


def test_a_falco_is_shown_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.falco_fact().seen == "not on PATH, and never built: an emulation judges its rules alone"
    (tmp_path / "falco").write_text("#!/bin/sh\necho Falco version: 0.41.3\n")
    (tmp_path / "falco").chmod(0o755)
    assert doctor.falco_fact() == Finding("falco", True, f"0.41.3 at {tmp_path}/falco")


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    fact = doctor.state_fact(tmp_path / "file" / "ckslab")
    assert (fact.ok, fact.seen) == (False, f"{tmp_path}/file/ckslab: Not a directory")
    assert "XDG_STATE_HOME" in fact.remedy


def test_the_state_folder_is_left_as_it_was(tmp_path: Path) -> None:
    assert doctor.state_fact(tmp_path).ok
    assert doctor.lock_fact(tmp_path).ok
    assert list(tmp_path.iterdir()) == []


def test_locks_that_do_not_work_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    fact = doctor.lock_fact(tmp_path)
    assert fact == Finding(
        "locks", False, f"{tmp_path}: No locks available", "Set XDG_STATE_HOME to a folder on a local disk."
    )
