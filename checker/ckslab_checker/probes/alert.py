"""Does an alert fire? promtool plays requests, as an API server counts them, against the learner's Prometheus rules.

Nothing is read in an expression. An alert that asks for labels that nobody writes, or for the increase of a series that
has just begun, looks right and never fires; so time is played, and what fires is asked
(https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/). Each request is played in hours of its
own, in which nothing else of its kind happens. The counter and its labels are those of the API server
(https://kubernetes.io/docs/reference/instrumentation/metrics/, apiserver_request_total).
"""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from ckslab_checker.answers import AnswerFile, WrongForm, as_yaml, read_answer
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability
from ckslab_labs.scenario.documents import listed
from ckslab_labs.scenario.model import ProbeSpec, Strict
from ckslab_labs.tools import Tool

TOOL = "promtool"
METRIC = "apiserver_request_total"
SCRAPE = 30
"""Seconds between two samples, and between two evaluations where a rule group does not say otherwise."""
QUIET = 140
"""Minutes without such a request before it happens: an alert may look back half of it."""
RESTART = QUIET - 10
"""Minute in which the API server was started again that counts anew."""
WATCHED = 10
"""Minutes after it in which the alert must fire."""
_CLOCK = re.compile(
    r"\b(time|timestamp|minute|hour|day_of_week|day_of_month|day_of_year|days_in_month|month|year)\s*\("
)
"""Functions that ask what time it is. promtool plays the first hours of 1970, and no others."""
_ASIDE = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""")
"""Comments and strings of an expression (https://prometheus.io/docs/prometheus/latest/querying/basics/)."""
SERVERS = ("10.0.0.11:6443", "10.0.0.12:6443")
RESERVED = "ALERTS"
"""How the series begin that Prometheus writes itself about alerts."""


_FIRST = {
    "ever": "the first ever",
    "of-its-kind": "the first of its kind",
    "at-server": "the first since its API server was restarted",
}


class Counted(Strict):
    """A request that an API server has answered, by the labels under which it is counted."""

    verb: str
    """In capital letters; ``APPLY`` for server-side apply, ``CONNECT`` for what becomes a stream."""
    group: str = ""
    version: str = "v1"
    resource: str
    subresource: str = ""
    scope: str = "resource"
    dry_run: Literal["", "All"] = Field(default="", alias="dry-run")
    code: str = "200"
    first: Literal["ever", "of-its-kind", "at-server"] | None = None
    """The series begins with it: as nothing like it was ever counted; only with other verbs, or to no effect; or none
    since its server was started again."""

    def akin(self) -> "list[Counted]":
        """Requests that are counted beside it: by other verbs, as dry runs, and refused."""
        verbs = [self.model_copy(update={"verb": verb}) for verb in ("PATCH", "PUT", "APPLY") if verb != self.verb]
        idle = [self.model_copy(update={"dry_run": "All"}), self.model_copy(update={"code": "403"})]
        return [each for each in (*verbs, *idle) if each != self]

    def labels(self) -> dict[str, str]:
        """As in a sample, but for who was scraped."""
        names = ("verb", "group", "version", "resource", "subresource", "scope", "dry_run", "code")
        return {name: str(getattr(self, name)) for name in names} | {"component": "apiserver"}

    def __str__(self) -> str:
        parts = [self.verb, "/".join(filter(None, (self.group, self.resource, self.subresource)))]
        parts += ["as a dry run"] * bool(self.dry_run)
        parts += [f"answered with {self.code}"]
        parts += [_FIRST[self.first]] if self.first else []
        return f"{' '.join(parts[:2])}, {', '.join(parts[2:])}"


_EVALUATION = re.compile(r"rule: .*?err: (.+)", re.DOTALL)
"""What promtool says of a rule that is loaded, and fails when it is evaluated."""
USUAL = (
    Counted(verb="LIST", resource="pods", scope="namespace"),
    Counted(verb="GET", resource="pods"),
    Counted(verb="PATCH", resource="pods"),
    Counted(verb="PATCH", resource="pods", subresource="status"),
    Counted(verb="POST", resource="pods", code="201"),
    Counted(verb="PUT", group="coordination.k8s.io", resource="leases"),
)
"""What goes on in any cluster, all the time."""


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
        loaded = promtool.run(["check", "rules", "rules.yaml"], {"rules.yaml": rules})
        if loaded.code != 0:
            said = clean_line(loaded.said.replace("Checking rules.yaml", "").strip(), 500)
            return [Evidence(asked, "it does", f"it does not: {said}", met=False)]
        try:
            fired = self._fired(_Prometheus(promtool, rules, _interval(groups)), ctx)
        except _CannotBeEvaluated as problem:
            asked = f"Can Prometheus evaluate the rules of {self.file}?"
            return [Evidence(asked, "it can", f"it cannot: {problem}", met=False)]
        return [self._judge(request, found) for request, found in zip(self.requests, fired, strict=True)]

    def _fired(self, prometheus: "_Prometheus", ctx: Context) -> "list[Fired]":
        """What fires for each of the requests; quick where all is as demanded.

        Raises:
            CannotTell: promtool gives no answer.

        """
        demanded = Fired(before=False, after=self.fires)
        plays = [_Play(request, ctx.seed) for request in self.requests]
        if prometheus.objection([(play, demanded) for play in plays]) is None:
            return [demanded] * len(plays)
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(prometheus.fired, plays))

    def _judge(self, request: Counted, fired: "Fired") -> Evidence:
        expected = f"an alert fires within {WATCHED} minutes, and none before it" if self.fires else "no alert fires"
        seen = "an alert fires" if fired.after else "no alert fires"
        if fired.before:
            seen = "an alert fires before it happens, while nothing of the kind goes on"
        asked = f"{request}: does an alert fire?"
        return Evidence(asked, expected, seen, met=not fired.before and fired.after is self.fires)


