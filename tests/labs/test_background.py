"""Processes that go on by themselves."""

import os
import subprocess
from pathlib import Path

from ckslab_labs.background import INTERPRETER


def test_they_find_what_the_user_installed_and_nothing_by_chance(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('found by chance')")
    asked = "import json, sys; print(sys.flags.no_user_site, sys.flags.ignore_environment)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([*INTERPRETER, "-c", asked], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0 1\n", "")
