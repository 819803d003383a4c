"""One command line: run its verb, and be the one place where an error becomes a message and an exit code.

No verb may print an error or choose an exit code for one: it raises, and this module speaks. A person never sees a
traceback unless ``CKSLAB_DEBUG`` is set.
"""

import os
from collections.abc import Sequence

import click

from ckslab_labs.errors import ExitCode, LabError
from ckslab_tui.cli.root import ckslab

PROGRAM = "ckslab"


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        the exit code, one of ``ExitCode``. Nothing but ``SystemExit`` of shell completion is raised.

    """
    try:
        code = ckslab.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except LabError as error:
        return _say(error)
    except click.ClickException as error:
        return _usage(error)
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{PROGRAM}: interrupted", err=True)
        return ExitCode.INTERRUPTED
    except Exception as error:  # the last resort: a defect of ours, or a disk that filled up under us
        if os.environ.get("CKSLAB_DEBUG"):
            raise
        return _say(_unexpected(error))
    return int(code) if isinstance(code, int) else ExitCode.PASSED


def _say(error: LabError) -> int:
    """Print what was attempted, what was seen and what to do; cluster text in it is hostile until cleaned."""
    from ckslab_checker.text import clean

    click.echo(clean(f"{PROGRAM}: cannot {error.attempted}: {error.seen}"), err=True)
    click.echo(clean(error.remedy), err=True)
    return error.exit_code


def _usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else PROGRAM
    click.echo(f"{PROGRAM}: {error.format_message()}", err=True)
    click.echo(f"See '{path} --help'.", err=True)
    return ExitCode.USAGE


def _unexpected(error: Exception) -> LabError:
    if isinstance(error, OSError):
        return LabError("go on", str(error), "Free space or permissions may be missing: see 'ckslab doctor'.")
    seen = f"an error of ckslab's own ({type(error).__name__}: {error})"
    return LabError("go on", seen, "Please report it, with what CKSLAB_DEBUG=1 prints for the same command.")
