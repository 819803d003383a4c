"""Does an alert fire? promtool plays requests, as an API server counts them, against the learner's Prometheus rules.

Nothing is read in an expression. An alert that asks for labels that nobody writes, or for the increase of a series that
has just begun, looks right and never fires; so time is played, and what fires is asked
(https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/). What is played is in ``counted``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, ClassVar

from pydantic import Field, model_validator

from ckslab_checker.answers import AnswerFile, WrongForm, as_yaml, read_answer
from ckslab_checker.context import Context
from ckslab_checker.counted import SCRAPE, WATCHED, Counted, Fired, Play
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability
from ckslab_labs.scenario.documents import listed
from ckslab_labs.scenario.model import ProbeSpec
from ckslab_labs.tools import Tool

TOOL = "promtool"
_CLOCK = re.compile(
    r"\b(time|timestamp|minute|hour|day_of_week|day_of_month|day_of_year|days_in_month|month|year)\s*\("
)
"""Functions that ask what time it is. promtool plays the first hours of 1970, and no others."""
_ASIDE = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""")
"""Comments and strings of an expression (https://prometheus.io/docs/prometheus/latest/querying/basics/)."""
RESERVED = "ALERTS"
"""How the series begin that Prometheus writes itself about alerts."""


_EVALUATION = re.compile(r"rule: .*?err: (.+)", re.DOTALL)
"""What promtool says of a rule that is loaded, and fails when it is evaluated."""
_OBJECTION = re.compile(r'expr: "[^\n]* # (\d+) (before|after)", time:')
"""What promtool says of an expression of ours whose value is another."""


class Alert(ProbeSpec):
    """``alert: {file, requests, fires}``."""

    kind: ClassVar[str] = "alert"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API})
    tools: ClassVar[frozenset[str]] = frozenset({TOOL})
    file: AnswerFile
    """The learner's Prometheus rules."""
    fires: bool
    """Whether some alert must fire after each of the requests; none may before."""
    requests: tuple[Counted, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _each_once(self) -> "Alert":
        if len(set(self.requests)) < len(self.requests):
            raise ValueError("a request is there twice")
        return self

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        asked = f"Does Prometheus load {self.file}?"
        promtool = ctx.tool(TOOL)
        try:
            rules = read_answer(ctx.files / self.file)
            groups = _read_groups(rules, self.file)
        except WrongForm as problem:
            return [Evidence(asked, "it does", f"your file: {problem}", met=False)]
        check = partial(promtool.run, ["check", "rules", "rules.yaml"], {"rules.yaml": rules})
        loaded = ctx.once(f"promtool's check of {self.file}", check)
        if loaded.code != 0:
            said = clean_line(loaded.said.replace("Checking rules.yaml", "").strip(), 500)
            return [Evidence(asked, "it does", f"it does not: {said}", met=False)]
        try:
            fired = self._fired(_Prometheus(promtool, rules, _interval(groups)), ctx)
        except _CannotBeEvaluated as problem:
            asked = f"Can Prometheus evaluate the rules of {self.file}?"
            return [Evidence(asked, "it can", f"it cannot: {problem}", met=False)]
        return [self._judge(request, found) for request, found in zip(self.requests, fired, strict=True)]

    def _fired(self, prometheus: "_Prometheus", ctx: Context) -> list[Fired]:
        """What fires for each of the requests; quick where all is as demanded.

        Raises:
            CannotTell: promtool gives no answer.

        """
        demanded = Fired(before=False, after=self.fires)
        plays = [Play(request, ctx.seed) for request in self.requests]
        return prometheus.fired_in(plays, demanded)

    def _judge(self, request: Counted, fired: Fired) -> Evidence:
        expected = f"an alert fires within {WATCHED} minutes, and none before it" if self.fires else "no alert fires"
        seen = "an alert fires" if fired.after else "no alert fires"
        if fired.before:
            seen = "an alert fires before it happens, while nothing of the kind goes on"
        asked = f"{request}: does an alert fire?"
        return Evidence(asked, expected, seen, met=not fired.before and fired.after is self.fires)


class _CannotBeEvaluated(Exception):
    """Rules are loaded, and an expression in them has no result; the text says why."""


@dataclass(frozen=True)
class _Prometheus:
    """promtool with somebody's rules."""

    promtool: Tool
    rules: bytes
    interval: str
    """Between two evaluations."""

    def fired_in(self, plays: Sequence[Play], demanded: Fired) -> list[Fired]:
        """What fires in each play; quick where that is what is demanded.

        promtool names the moments at which it is not, and is asked whether exactly there it is otherwise. Its exit code
        decides, not what it says; where it objects again, each play is asked about by itself.

        Raises:
            CannotTell: promtool gives no answer.

        """
        found = [demanded] * len(plays)
        said = self._objection(plays, found)
        if said is None:
            return found
        found = _otherwise(said, found)
        if set(found) != {demanded} and self._objection(plays, found) is None:
            return found
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(self._fired, plays))

    def _fired(self, play: Play) -> Fired:
        """What fires: promtool finds one of the four possible answers right."""
        said: str | None = ""
        for before, after in product((False, True), repeat=2):
            said = self._objection([play], [Fired(before, after)])
            if said is None:
                return Fired(before, after)
        raise CannotTell(f"promtool gives no answer: {clean_line(said or '', 500)}")

    def _objection(self, plays: Sequence[Play], fired: Sequence[Fired]) -> str | None:
        """What promtool says against it that this fires in these plays; None: nothing, it is so."""
        tests = [play.test(number, each) for number, (play, each) in enumerate(zip(plays, fired, strict=True))]
        document = {"rule_files": ["rules.yaml"], "evaluation_interval": self.interval, "tests": tests}
        files = {"rules.yaml": self.rules, "test.yaml": json.dumps(document).encode()}
        ran = self.promtool.run(["test", "rules", "test.yaml"], files)
        if ran.code != 0 and (problem := _EVALUATION.search(ran.said)):
            raise _CannotBeEvaluated(clean_line(problem[1], 500))
        return None if ran.code == 0 else ran.said


