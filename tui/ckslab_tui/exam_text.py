"""What became of an exam, as text; made from the document of its report, whose evidence is a cluster's words."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from ckslab_checker.text import clean_line
from ckslab_labs.progress.exam_taken import ExamTaken
from ckslab_labs.scenario.curriculum import curriculum
from ckslab_tui.standing import counted, local, outcome_word

_HANGING = re.compile(r" *(?:(?:asked|expected|observed) +)?")


def report_text(document: dict[str, Any]) -> str:
    """The report by domain and by task, with the evidence of what failed."""
    return "\n".join(_lines(document))


def wrapped(text: str, width: int) -> str:
    """A text in lines of at most that many characters; what is wrapped goes on where its first line's words begin."""
    return "\n".join(part for line in text.splitlines() for part in _wrapped(line, width))


def _wrapped(line: str, width: int) -> list[str]:
    found = _HANGING.match(line)
    hanging = " " * (found.end() if found else 0)
    return textwrap.wrap(line, width, subsequent_indent=hanging, break_on_hyphens=False) or [""]


def duration(seconds: float) -> str:
    """Seconds as people say them: ``1 h 05 min``, ``4 min``, ``20 s``."""
    minutes = int(seconds) // 60
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def last_exam(exam: ExamTaken) -> str:
    """When it was, and what came of it."""
    return f"{local(exam.ended)}, {outcome_word(exam.outcome)} with {score(exam.percent)}"


def _lines(document: dict[str, Any]) -> Iterator[str]:
    titles = curriculum().titles()
    limit = "" if document["minutes"] is None else f" of {duration(document['minutes'] * 60)}"
    pass_mark = f"pass at {document['pass_percent']} %"
    yield f"Exam {document['seed']}: {_overall(document)}, {outcome_word(document['outcome'])} ({pass_mark})"
    yield f"{duration(document['seconds'])}{limit}, begun {local(document['started'])}"
    yield ""
    for domain in document["domains"]:
        title = titles.get(domain["id"], domain["id"])
        yield f"{score(domain['percent']):>8}  {title} ({domain['tasks']})"
    for task in document["tasks"]:
        yield ""
        yield from _task(task)


def _overall(document: dict[str, Any]) -> str:
    """The score, or what it lies between where tasks have none."""
    scores = [task["percent"] for task in document["tasks"]]
    without = scores.count(None)
    if not without:
        return score(document["percent"])
    least = sum(filter(None, scores)) / len(scores)
    most = least + 100 * without / len(scores)
    return f"between {score(least)} and {score(most)}, as nobody can tell about {counted(without, 'task')}"


def _task(task: dict[str, Any]) -> Iterator[str]:
    state = outcome_word(task["outcome"]) if task["begun"] else "not begun"
    yield f"{score(task['percent']):>8}  task {task['number']}: {task['scenario']} ({state})"
    if task["error"]:
        yield f"          {clean_line(task['error'])}"
    for check in (task["report"] or {"checks": []})["checks"]:
        if check["outcome"] == "passed":
            continue
        yield f"          {outcome_word(check['outcome'])}: {clean_line(check['title'])}"
        for evidence in [each for each in check["evidence"] if not each["met"]][:2]:
            for word in ("asked", "expected", "observed"):
                yield f"            {word:<8}  {clean_line(evidence[word])}"
        if check["error"]:
            yield f"            {clean_line(check['error'])}"


def score(percent: float | None) -> str:
    """A score as people read it."""
    return "no score" if percent is None else f"{percent:.1f} %"
