"""Asking and grading: the questions of a check, the barrier, and whole grading cycles on one plane and on two."""

import gc
import multiprocessing
import subprocess
from itertools import cycle, islice
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from time import monotonic

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
from ckslab_tui.__main__ import OBJECTS

SCENARIO = "debug-rbac-update-kept"
CYCLES = 40


def measure() -> list[Result]:
    """Questions, the barrier, and grading cycles over right and wrong fixes."""
    scenario = catalogue().get(SCENARIO)
    lab = Lab("bench-a")
    try:
        ctx = facts.context_for(scenario, lab, lab.run(scenario), live=False)
        right = _cases(scenario)[0]
        return [
            Result("20 questions to the API", times(lambda: _questions(lab), 20), limit=0.1),
            Result("the same 20 by kubectl auth can-i", times(lambda: _questions_by_kubectl(lab), 2)),
            Result("RBAC barrier", times(lambda: settle(ctx, admission=False), 20), limit=0.1),
            Result("grading cycle, a right fix", times(lambda: _grade(lab, scenario, right), CYCLES), limit=0.25),
            Result("graded on two planes, right and wrong", [_rate(lab)], "1/s", 6, at_least=True),
        ]
    finally:
        lab.stop()


def _cases(scenario: Scenario) -> list[Case]:
    """The reference, and all other cases that RBAC alone decides: other admission control takes effect in seconds."""
    others = ("policy", "webhook", "pod-security")
    cases = [case for case in load_suite(scenario).cases if case.do and not any(word in case.name for word in others)]
    return sorted(cases, key=lambda case: case.name != "reference")


def _grade(lab: Lab, scenario: Scenario, case: Case) -> None:
    session = lab.run(scenario)
    ctx = facts.context_for(scenario, lab, session, live=False)
    play(case.do, scenario.folder, lab.objects, scenario.identities, session.files)
    report = engine.check(scenario, ctx, provider="embedded")
    if (report.outcome is Outcome.PASSED) != case.right:
        raise SystemExit(f"{case.name}: {report.outcome}")


def _rate(first: Lab) -> float:
    """Gradings a second by two graders, each a process with a plane of its own, as they would grade a classroom."""
    together = multiprocessing.get_context("spawn")
    begin, ends = together.Barrier(2), together.Queue()
    second = together.Process(target=_grade_many, args=("bench-b", begin, ends))
    second.start()
    _grade_many(first.name, begin, ends)
    second.join()
    if second.exitcode:
        raise SystemExit("grading on the second plane failed")
    spans: list[tuple[float, float]] = [ends.get() for _ in range(2)]
    return 2 * CYCLES / (max(end for _, end in spans) - min(start for start, _ in spans))


def _grade_many(plane: str, begin: Barrier, ends: "Queue[tuple[float, float]]") -> None:
    gc.set_threshold(OBJECTS)  # as the command does: this is a process of its own
    scenario = catalogue().get(SCENARIO)
    lab = Lab(plane)
    try:
        cases = _cases(scenario)
        _grade(lab, scenario, cases[0])
        begin.wait(timeout=120)
        start = monotonic()
        for case in islice(cycle(cases), CYCLES):
            _grade(lab, scenario, case)
        ends.put((start, monotonic()))
    finally:
        lab.stop()


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
