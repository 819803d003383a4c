"""Entry point of the console script. Everything else is imported inside, so that Ctrl-C has no moment of its own."""

import gc
import sys

OBJECTS = 100_000
"""New objects after which garbage is looked for: more than a check makes. Python's 700 cost a start a seventh of its
time, and find nothing."""


def main() -> None:
    """Run the command line that the process was started with."""
    gc.set_threshold(OBJECTS)
    try:
        from ckslab_tui.cli.run import run

        code = run(sys.argv[1:])
        gc.freeze()  # the interpreter looks once more as it ends
        sys.exit(code)
    except KeyboardInterrupt:  # while still importing
        sys.stderr.write("ckslab: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
