"""A report as text, JSON and JUnit XML. Nothing is decided here; what to show was cleaned when it entered the report.

An outcome is always a symbol and a word, so that neither colour nor a Unicode font is needed to read it.
"""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator

from ckslab_checker.outcome import CheckResult, Evidence, Outcome, Report

SHOWN = 4
"""Pieces of failing evidence of a check that are shown unless everything is asked for."""

_SYMBOL = {Outcome.PASSED: "✔", Outcome.FAILED: "✘", Outcome.ERROR: "?", Outcome.SKIPPED: "-"}
_COLOUR = {Outcome.PASSED: "32", Outcome.FAILED: "31", Outcome.ERROR: "33", Outcome.SKIPPED: "2"}
_INDENT = " " * 12
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped (https://www.w3.org/TR/xml/#charsets)."""


def as_text(report: Report, color: bool, verbose: bool) -> str:
    """The report for a terminal, without a newline at its end.

    Args:
        report: what to show.
        color: whether the terminal understands ANSI colours and the user wants them.
        verbose: show the evidence of passed checks too, and all of that of failed ones.

    """
    lines = [f"{report.scenario} on {report.provider}", ""]
    for check in report.checks:
        lines += _check_lines(check, color, verbose)
    return "\n".join([*lines, "", _summary(report, color)])


def as_json(report: Report) -> str:
    """The report as the JSON document of a check run."""
    return json.dumps(report.as_dict(), indent=2)


def as_junit(report: Report) -> str:
    """The report as JUnit XML, for continuous integration and for teachers' platforms.

    A check is a ``testcase``; ``failed`` is a ``failure``, ``error`` an ``error``; points are properties. See
    https://github.com/testmoapp/junitxml for the format, which nobody has specified.
    """
    counts = {
        "tests": str(len(report.checks)),
        "failures": _count(report, Outcome.FAILED),
        "errors": _count(report, Outcome.ERROR),
        "skipped": _count(report, Outcome.SKIPPED),
        "time": f"{report.seconds:.3f}",
    }
    root = ET.Element("testsuites", {"name": "ckslab", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _xml(report.scenario), **counts})
    points = "" if report.points is None else str(report.points)
    _properties(suite, {"points": points, "max_points": str(report.max_points), "version": str(report.version)})
    for check in report.checks:
        _testcase(suite, report.scenario, check)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


# --- text -------------------------------------------------------------------------------------------------------------


def _check_lines(check: CheckResult, color: bool, verbose: bool) -> Iterator[str]:
    points = check.points if check.outcome in (Outcome.PASSED, Outcome.FAILED) else "-"
    worth = "keeps" if check.keeps else f"{points}/{check.max_points}"
    yield f"  {_word(check.outcome, color)}  {worth:>5}  {check.title}"
    if check.error:
        yield from _detail("seen", check.error)
    unmet = [evidence for evidence in check.evidence if not evidence.met]
    shown = check.evidence if verbose else unmet[:SHOWN]
    for evidence in shown:
        yield from _evidence_lines(evidence)
    if len(unmet) > SHOWN and not verbose:
        yield f"{_INDENT}… and {len(unmet) - SHOWN} more of this kind"
    if check.outcome is Outcome.FAILED or verbose:
        yield from _detail("why", check.why)
        for note in check.notes:
            yield from _detail("note", note)


def _evidence_lines(evidence: Evidence) -> Iterator[str]:
    yield from _detail("asked", evidence.asked)
    yield from _detail("expected", evidence.expected)
    yield from _detail("observed", evidence.observed + ("" if evidence.met else "  ←"))


def _detail(label: str, text: str) -> Iterator[str]:
    first, *rest = text.splitlines() or [""]
    yield f"{_INDENT}{label:<8}  {first}"
    for line in rest:
        yield f"{_INDENT}{'':<8}  {line}"


def _summary(report: Report, color: bool) -> str:
    if report.points is None:
        score = "no points: a check without a verdict leaves the rest without a score"
    else:
        score = f"{report.points} of {report.max_points} points"
    return f"{_word(report.outcome, color)}  {score}, {report.seconds:.2f} s"


def _word(outcome: Outcome, color: bool) -> str:
    text = f"{_SYMBOL[outcome]} {outcome.value:<7}"
    return f"\x1b[{_COLOUR[outcome]}m{text}\x1b[0m" if color else text


# --- JUnit ------------------------------------------------------------------------------------------------------------


def _testcase(suite: ET.Element, scenario: str, check: CheckResult) -> None:
    case = ET.SubElement(suite, "testcase", {"name": _xml(check.title), "classname": _xml(f"{scenario}.{check.id}")})
    _properties(
        case, {"points": str(check.points), "max_points": str(check.max_points), "keeps": str(check.keeps).lower()}
    )
    unmet = [evidence for evidence in check.evidence if not evidence.met]
    if check.outcome is Outcome.FAILED:
        message = f"expected {unmet[0].expected}, observed {unmet[0].observed}" if unmet else check.title
        element = ET.SubElement(case, "failure", {"message": _xml(message), "type": "failed"})
        element.text = _xml("\n".join(_plain([*unmet], check.why)))
    elif check.outcome is Outcome.ERROR:
        ET.SubElement(case, "error", {"message": _xml(check.error or "no verdict"), "type": "error"})
    elif check.outcome is Outcome.SKIPPED:
        ET.SubElement(case, "skipped", {"message": _xml(check.error or "this cluster cannot answer")})


def _plain(evidence: Iterable[Evidence], why: str) -> Iterator[str]:
    for each in evidence:
        yield f"asked: {each.asked}\nexpected: {each.expected}\nobserved: {each.observed}"
    yield f"why: {why}"


def _properties(parent: ET.Element, values: dict[str, str]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in values.items():
        ET.SubElement(properties, "property", {"name": name, "value": value})


def _count(report: Report, outcome: Outcome) -> str:
    return str(sum(check.outcome is outcome for check in report.checks))


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)
