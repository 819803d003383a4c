"""What the wheel holds, proved by using it outside of the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation it builds with the hatchling of the development environment, so no network is asked.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_has_three_packages_and_nothing_else_at_its_top(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    packages = {name for name in tops if not name.endswith(".dist-info")}
    assert packages == {"ckslab_labs", "ckslab_checker", "ckslab_tui"}


def test_the_wheel_ships_every_go_module_with_its_checksums(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    modules = {name.split("/")[3] for name in names if name.startswith("ckslab_labs/binaries/modules/")}
    expected = {"etcd", "gatekeeper", "kind", "kubernetes-1.35", "kubernetes-1.36", "kwok", "kyverno", "prometheus"}
    assert modules == expected
    for module in modules:
        assert {f"ckslab_labs/binaries/modules/{module}/{file}" for file in ("go.mod", "go.sum")} <= set(names)


def test_the_wheel_ships_the_page_of_ckslab_serve(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"ckslab_tui/serving/page/{file}" for file in ("index.html", "page.css", "page.js")} <= names


def test_the_installed_wheel_lists_the_same_scenarios_as_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    program = (
        "import ckslab_labs, json; from ckslab_checker.catalogue import catalogue;"
        "print(json.dumps([ckslab_labs.__file__, [s.id for s in catalogue().all()]]))"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(target)!r}); {program}"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    expected = sorted(path.parent.name for path in (ROOT / "scenarios").glob("*/scenario.yaml"))
    assert str(target) in printed
    assert all(f'"{name}"' in printed for name in expected)
    assert expected
