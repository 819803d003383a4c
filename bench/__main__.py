"""Measure everything on planes of our own, in a state folder of our own, and print the table."""

import gc
import os
import sys
import tempfile
from pathlib import Path

from bench import app, commands, engines, grading, kind, planes
from bench.result import Result, save, table
from ckslab_tui.__main__ import OBJECTS

OUT = Path(__file__).parent / "out" / "results.json"


def main() -> int:
    """Measure; 1 when a limit is not kept."""
    gc.set_threshold(OBJECTS)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a developer's: it has every command compile what it imports
    with tempfile.TemporaryDirectory(prefix="ckslab-bench-") as state:
        os.environ["XDG_STATE_HOME"] = state
        results: list[Result] = []
        for part in (commands, app, planes, grading, engines, kind):
            results += part.measure()
            print(f"{part.__name__}: done", file=sys.stderr)
    print(table(results))
    save(results, OUT)
    return 0 if all(result.ok is not False for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
