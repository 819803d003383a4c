import json
import xml.etree.ElementTree as ET

import pytest

from ckslab_checker.outcome import CheckResult, Evidence, Outcome, Report
from ckslab_checker.render import as_json, as_junit, as_text

DENIED = Evidence("patch pods/web/ephemeralcontainers as dana", "denied by RBAC", "denied by RBAC", met=True)
ALLOWED = Evidence("put pods/web/ephemeralcontainers as dana", "denied", "allowed: HTTP 200", met=False)


def check(outcome: Outcome, **more: object) -> CheckResult:
    values = {
        "id": f"is-{outcome}",
        "title": f"A check that is {outcome}",
        "outcome": outcome,
        "points": 3 if outcome is Outcome.PASSED else 0,
        "max_points": 3,
        "keeps": False,
        "why": "Because it matters.",
    }
    return CheckResult(**{**values, **more})  # type: ignore[arg-type]  # a shorthand of this file


def report(*checks: CheckResult) -> Report:
    return Report("some-scenario", 2, "embedded", 0.1234, checks)


FAILED = check(Outcome.FAILED, evidence=(DENIED, ALLOWED))
PASSED = check(Outcome.PASSED, evidence=(DENIED,))


def test_text_shows_failing_evidence_and_collapses_what_passed() -> None:
    assert as_text(report(PASSED, FAILED), color=False, verbose=False).splitlines() == [
        "some-scenario on embedded",
        "",
        "  ✔ passed     3/3  A check that is passed",
        "  ✘ failed     0/3  A check that is failed",
        "            asked     put pods/web/ephemeralcontainers as dana",
        "            expected  denied",
        "            observed  allowed: HTTP 200  ←",
        "            why       Because it matters.",
        "",
        "✘ failed   3 of 6 points, 0.12 s",
    ]


def test_text_shows_all_evidence_when_asked_to() -> None:
    text = as_text(report(PASSED), color=False, verbose=True)
    assert "            asked     patch pods/web/ephemeralcontainers as dana" in text.splitlines()


def test_text_counts_what_it_leaves_out() -> None:
    text = as_text(report(check(Outcome.FAILED, evidence=(ALLOWED,) * 6)), color=False, verbose=False)
    assert text.count("observed") == 4
    assert "… and 2 more of this kind" in text


def test_text_without_a_verdict_has_no_points_and_says_what_was_seen() -> None:
    lines = as_text(
        report(check(Outcome.ERROR, error="timed out\nafter 10 s")), color=False, verbose=False
    ).splitlines()
    assert lines[2:] == [
        "  ? error      -/3  A check that is error",
        "            seen      timed out",
        "                      after 10 s",
        "",
        "? error    no points: a check without a verdict leaves the rest without a score, 0.12 s",
    ]


def test_a_check_that_keeps_shows_no_points() -> None:
    text = as_text(report(check(Outcome.PASSED, keeps=True, points=0, max_points=0)), color=False, verbose=False)
    assert "  ✔ passed   keeps  A check that is passed" in text.splitlines()


def test_colour_only_wraps_the_outcome() -> None:
    plain, coloured = (as_text(report(PASSED, FAILED), color=c, verbose=False) for c in (False, True))
    assert "\x1b[" not in plain
    assert coloured.replace("\x1b[32m", "").replace("\x1b[31m", "").replace("\x1b[0m", "") == plain


def test_json_is_the_reports_own_document() -> None:
    assert json.loads(as_json(report(PASSED, FAILED))) == report(PASSED, FAILED).as_dict()


def test_junit_maps_outcomes_and_points() -> None:
    checks = (PASSED, FAILED, check(Outcome.ERROR, error="gone"), check(Outcome.SKIPPED, error="no kubelet"))
    root = ET.fromstring(as_junit(report(*checks)))
    suite = root[0]
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert {k: suite.get(k) for k in ("name", "tests", "failures", "errors", "skipped", "time")} == {
        "name": "some-scenario",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "0.123",
    }
    verdicts = {case.get("classname"): [child.tag for child in case if child.tag != "properties"] for case in suite[1:]}
    assert verdicts == {
        "some-scenario.is-passed": [],
        "some-scenario.is-failed": ["failure"],
        "some-scenario.is-error": ["error"],
        "some-scenario.is-skipped": ["skipped"],
    }
    points = suite.find("testcase/properties/property[@name='points']")
    assert points is not None
    assert points.get("value") == "3"
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "expected denied, observed allowed: HTTP 200"


@pytest.mark.parametrize("hostile", ["\x1b]0;x\x07", "a\x00b", "\ud800", "\uffff", "]]><x/>", '"&<'])
def test_junit_stays_readable_whatever_a_title_holds(hostile: str) -> None:
    evil = check(Outcome.FAILED, title=hostile, why=hostile, evidence=(Evidence(hostile, hostile, hostile, met=False),))
    root = ET.fromstring(as_junit(report(evil)))
    assert root.find("testsuite/testcase/failure") is not None