def _otherwise(said: str, expected: Sequence[Fired]) -> list[Fired]:
    """What fires if it is the contrary of what was expected wherever promtool objects."""
    named = set(_OBJECTION.findall(said))
    return [
        Fired(each.before != ((str(number), "before") in named), each.after != ((str(number), "after") in named))
        for number, each in enumerate(expected)
    ]


def _read_groups(rules: bytes, name: str) -> list[Mapping[str, Any]]:
    """The groups of rules, as far as they have the right form; whether they have is for promtool to say.

    Raises:
        WrongForm: they are no YAML; write what only Prometheus writes, that an alert fires; or depend on the hour.

    """
    (document,) = as_yaml(rules, name, max_documents=1)
    groups: list[Mapping[str, Any]] = [group for group in listed(document, "groups") if isinstance(group, dict)]
    for rule in (rule for group in groups for rule in listed(group, "rules") if isinstance(rule, dict)):
        if str(rule.get("record", "")).startswith(RESERVED):
            raise WrongForm(f"it records {rule['record']}, which Prometheus writes itself")
        if asked := _CLOCK.search(_ASIDE.sub(" ", str(rule.get("expr", "")))):
            raise WrongForm(f"it goes by the clock ({asked[1]}()), and must not")
    return groups


def _interval(groups: Sequence[Mapping[str, Any]]) -> str:
    """How often rules are evaluated. promtool takes one for all groups: the longest of those that hold alerts."""
    alerting = (each for each in groups if any(isinstance(r, dict) and "alert" in r for r in listed(each, "rules")))
    asked = [str(group["interval"]) for group in alerting if group.get("interval")]
    return max([f"{SCRAPE}s", *asked], key=_seconds)


def _seconds(duration: str) -> float:
    """Of a duration as Prometheus writes it (``1h30m``)."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))
