"""``ckslab exam report``: what became of the exam that was handed in last."""

from collections.abc import Iterator
from typing import Any

import click

from ckslab_tui.cli.exam_options import duration, with_exam_settings
from ckslab_tui.cli.options import Settings, with_output
from ckslab_tui.cli.streams import result, result_json
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
        result("\n".join(_lines(document)))


def exit_code(document: dict[str, Any]) -> int:
    """0 for passed, 1 for failed; anything else is no verdict."""
    from ckslab_labs.errors import ExitCode

    codes = {"passed": ExitCode.PASSED, "failed": ExitCode.FAILED}
    return codes.get(document["outcome"], ExitCode.UNKNOWN)


def _lines(document: dict[str, Any]) -> Iterator[str]:
    from ckslab_labs.scenario.curriculum import curriculum

    titles = {domain.id: domain.title for domain in curriculum().domains}
    limit = "" if document["minutes"] is None else f" of {duration(document['minutes'] * 60)}"
    pass_mark = f"pass at {document['pass_percent']} %"
    yield f"Exam {document['seed']}: {_score(document['percent'])}, {document['outcome']} ({pass_mark})"
    yield f"{duration(document['seconds'])}{limit}, begun {document['started']}"
    yield ""
    for domain in document["domains"]:
        title = titles.get(domain["id"], domain["id"])
        yield f"{_score(domain['percent']):>8}  {title} ({domain['tasks']})"
    for task in document["tasks"]:
        yield ""
        yield from _task(task)


def _task(task: dict[str, Any]) -> Iterator[str]:
    from ckslab_checker.text import clean_line

    state = task["outcome"] if task["begun"] else "not begun"
    yield f"{_score(task['percent']):>8}  task {task['number']}: {task['scenario']} ({state})"
    if task["error"]:
        yield f"          {clean_line(task['error'])}"
    for check in (task["report"] or {"checks": []})["checks"]:
        if check["outcome"] == "passed":
            continue
        yield f"          {check['outcome']}: {clean_line(check['title'])}"
        for evidence in [each for each in check["evidence"] if not each["met"]][:2]:
            for word in ("asked", "expected", "observed"):
                yield f"            {word:<8}  {clean_line(evidence[word])}"
        if check["error"]:
            yield f"            {clean_line(check['error'])}"


def _score(percent: float | None) -> str:
    return "no score" if percent is None else f"{percent:.1f} %"
