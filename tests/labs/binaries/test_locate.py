import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ckslab_labs.binaries import locate
from ckslab_labs.binaries.catalog import KUBERNETES, Module, programs
from ckslab_labs.binaries.locate import ensure, find, version_of
from ckslab_labs.errors import InvalidInput

KUBECTL_136 = "Client Version: v1.36.3\nKustomize Version: v5.8.1"
ETCD = "etcd Version: 3.6.16\nGit SHA: Not provided\nGo Version: go1.26.8\nGo OS/Arch: linux/amd64"


def put(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {shlex.quote(says)}\n")
    path.chmod(0o755)
    return path


def test_a_program_of_ckslab_bin_is_used_when_it_says_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = {name: put(tmp_path / "bin", name, says) for name, says in (("etcd", ETCD), ("kubectl", KUBECTL_136))}
    monkeypatch.setenv("CKSLAB_BIN", str(tmp_path / "bin"))
    lines: list[str] = []
    assert find(["etcd", "kubectl", "kwok"], "1.36", lines.append) == brought
    assert lines == []


def test_a_program_of_another_version_is_passed_over_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = put(tmp_path / "bin", "kube-apiserver", "Kubernetes v1.36.2")
    right = put(tmp_path / "assets", "kube-apiserver", "Kubernetes v1.36.3")
    monkeypatch.setenv("CKSLAB_BIN", str(wrong.parent))
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(right.parent))
    lines: list[str] = []
    assert find(["kube-apiserver"], "1.36", lines.append) == {"kube-apiserver": right}
    assert lines == [f"CKSLAB_BIN: {wrong} says 1.36.2, not 1.36.3: passed over"]


@pytest.mark.parametrize(
    ("says", "understood"),
    [
        ("Kubernetes v1.36.3", "1.36.3"),
        ("Kubernetes v1.36.3-eks-113cf36", "1.36.3-eks-113cf36"),
        ("Kubernetes v1.36.3+k3s1", "1.36.3+k3s1"),
        ("Kubernetes v0.0.0-master+$Format:%H$", "0.0.0-master+$Format:%H$"),
        (KUBECTL_136, "1.36.3"),
        (ETCD, "3.6.16"),
        ("kwok version v0.8.0 go1.26.8 (linux/amd64)", "0.8.0"),
        ("usage: whatever", "no version"),
    ],
)
def test_the_version_is_read_from_what_a_program_says(tmp_path: Path, says: str, understood: str) -> None:
    _, binary = next(programs())
    assert version_of(put(tmp_path / "bin", "any", says), binary) == understood


def test_what_cannot_be_run_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, binary = next(programs())
    path = put(tmp_path / "bin", "etcd", ETCD)
    path.chmod(0o600)
    assert version_of(path, binary) == "nothing (Permission denied)"
    path.write_bytes(b"\x7fELF of another machine")
    path.chmod(0o700)
    assert version_of(path, binary) == "nothing (Exec format error)"
    monkeypatch.setattr(locate, "_VERSION_SECONDS", 0.1)
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    assert version_of(path, binary) == "nothing (no answer)"


def test_an_unknown_program_names_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as raised:
        find(["etcdctl"], "1.36")
    assert str(raised.value) == (
        "cannot find etcdctl: ckslab knows no such program. There are: "
        "etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, kwok."
    )


def test_the_same_program_of_two_kubernetes_versions_is_kept_apart() -> None:
    folders = {module.cache_folder for module in KUBERNETES.values()}
    assert len(folders) == 2


@pytest.fixture
def hello_is_all_there_is(hello: Module, monkeypatch: pytest.MonkeyPatch) -> Module:
    monkeypatch.setattr(locate, "modules", lambda kubernetes: (hello,))
    monkeypatch.setattr(locate, "programs", lambda kubernetes: [(hello, hello.binaries[0])])
    return hello


def test_ensure_builds_what_is_missing_and_find_then_finds_it(hello_is_all_there_is: Module) -> None:
    lines: list[str] = []
    assert find(["hello"], "1.36") == {}
    expected = {"hello": hello_is_all_there_is.cache_folder / "hello"}
    assert ensure(["hello"], "1.36", lines.append) == expected
    assert lines[-1] == "hello 1.2.3: built"
    assert find(["hello"], "1.36") == expected


def test_ensure_builds_nothing_where_the_right_version_was_brought(
    hello_is_all_there_is: Module,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    put_go: Callable[[str], Path],
) -> None:
    put_go("exit 1")
    brought = put(tmp_path / "bin", "hello", "hello v1.2.3")
    monkeypatch.setenv("CKSLAB_BIN", str(brought.parent))
    assert ensure(["hello"], "1.36", print) == {"hello": brought}


@pytest.mark.plane
def test_every_real_program_says_the_version_of_its_module(real_programs: Mapping[str, Path]) -> None:
    if missing := {binary.name for _, binary in programs()} - real_programs.keys():
        pytest.skip(f"not built yet: {', '.join(sorted(missing))}")
    said = {binary.name: version_of(real_programs[binary.name], binary) for _, binary in programs()}
    assert said == {binary.name: module.version for module, binary in programs()}
