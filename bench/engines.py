"""What decides beside RBAC: admission policies, audit, and the engines that have programs of their own."""

from time import perf_counter

from bench.result import Result
from ckslab_checker import engine, facts
from ckslab_checker.barrier import settle
from ckslab_checker.catalogue import catalogue
from ckslab_checker.context import Context
from ckslab_checker.outcome import Outcome
from ckslab_checker.play import play
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.loader import load_suite
from ckslab_labs.tools import make_ready

ADMISSION = "debug-in-break-glass-only"
RUNS = 5
VERDICTS = {
    "admission policy": (ADMISSION, 2.0),
    "audit policy": ("audit-misses-debugging", 5.0),
    "promtool": ("debug-alert-never-fires", 3.0),
    "gator": ("debug-constraint-never-fires", 3.0),
    "Kyverno, ClusterPolicy": ("kyverno-rejects-every-pod", 3.0),
    "Kyverno, ValidatingPolicy": ("kyverno-blocks-every-update", 3.0),
    "Falco, emulated": ("falco-rule-never-loads", 5.0),
}
"""Whose reference fix is checked, and the seconds that the whole check may take."""


def measure() -> list[Result]:
    """The barrier of admission policies, and from a right fix to its verdict by every engine."""
    make_ready({tool for id, _ in VERDICTS.values() for tool in _tools(id)}, lambda _: None)
    lab = Lab("bench-engines")
    try:
        barriers = [_barrier(lab) for _ in range(RUNS)]
        return [
            Result("barrier of admission policies", barriers, limit=1.5),
            *(
                Result(f"a fix to its verdict: {name}", [_verdict(lab, id) for _ in range(RUNS)], limit=limit)
                for name, (id, limit) in VERDICTS.items()
            ),
        ]
    finally:
        lab.stop()


def _tools(id: str) -> set[str]:
    return {name for check in catalogue().get(id).spec.checks for name in check.probe.tools}


def _barrier(lab: Lab) -> float:
    """Seconds from the last write of a fix until everything of it is in force."""
    ctx = _fixed(lab, ADMISSION)
    start = perf_counter()
    settle(ctx, admission=True)
    return perf_counter() - start


def _verdict(lab: Lab, id: str) -> float:
    """Seconds from the last write of the reference fix to the verdict."""
    ctx = _fixed(lab, id)
    start = perf_counter()
    report = engine.check(catalogue().get(id), ctx, provider="embedded")
    if report.outcome is not Outcome.PASSED:
        raise SystemExit(f"{id}: {report.outcome}")
    return perf_counter() - start


def _fixed(lab: Lab, id: str) -> Context:
    scenario = catalogue().get(id)
    session = lab.run(scenario)
    case = next(case for case in load_suite(scenario).cases if case.name == "reference")
    play(case.do, scenario.folder, lab.objects, scenario.identities, session.files)
    return facts.context_for(scenario, lab, session, live=False)
