"""``ckslab exam report``: what became of the exam that was handed in last."""

from typing import Any

import click

from ckslab_tui.cli.exam_options import with_exam_settings
from ckslab_tui.cli.options import Settings, with_output
from ckslab_tui.cli.streams import result, result_json
from ckslab_tui.exam_text import report_text
from ckslab_tui.exams import Exams


@click.command("report")
@with_exam_settings
@with_output("json")
def command(settings: Settings, output: str) -> int:
    """Show the report of the exam that was handed in last, by domain and by task, with the evidence of what failed.

    Exit codes as of hand-in.
    """
    document = Exams(settings).report()
    show(document, output)
    return exit_code(document)


def show(document: dict[str, Any], output: str) -> None:
    """Print a report."""
    if output == "json":
        result_json(document)
    else:
        result(report_text(document))


def exit_code(document: dict[str, Any]) -> int:
    """0 for passed, 1 for failed; anything else is no verdict."""
    from ckslab_labs.errors import ExitCode

    codes = {"passed": ExitCode.PASSED, "failed": ExitCode.FAILED}
    return codes.get(document["outcome"], ExitCode.UNKNOWN)