class _CannotBeEvaluated(Exception):
    """Rules are loaded, and an expression in them has no result; the text says why."""


@dataclass(frozen=True)
class Fired:
    """Whether some alert fires in the hour before a request, and in the minutes after it."""

    before: bool
    after: bool


class _Play:
    """One request, in hours of its own."""

    def __init__(self, request: Counted, seed: str) -> None:
        self._request = request
        self._random = random.Random(f"{seed} {request}")  # noqa: S311 - numbers that no rule can foresee
        self._samples = list(self._series())

    def test(self, fired: Fired) -> dict[str, Any]:
        """What promtool finds right where exactly that fires."""
        asked = [_asked(QUIET - 1, QUIET // 2, fired.before), _asked(QUIET + WATCHED, WATCHED, fired.after)]
        return {"interval": f"{SCRAPE}s", "input_series": self._samples, "promql_expr_test": asked}

    def _series(self) -> Iterator[dict[str, str]]:
        """Everything that is scraped: what is usual, what has happened long ago, and what happens now."""
        before, after = QUIET * 60 // SCRAPE, WATCHED * 60 // SCRAPE
        for server in SERVERS:
            for usual in USUAL:
                many = f"{self._random.randint(1000, 9000)}+{self._random.randint(1, 9)}x{before + after}"
                yield _sample(METRIC, usual.labels(), server, many)
            yield _sample("up", {}, server, f"1x{before + after}")
            # Counted without any label, whatever was logged: k8s.io/apiserver/pkg/audit/metrics.go.
            yield _sample(
                "apiserver_audit_event_total", {}, server, f"{self._random.randint(1000, 90000)}+7x{before + after}"
            )
        yield from self._of_the_kind(before, after)

    def _of_the_kind(self, before: int, after: int) -> Iterator[dict[str, str]]:
        """The request, and what is counted beside it, where it is not the first of all."""
        here, other = self._random.sample(SERVERS, 2)
        labels, first = self._request.labels(), self._request.first
        count, step = self._random.randint(2, 900), self._random.randint(1, 3)
        if first != "ever":
            for server, akin in product(SERVERS, self._request.akin()):
                yield _sample(METRIC, akin.labels(), server, f"{self._random.randint(1, 90)}x{before + after}")
        if first == "at-server":
            yield _sample(METRIC, labels, other, f"{count + 3}x{before + after}")
        ended = RESTART * 60 // SCRAPE
        was_there = {
            "ever": f"_x{before}",
            "of-its-kind": f"_x{before}",
            "at-server": f"{count}x{ended - 1} stale _x{before - ended - 1}",
            None: f"{count - 1}x1 {count}x{before - 3}",  # the last one was long ago
        }[first]
        now = step if first else count + step
        yield _sample(METRIC, labels, here, f"{was_there} {now}x{after}")


@dataclass(frozen=True)
class _Prometheus:
    """promtool with somebody's rules."""

    promtool: Tool
    rules: bytes
    interval: str
    """Between two evaluations."""

    def fired(self, play: _Play) -> Fired:
        """What fires: promtool finds one of the four possible answers right."""
        said: str | None = ""
        for before, after in product((False, True), repeat=2):
            said = self.objection([(play, Fired(before, after))])
            if said is None:
                return Fired(before, after)
        raise CannotTell(f"promtool gives no answer: {clean_line(said or '', 500)}")

    def objection(self, plays: Sequence[tuple[_Play, Fired]]) -> str | None:
        """What promtool says against it that this fires in these plays; None: nothing, it is so."""
        tests = [play.test(fired) for play, fired in plays]
        document = {"rule_files": ["rules.yaml"], "evaluation_interval": self.interval, "tests": tests}
        files = {"rules.yaml": self.rules, "test.yaml": json.dumps(document).encode()}
        ran = self.promtool.run(["test", "rules", "test.yaml"], files)
        if ran.code != 0 and (problem := _EVALUATION.search(ran.said)):
            raise _CannotBeEvaluated(clean_line(problem[1], 500))
        return None if ran.code == 0 else ran.said


def _asked(at: int, minutes: int, fires: bool) -> dict[str, Any]:
    firing = 'count(ALERTS{alertstate="firing"}) or vector(0)'
    expression = f"max_over_time(({firing})[{minutes}m:{SCRAPE}s]) > bool 0"
    return {"expr": expression, "eval_time": f"{at}m", "exp_samples": [{"labels": "{}", "value": int(fires)}]}


def _sample(metric: str, labels: Mapping[str, str], server: str, values: str) -> dict[str, str]:
    text = ",".join(f'{name}="{value}"' for name, value in {**labels, "job": "apiserver", "instance": server}.items())
    return {"series": f"{metric}{{{text}}}", "values": values}


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
