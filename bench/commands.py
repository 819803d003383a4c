"""Whole commands, as typed: start-up and imports included."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.result import Result, times
from ckslab_labs.binaries.build import seconds_taken
from ckslab_labs.binaries.catalog import modules

COLD = "CKSLAB_BENCH_COLD"
"""Set to build everything from nothing once more, which takes minutes; else what it took here is told."""
COLD_SECONDS = 480.0
SCENARIO = "debug-rbac-update-kept"


def ckslab(*words: str, codes: tuple[int, ...] = (0,), env: dict[str, str] | None = None) -> None:
    """Run a command of ours; any exit code but the expected is an error."""
    program = Path(sys.executable).with_name("ckslab")
    done = subprocess.run([program, *words], capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode not in codes:
        raise SystemExit(f"ckslab {' '.join(words)}: exit {done.returncode}\n{done.stderr}")


def measure() -> list[Result]:
    """Start-up, set-up, and a check from outside."""
    results = [
        Result("ckslab --version", times(lambda: ckslab("--version"), 20), limit=0.15),
        Result("ckslab setup, warm", times(lambda: ckslab("setup"), 5), limit=1.0),
    ]
    if os.environ.get(COLD):
        with tempfile.TemporaryDirectory(prefix="ckslab-cold-") as home:
            empty = {"HOME": home, "XDG_CACHE_HOME": f"{home}/cache", "GOFLAGS": "-modcacherw -buildvcs=false"}
            results.append(
                Result("ckslab setup, cold", times(lambda: ckslab("setup", env=empty), 1), limit=COLD_SECONDS)
            )
    elif all(built := [seconds_taken(module) for module in modules()]):
        results.append(Result("ckslab setup, cold, when it was built here", [sum(built)], limit=COLD_SECONDS))
    ckslab("start", SCENARIO)
    results.append(Result("ckslab check", times(lambda: ckslab("check", codes=(1,)), 10), limit=1.0))
    ckslab("stop")
    return results
