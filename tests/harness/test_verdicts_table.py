"""The table that compares providers sees a difference where there is one."""

from dataclasses import replace
from datetime import date

from bench.verdicts import compare, read, table

from ckslab_checker.outcome import CheckResult, Evidence, Outcome, Report
from ckslab_checker.suite import CaseResult, SuiteResult


def played(name: str, **outcomes: Outcome) -> CaseResult:
    checks = tuple(CheckResult(id_, "", outcome, 0, 1, False, "") for id_, outcome in outcomes.items())
    return CaseResult(name, True, 1.0, Report("s", 1, "embedded", 1.0, checks), ())


def suite(*cases: CaseResult) -> SuiteResult:
    return SuiteResult("s", cases, 2.0)


def test_equal_verdicts_are_counted() -> None:
    both = suite(played("a", x=Outcome.PASSED, y=Outcome.FAILED), played("b", x=Outcome.PASSED, y=Outcome.PASSED))
    found = compare(both, both)
    assert (found.cases, found.checks, found.differences) == (2, 4, ())
    assert found.row == f"| s | {date.today()} | 2 | 4 | 0 | 2 s | 2 s |"


def test_another_verdict_and_a_missing_one_are_named() -> None:
    ours = suite(played("a", x=Outcome.PASSED, y=Outcome.FAILED))
    theirs = suite(played("a", x=Outcome.ERROR))
    assert compare(ours, theirs).differences == (
        "s, a, x: passed on a plane, error on kind",
        "s, a, y: failed on a plane, not asked on kind",
    )
    seen = (Evidence("asked", "allowed", "HTTP 404", met=False),)
    refused = CheckResult("x", "", Outcome.FAILED, 0, 1, False, "", evidence=seen)
    told = suite(CaseResult("a", True, 1.0, Report("s", 1, "kind", 1.0, (refused,)), ()))
    assert "s, a, x: passed on a plane, failed (HTTP 404) on kind" in compare(ours, told).differences
    unplayed = suite(CaseResult("a", True, 1.0, None, ("could not be played",)))
    assert len(compare(ours, unplayed).differences) == 2


def test_what_a_table_holds_is_read_back() -> None:
    equal = compare(suite(played("a", x=Outcome.PASSED)), suite(played("a", x=Outcome.PASSED)))
    other = compare(suite(played("a", x=Outcome.PASSED)), suite(played("a", x=Outcome.FAILED)))
    found = {"s": other, "t": replace(equal, scenario="t", played="2026-11-01")}
    assert read(table(found.values())) == found
    assert "| all | | 2 | 2 | 1 | | |" in table(found.values())
