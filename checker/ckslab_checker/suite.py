"""Plays a scenario's own proof and compares what was found with what was demanded.

This is where a checker is itself checked, so nothing may soften a verdict here: a case is right only when every check
got exactly the outcome that the suite demands.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from ckslab_checker.outcome import CheckResult, Outcome, Report
from ckslab_checker.trial import play_and_check, try_fix
from ckslab_labs.errors import InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.loader import load_suite
from ckslab_labs.scenario.model import Case, Scenario

__all__ = ["CaseResult", "SuiteResult", "run_suite", "summary", "try_fix"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class CaseResult:
    """What became of one case. ``right`` is what the fix is; ``ok`` is whether the checker saw it so."""

    name: str
    right: bool
    seconds: float
    report: Report | None
    """``None`` where the fix could not be played."""
    mismatches: tuple[str, ...]
    """Each difference between what was demanded and what was found, as a line to read."""
    false_accept: bool = False
    """A wrong fix passed, or passed a check that it had to fail."""

    @property
    def ok(self) -> bool:
        """Whether everything came out as demanded."""
        return not self.mismatches

    @property
    def false_reject(self) -> bool:
        """Whether a right fix was refused; one without a verdict was not refused, but is not ``ok`` either."""
        return self.right and self.report is not None and self.report.outcome is Outcome.FAILED


@dataclass(frozen=True)
class SuiteResult:
    """What became of a suite."""

    scenario: str
    cases: tuple[CaseResult, ...]
    seconds: float
    left_out: tuple[str, ...] = ()
    """Cases that could not be played, as the cluster does not serve what they need."""

    @property
    def ok(self) -> bool:
        """Whether every played case came out as demanded."""
        return all(case.ok for case in self.cases)

    def as_dict(self) -> dict[str, Any]:
        """The suite in the document of ``author test``; ``right`` and ``wrong`` count fixes of each kind."""
        right = sum(case.right for case in self.cases)
        return {
            "id": self.scenario,
            "cases": len(self.cases),
            "right": right,
            "wrong": len(self.cases) - right,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
        }


def summary(results: Sequence[SuiteResult]) -> dict[str, Any]:
    """The JSON document of ``author test --all``."""
    cases = [case for result in results for case in result.cases]
    return {
        "scenarios": [result.as_dict() for result in results],
        "cases": len(cases),
        "false_accepts": sum(case.false_accept for case in cases),
        "false_rejects": sum(case.false_reject for case in cases),
        "seconds": round(sum(result.seconds for result in results), 3),
    }


def run_suite(
    scenario: Scenario, labs: Sequence[Lab], progress: Progress | None = None, cases: Sequence[Case] | None = None
) -> SuiteResult:
    """Play every case of a scenario's suite, or the cases that are given; several at a time on several planes.

    A plane's state is replaced for each case, so no plane may hold anybody's session.

    Args:
        scenario: whose suite.
        labs: the running planes to play on, of one version; each case is played on one that is free.
        progress: told each case's name before it is played.
        cases: some of the suite's; all unless given.

    Raises:
        ScenarioProblems: the suite is not valid.
        Infrastructure: a plane gave no answer; nothing is known about the suite then.

    """
    started = time.monotonic()
    free: SimpleQueue[Lab] = SimpleQueue()
    for lab in labs:
        free.put(lab)

    def run(case: Case) -> CaseResult:
        lab = free.get()
        if progress:
            progress(f"{scenario.id}: {case.name}")
        try:
            return _run_case(case, scenario, lab)
        finally:
            free.put(lab)

    asked = load_suite(scenario).cases if cases is None else cases
    chosen = [case for case in asked if case.needs is None or labs[0].objects.serves(case.needs)]
    if len(labs) == 1:  # in this thread, which an interrupt reaches at once
        results = tuple(run(case) for case in chosen)
    else:
        with ThreadPoolExecutor(len(labs)) as pool:
            results = tuple(pool.map(run, chosen))
    left_out = tuple(case.name for case in asked if case not in chosen)
    return SuiteResult(scenario.id, results, time.monotonic() - started, left_out)


def _run_case(case: Case, scenario: Scenario, lab: Lab) -> CaseResult:
    started = time.monotonic()
    try:
        report = play_and_check(scenario, lab, case.do, scenario.folder)
    except InvalidInput as error:
        return CaseResult(case.name, case.right, time.monotonic() - started, None, (f"could not be played: {error}",))
    return CaseResult(
        case.name,
        case.right,
        time.monotonic() - started,
        report,
        tuple(mismatches(case, report, scenario.pass_percent)),
        is_false_accept(case, report),
    )


# --- comparing --------------------------------------------------------------------------------------------------------


def expected(case: Case, check_id: str) -> Outcome:
    """The outcome that a case demands of a check; a check that it does not name must pass."""
    return Outcome.PASSED if isinstance(case.expect, str) else Outcome(case.expect.get(check_id, "passed"))


def mismatches(case: Case, report: Report, pass_percent: int) -> list[str]:
    """Every difference between what a case demands and what was found."""
    found = [
        f"{result.id}: must be {expected(case, result.id)}, is {result.outcome}{_seen(result)}"
        for result in report.checks
        if result.outcome is not expected(case, result.id)
    ]
    if not case.right and report.points is not None and report.points * 100 >= pass_percent * report.max_points:
        found.append(f"a wrong fix scores {report.points} of {report.max_points} points, which is a pass")
    return found


def is_false_accept(case: Case, report: Report) -> bool:
    """Whether a wrong fix passed, or passed a check that it had to fail."""
    missed = any(
        result.outcome is Outcome.PASSED and expected(case, result.id) is Outcome.FAILED for result in report.checks
    )
    return missed or (not case.right and report.outcome is Outcome.PASSED)


def _seen(result: CheckResult) -> str:
    """What the check saw: what was not met where it failed, everything where it passed and should not have."""
    if result.error:
        return f"\n    {result.error}"
    evidence = [e for e in result.evidence if e.met is (result.outcome is Outcome.PASSED)]
    return "".join(f"\n    asked {e.asked}; expected {e.expected}; observed {e.observed}" for e in evidence[:4])
