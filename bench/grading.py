"""Asking and grading: the questions of a check, the barrier, and whole grading cycles on one plane and on two."""

import subprocess
import threading
from collections.abc import Callable
from itertools import cycle, islice
from time import perf_counter

from bench.result import Result, times
from ckslab_checker import access, engine, facts
from ckslab_checker.barrier import settle
from ckslab_checker.catalogue import catalogue
from ckslab_checker.outcome import Outcome
from ckslab_checker.play import play
from ckslab_labs.cluster.port import Identity
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.loader import load_suite
from ckslab_labs.scenario.model import Case, Scenario

SCENARIO = "debug-rbac-update-kept"
CYCLES = 40


def measure() -> list[Result]:
    """Questions, the barrier, and grading cycles over right and wrong fixes."""
    scenario = catalogue().get(SCENARIO)
    labs = [Lab("bench-a"), Lab("bench-b")]
    try:
        for lab in labs:
            lab.run(scenario)
        first = labs[0]
        ctx = facts.context_for(scenario, first, first.run(scenario), live=False)
        one, mixed = _cases(scenario)
        return [
            Result("20 questions to the API", times(lambda: _questions(first), 20), limit=0.1),
            Result("the same 20 by kubectl auth can-i", times(lambda: _questions_by_kubectl(first), 2)),
            Result("RBAC barrier", times(lambda: settle(ctx, admission=False), 20), limit=0.1),
            Result("grading cycle, a right fix", times(lambda: _grade(first, scenario, one), CYCLES), limit=0.25),
            Result("graded on two planes, right and wrong", [_rate(labs, scenario, mixed)], "1/s", 6, at_least=True),
        ]
    finally:
        for lab in labs:
            lab.stop()


def _cases(scenario: Scenario) -> tuple[Case, list[Case]]:
    """The reference, and all cases that RBAC alone decides (admission policies take effect on a tick of 1 s)."""
    cases = [case for case in load_suite(scenario).cases if case.do and "policy" not in case.name]
    return next(case for case in cases if case.name == "reference"), cases


def _grade(lab: Lab, scenario: Scenario, case: Case) -> None:
    session = lab.run(scenario)
    ctx = facts.context_for(scenario, lab, session, live=False)
    play(case.do, scenario.folder, lab.objects, scenario.identities, session.files)
    report = engine.check(scenario, ctx, provider="embedded")
    if (report.outcome is Outcome.PASSED) != case.right:
        raise SystemExit(f"{case.name}: {report.outcome}")


def _rate(labs: list[Lab], scenario: Scenario, cases: list[Case]) -> float:
    """Gradings a second, with a thread for each plane."""
    failures: list[BaseException] = []

    def work(lab: Lab, offset: int) -> Callable[[], None]:
        def grade_many() -> None:
            try:
                for case in islice(cycle(cases[offset:] + cases[:offset]), CYCLES):
                    _grade(lab, scenario, case)
            except BaseException as error:
                failures.append(error)

        return grade_many

    threads = [threading.Thread(target=work(lab, index)) for index, lab in enumerate(labs)]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"grading failed: {failures[0]}")
    return len(labs) * CYCLES / (perf_counter() - start)


def _questions(lab: Lab) -> None:
    dana = Identity.of_user("dana", ("developers",))
    for verb in ("get", "list", "patch", "update", "create"):
        for resource in ("pods", "secrets", "configmaps", "services"):
            access.review(lab.cluster, dana, access.Attributes(verb, "", resource, namespace="production"))


def _questions_by_kubectl(lab: Lab) -> None:
    who = ["--as=dana", "--as-group=developers", "--as-group=system:authenticated", "-n", "production"]
    for verb in ("get", "list", "patch", "update", "create"):
        for resource in ("pods", "secrets", "configmaps", "services"):
            kubeconfig = f"--kubeconfig={lab.plane.layout.kubeconfig('admin')}"
            command = [lab.plane.binary("kubectl"), kubeconfig, "auth", "can-i", verb, resource, *who]
            subprocess.run(command, capture_output=True)
