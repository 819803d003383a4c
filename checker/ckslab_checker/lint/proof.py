"""Rules about the proof: is there a suite that could show the checks to be wrong?"""

from collections.abc import Iterator

from ckslab_checker.lint.entry import Entry
from ckslab_labs.scenario.model import Case

OTHER_RIGHT = 2
WRONG = 3


def a_check_keeps(entry: Entry) -> Iterator[tuple[str, str]]:
    """Without a check that keeps, a fix that breaks all work would pass."""
    if not any(check.keeps for check in entry.scenario.spec.checks):
        yield "scenario.yaml", "no check keeps; add one for the work that must go on, with keeps: true"


def the_suite_is_complete(entry: Entry) -> Iterator[tuple[str, str]]:
    """The untouched start, the reference, other right fixes, and wrong ones."""
    cases = {case.name: case for case in entry.suite.cases}
    untouched, reference = cases.pop("untouched", None), cases.pop("reference", None)
    right = sum(case.right for case in cases.values())
    wrong = len(cases) - right
    if untouched is None:
        yield "suite.yaml", "no case untouched; add one that does nothing and names the checks that fail"
    if reference is None or not reference.right or not _plays_solution(reference):
        yield "suite.yaml", "no case reference that passes; add one with do: [{apply: solution/}] and expect: passed"
    if right < OTHER_RIGHT:
        yield (
            "suite.yaml",
            f"{right} right fixes beside the reference; at least {OTHER_RIGHT} are needed",
        )
    if wrong < WRONG:
        yield "suite.yaml", f"{wrong} wrong fixes beside untouched; at least {WRONG} are needed"


def _plays_solution(case: Case) -> bool:
    return any((action.apply or action.replace or "").split("/")[0] == "solution" for action in case.do)


def every_check_fails_and_passes(entry: Entry) -> Iterator[tuple[str, str]]:
    """A check that no case fails, or none passes, was never shown to tell the two apart."""
    failed = [entry.fails(case) for case in entry.suite.cases]
    for check in entry.scenario.spec.checks:
        if not any(check.id in ids for ids in failed):
            yield "suite.yaml", f"{check.id} fails in no case; add a wrong fix that it must catch"
        if all(check.id in ids for ids in failed):
            yield "suite.yaml", f"{check.id} passes in no case"


def wrong_fixes_score_too_little(entry: Entry) -> Iterator[tuple[str, str]]:
    """What is wrong must not reach the pass mark by what else it got right."""
    scenario = entry.scenario
    for case in entry.suite.cases:
        points = _points(entry, case)
        if not case.right and points * 100 >= scenario.pass_percent * scenario.max_points:
            most = f"{points} of {scenario.max_points} points"
            yield "suite.yaml", f"{case.name} is wrong and scores {most}; give the checks that it fails more weight"


def _points(entry: Entry, case: Case) -> int:
    fails = entry.fails(case)
    checks = entry.scenario.spec.checks
    if any(check.keeps and check.id in fails for check in checks):
        return 0
    return sum(check.points for check in checks if check.id not in fails)
