"""What really loads. A static graph cannot see it, so a fresh interpreter is asked for its ``sys.modules``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def modules_after(program: str, cwd: Path) -> set[str]:
    asked = f"{program}\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, cwd=cwd)
    return set(json.loads(done.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize("words", [["--version"], ["check", "--help"], ["list"], ["check"]])
def test_no_command_but_the_app_loads_textual(words: list[str], tmp_path: Path) -> None:
    program = (
        "from ckslab_tui.__main__ import main\n"
        f"import sys\nsys.argv = ['ckslab', *{words!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    loaded = modules_after(program, tmp_path)
    assert "ckslab_tui.__main__" in loaded
    assert "textual" not in loaded


def test_the_version_loads_neither_the_kubernetes_client_nor_pydantic(tmp_path: Path) -> None:
    program = (
        "from ckslab_tui.__main__ import main\nimport sys\nsys.argv = ['ckslab', '--version']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert not {"kubernetes", "pydantic", "yaml"} & modules_after(program, tmp_path)


def test_the_supervisor_loads_neither_the_kubernetes_client_nor_pydantic(tmp_path: Path) -> None:
    loaded = modules_after("import ckslab_labs.providers.embedded.supervisor", tmp_path)
    assert not {"kubernetes", "pydantic", "cryptography"} & loaded
