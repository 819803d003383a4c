"""From a scenario's checks to a report. The engine alone turns evidence into an outcome.

It settles the cluster once, asks each check once, and lets no accident pass for a verdict: no evidence, no answer, or a
fault of a probe is an ``error``. Where somebody else writes to the cluster meanwhile, everything is asked again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import cast

from ckslab_checker import barrier
from ckslab_checker.access import Obstructed
from ckslab_checker.asking import OutOfDate
from ckslab_checker.context import Context, Probe
from ckslab_checker.outcome import CannotTell, CheckResult, Evidence, Outcome, Report
from ckslab_checker.recording import Recording, versions
from ckslab_checker.text import clean, clean_line
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import LabError
from ckslab_labs.scenario.model import Check, Scenario

ROUNDS = 3
"""How often everything is asked before a cluster that goes on changing is given up."""

Progress = Callable[[str], None]


def check(scenario: Scenario, ctx: Context, *, provider: str, progress: Progress | None = None) -> Report:
    """Ask all checks of a scenario, and report. Never raises for what the cluster says or fails to say.

    Where requests are made for real (``ctx.live`` is False) what a check leaves behind is undone before another is
    asked that could see it, and in the end.
    """
    began = time.monotonic()
    results: Sequence[CheckResult] = ()
    for _ in range(ROUNDS):
        results, steady = _Round(scenario, ctx, progress or (lambda title: None)).run()
        if steady:
            break
    else:
        moved = f"the cluster was changed while it was being checked, {ROUNDS} times in a row"
        results = [_result(each, Outcome.ERROR, error=moved) for each in scenario.spec.checks]
    return Report(
        scenario=scenario.id,
        version=scenario.metadata.version,
        provider=provider,
        seconds=time.monotonic() - began,
        checks=tuple(results),
    )


class _Round:
    """Everything asked once."""

    def __init__(self, scenario: Scenario, ctx: Context, progress: Progress) -> None:
        self._checks = scenario.spec.checks
        self._recording = Recording(ctx.cluster)
        self._plain = replace(ctx, served=ctx.served or ctx.objects)
        self._ctx = self._plain.by(self._recording)
        self._progress = progress
        self._real = sum(_asks_admission(each) for each in self._checks)
        self._notes: tuple[str, ...] = ()
        self._restore: Callable[[], bool] = lambda: False

    def run(self) -> tuple[list[CheckResult], bool]:
        """The results in the order of the checks, and whether nobody else changed the cluster meanwhile."""
        try:
            if any(Capability.KUBELET in type(each.probe).needs for each in self._checks):
                barrier.await_pods(self._plain)
            barrier.await_controllers(self._plain)
            with self._kept(), closing(self._plain.opened):
                self._notes = self._settle()
                before = self._versions()
                results = self._ask_all()
                return results, self._versions() == before
        except Obstructed as error:
            return [_result(each, Outcome.FAILED, [_obstruction(error)]) for each in self._checks], True
        except (CannotTell, LabError) as error:
            return [_result(each, Outcome.ERROR, error=str(error)) for each in self._checks], True

    def _settle(self, *, everything: bool = False, policies: bool = True) -> tuple[str, ...]:
        notes = barrier.settle(
            self._plain, admission=self._real > 0, policies=policies, everything=everything, leave=self._keeps
        )
        self._ctx = self._plain.by(self._recording)
        return notes

    @property
    def _keeps(self) -> bool:
        return self._real > 0 and self._plain.checkpoint is not None

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Leave nothing behind, where that is in our power."""
        if self._keeps and self._plain.checkpoint is not None:
            with self._plain.checkpoint() as self._restore:
                yield
        else:
            yield

    def _versions(self) -> object:
        """Nobody else is at work where requests are made for real, so nothing is looked up there."""
        if not self._plain.live:
            return None
        return versions(self._plain.objects, self._plain.control_namespace, admission=self._real > 0)

    def _ask_all(self) -> list[CheckResult]:
        """Ask what leaves nothing behind first, so that little has to be undone."""
        results = {each.id: self._result(each) for each in sorted(self._checks, key=_asks_admission)}
        return [results[each.id] for each in self._checks]

    def _result(self, asked: Check) -> CheckResult:
        self._progress(asked.title)
        missing = type(asked.probe).needs - self._plain.cluster.capabilities
        if missing:
            reason = f"this cluster cannot answer: it lacks {', '.join(sorted(missing))}"
            return _result(asked, Outcome.SKIPPED, error=reason)
        if self._plain.start is None and getattr(asked.probe, "needs_start", False):
            reason = "this cluster cannot answer: nobody saw the start that is compared with"
            return _result(asked, Outcome.SKIPPED, error=reason)
        try:
            if _asks_admission(asked):
                self._undo(asked)
            evidence = self._evidence(asked)
        except Obstructed as error:
            evidence = [_obstruction(error)]
        except (CannotTell, LabError) as error:
            return _result(asked, Outcome.ERROR, error=str(error), notes=self._notes)
        except Exception as error:  # a fault of a probe is no verdict on anybody's work
            return _result(asked, Outcome.ERROR, error=f"a fault of the checker: {type(error).__name__}: {error}")
        if not evidence:
            return _result(asked, Outcome.ERROR, error="a fault of the checker: nothing was asked")
        outcome = Outcome.PASSED if all(item.met for item in evidence) else Outcome.FAILED
        return _result(asked, outcome, evidence, notes=self._notes)

    def _evidence(self, asked: Check) -> list[Evidence]:
        probe = cast(Probe, asked.probe)
        try:
            return probe.ask(self._ctx)
        except OutOfDate:
            self._plain = replace(self._plain)  # forgets what was found before
            self._settle(everything=True)
            return probe.ask(self._ctx)

    def _undo(self, asked: Check) -> None:
        """Go back to the state before the first request that was made for real, where the next check could see any."""
        left = self._recording.left_behind
        if _is_seen(left, _namespaces(asked)):
            policies = self._restore() or any("admission" in path for path in left)
            if policies or any("rbac" in path or path.endswith("/namespaces") for path in left):
                self._settle(policies=policies)  # those that nothing was done to are in force already
            left.clear()


