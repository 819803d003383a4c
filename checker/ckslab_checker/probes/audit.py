"""Is it logged? The learner's audit policy runs in an API server of its own, requests are made, and its log is read.

Nothing is read in the policy itself: a rule that is shadowed by another, spelt for a resource that there is not, or
left out at the stage that matters shows in the log, and in nothing else. The requests are made with certificates of
those who make them, as an audit policy takes whoever is impersonated for the one who impersonates
(https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/). Each is made once more by somebody whom no policy can
name, in a namespace and for an object that none can name either.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from ckslab_checker.answers import AnswerFile, WrongForm, read_answer
from ckslab_checker.audited import Event, Played, play
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Audited, Capability, Identity, PolicyRefused
from ckslab_labs.scenario.model import ProbeSpec

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
"""From nothing to everything."""
ANSWERED = ("ResponseComplete", "Panic")
"""The stages at which a request is over: what reads a log (Falco's rules, for instance) looks for these."""

Level = Literal["None", "Metadata", "Request", "RequestResponse"]


class Audit(ProbeSpec):
    """``audit: {file, requests, at-least?, at-most?}``."""

    kind: ClassVar[str] = "audit"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.AUDIT})
    file: AnswerFile
    """The learner's audit policy."""
    requests: tuple[Played, ...] = Field(min_length=1, strict=False)
    at_least: Level | None = Field(default=None, alias="at-least")
    """The level at which each must be logged once it is answered, or a higher one."""
    at_most: Level | None = Field(default=None, alias="at-most")
    """The level above which none may be logged, at any stage."""

    @model_validator(mode="after")
    def _asks_something(self) -> "Audit":
        if self.at_least in (None, "None") and self.at_most in (None, "RequestResponse"):
            raise ValueError("give at-least, at-most or both, such that something can fail")
        if self.at_least and self.at_most and _rank(self.at_least) > _rank(self.at_most):
            raise ValueError("at-least is above at-most")
        return self

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        asked = f"Does an API server start with {self.file} as its audit policy?"
        try:
            trial = self._trial(ctx)
        except WrongForm as problem:
            return [Evidence(asked, "it starts", f"your file: {problem}", met=False)]
        except PolicyRefused as problem:
            return [Evidence(asked, "it starts", f"it does not: {clean_line(str(problem), 500)}", met=False)]
        stranger = Identity.of_user(ctx.member)
        requests = [each for played in self.requests for each in played.by(ctx.identities)]
        requests += [(played.elsewhere(ctx.seed), stranger) for played in self.requests]
        return [self._judge(*each) for each in play(trial, requests)]

    def _trial(self, ctx: Context) -> Audited:
        """The server that runs with the file; one for all checks that ask about it."""
        if ctx.auditor is None:
            raise CannotTell("no API server can be run beside this cluster's own")
        auditor, policy = ctx.auditor, read_answer(ctx.files / self.file)
        return ctx.opened.once(f"audit {self.file}", lambda: auditor(policy))

    def _judge(self, played: Played, identity: Identity, events: Sequence[Event]) -> Evidence:
        answered = _highest(event for event in events if event["stage"] in ANSWERED)
        highest = _highest(events)
        too_low = self.at_least is not None and _rank(answered) < _rank(self.at_least)
        too_high = self.at_most is not None and _rank(highest) > _rank(self.at_most)
        seen = _told(answered)
        if highest != answered:
            stages = ", ".join(dict.fromkeys(str(event["stage"]) for event in events))
            seen = f"{seen} once it is answered, only at the stage {stages}"
        asked = clean_line(f"{played.told(identity)}: is it logged?")
        return Evidence(asked, self._expected(), seen, met=not (too_low or too_high))

    def _expected(self) -> str:
        if self.at_most == "None":
            return _told("None")
        parts = [
            f"{self.at_least} or above" if self.at_least else "",
            f"{self.at_most} or below" if self.at_most else "",
        ]
        exactly = self.at_least == self.at_most
        return f"logged at {self.at_least if exactly else ' and '.join(filter(None, parts))}"


def _rank(level: str) -> int:
    return LEVELS.index(level)


def _highest(events: Any) -> str:
    return max((str(event["level"]) for event in events), key=_rank, default="None")


def _told(level: str) -> str:
    return "not logged" if level == "None" else f"logged at {level}"
