import dataclasses
import re

import pytest

from ckslab_labs.binaries import catalog
from ckslab_labs.binaries.catalog import (
    ETCD,
    GATEKEEPER,
    KIND,
    KUBERNETES,
    KWOK,
    PROMETHEUS,
    Binary,
    Module,
    modules,
    programs,
)
from ckslab_labs.errors import Infrastructure, InvalidInput

EVERY_MODULE = [ETCD, KWOK, KIND, GATEKEEPER, PROMETHEUS, *KUBERNETES.values()]
AS_A_MODULE = {"3.16.0": "0.316.0"}
"""Prometheus counts its releases otherwise as a Go module: v3.16.0 is v0.316.0."""


@pytest.mark.parametrize("module", EVERY_MODULE, ids=lambda module: module.name)
def test_go_mod_requires_the_version_that_the_catalogue_promises(module: Module) -> None:
    text = (module.folder / "go.mod").read_text()
    required = re.findall(r"^(?:require)?\s+(\S+) v(\S+)(?: // indirect)?$", text, re.MULTILINE)
    for binary in module.binaries:
        assert [version for path, version in required if _holds(path, binary.package)] == [
            AS_A_MODULE.get(module.version, module.version)
        ]


def _holds(path: str, package: str) -> bool:
    return f"{package}/".startswith(f"{path}/")


@pytest.mark.parametrize("module", EVERY_MODULE, ids=lambda module: module.name)
def test_go_mod_names_exactly_the_programs_of_the_catalogue_as_tools(module: Module) -> None:
    text = (module.folder / "go.mod").read_text()
    block = re.search(r"^tool \((.*?)^\)", text, re.MULTILINE | re.DOTALL)
    tools = block[1].split() if block else re.findall(r"^tool (\S+)", text, re.MULTILINE)
    assert sorted(tools) == sorted(binary.package for binary in module.binaries)


def test_kubernetes_is_stamped_with_its_version_where_its_programs_look() -> None:
    assert KUBERNETES["1.35"].ldflags == (
        "-s -w"
        " -X k8s.io/component-base/version.gitVersion=v1.35.4 -X k8s.io/component-base/version.gitMajor=1"
        " -X k8s.io/component-base/version.gitMinor=35 -X k8s.io/component-base/version.gitCommit="
        " -X k8s.io/client-go/pkg/version.gitVersion=v1.35.4 -X k8s.io/client-go/pkg/version.gitMajor=1"
        " -X k8s.io/client-go/pkg/version.gitMinor=35 -X k8s.io/client-go/pkg/version.gitCommit="
    )


def test_a_control_plane_is_made_of_these_programs() -> None:
    assert [f"{binary.name} {module.version}" for module, binary in programs()] == [
        "etcd 3.6.16",
        "kube-apiserver 1.36.3",
        "kube-controller-manager 1.36.3",
        "kube-scheduler 1.36.3",
        "kubectl 1.36.3",
        "kwok 0.8.0",
    ]


def test_an_unknown_kubernetes_version_names_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as raised:
        modules("1.2")
    assert str(raised.value) == ("cannot use Kubernetes 1.2: there is no such version in ckslab. Choose 1.36 or 1.35.")


@pytest.mark.parametrize(
    ("package", "name"),
    [("go.etcd.io/etcd/server/v3", "server"), ("sigs.k8s.io/kwok/cmd/kwok", "kwok"), ("example.test/v2ray", "v2ray")],
)
def test_go_names_a_program_by_its_package(package: str, name: str) -> None:
    assert Binary("any", package, 1).built_as == name


def test_the_cache_folder_changes_with_all_that_goes_into_a_program(
    hello: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [hello.cache_folder]
    folders.append(dataclasses.replace(hello, stamp=("main.version=1.2.4",)).cache_folder)
    other = "x86_64" if catalog.architecture() == "arm64" else "aarch64"
    monkeypatch.setattr("platform.machine", lambda: other)
    folders.append(hello.cache_folder)
    (hello.folder / "go.sum").write_text("changed\n")
    folders.append(hello.cache_folder)
    (hello.folder / "go.mod").write_text("changed\n")
    folders.append(hello.cache_folder)
    assert len(set(folders)) == 5
    assert all(re.fullmatch(r"hello-[0-9a-f]{16}", folder.name) for folder in folders)


def test_another_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(Infrastructure) as raised:
        catalog.architecture()
    assert str(raised.value) == "cannot use this machine: its processor is riscv64. ckslab needs amd64 or arm64."