def _obstruction(error: Obstructed) -> Evidence:
    return Evidence("Does the cluster still answer who may do what?", "yes", str(error), met=False)


def _is_seen(left: Sequence[str], namespaces: Sequence[str]) -> bool:
    """Whether a check of these namespaces, or of everything, could see what was left behind at these paths."""
    inside = [f"/namespaces/{namespace}/" for namespace in namespaces] or ["/"]
    return any(any(part in path for part in inside) or "/namespaces/" not in path for path in left)


def _namespaces(asked: Check) -> Sequence[str]:
    """The namespaces that a check names; none where it looks everywhere."""
    named: str | Sequence[str] | None = getattr(asked.probe, "namespace", None)
    return [named] if isinstance(named, str) else named or []


def _asks_admission(asked: Check) -> bool:
    """Whether admission control has a say in a check's answers; a probe that does not tell is taken to ask it."""
    return bool(getattr(asked.probe, "asks_admission", True))


def _result(
    asked: Check,
    outcome: Outcome,
    evidence: Sequence[Evidence] = (),
    error: str | None = None,
    notes: Sequence[str] = (),
) -> CheckResult:
    return CheckResult(
        id=asked.id,
        title=asked.title,
        outcome=outcome,
        points=asked.points if outcome is Outcome.PASSED else 0,
        max_points=asked.points,
        keeps=asked.keeps,
        why=asked.why,
        evidence=tuple(_cleaned(item) for item in evidence),
        error=None if error is None else clean(error),
        notes=tuple(clean_line(note) for note in notes),
    )


def _cleaned(item: Evidence) -> Evidence:
    return Evidence(clean(item.asked), clean(item.expected), clean(item.observed), item.met)
