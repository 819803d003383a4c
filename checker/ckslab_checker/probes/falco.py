"""Does a Falco rule fire? Requests are made on an API server that logs all of them, and the rules read its log.

The events are real; Falco is emulated (see ``ckslab_checker.falco``), and the evidence says so.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ckslab_checker.answers import AnswerFile, WrongForm, as_yaml, read_answer
from ckslab_checker.audited import Event, Played, play
from ckslab_checker.context import Context
from ckslab_checker.falco import validation
from ckslab_checker.falco.conditions import WrongRule
from ckslab_checker.falco.rules import Rule, firing, load
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Audited, Capability, Identity
from ckslab_labs.scenario.model import ProbeSpec

POLICY = b"""apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
"""
"""By which the API server logs: everything, once it is answered, with both bodies."""


ADMINISTRATORS = "system:masters"
"""May do everything: each request is made once more by one of them, whom no rule can name."""


class Falco(ProbeSpec):
    """``falco: {file, requests, fires}``."""

    kind: ClassVar[str] = "falco"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.AUDIT})
    file: AnswerFile
    """The learner's Falco rules."""
    fires: bool
    """Whether some rule must fire for each of the requests, or none may."""
    requests: tuple[Played, ...] = Field(min_length=1, strict=False)

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        try:
            rules = self._rules(ctx)
        except (WrongForm, WrongRule) as problem:
            asked = f"Does Falco (emulated) load {self.file}?"
            expected = "it does" if self.fires else "it does, or it cannot fire"
            return [Evidence(asked, expected, f"it does not: {clean_line(str(problem), 500)}", met=not self.fires)]
        administrator = Identity.of_user(ctx.member, (ADMINISTRATORS,))
        requests = [each for played in self.requests for each in played.by(ctx.identities)]
        requests += [(played, administrator) for played in self.requests]
        return [self._judge(rules, *each) for each in play(self._trial(ctx), requests)]

    def _rules(self, ctx: Context) -> list[Rule]:
        """The rules, once each that can say whether the file is loaded has said so.

        Raises:
            WrongForm, WrongRule: it is not loaded.
            CannotTell: the Falco of this machine loads it, and the emulation does not.

        """
        content = read_answer(ctx.files / self.file)
        refused = ctx.once(f"what Falco says of {self.file}", lambda: _refusal(ctx, content))
        try:
            rules = load([item for document in as_yaml(content, self.file) for item in _listed(document)])
        except WrongRule as problem:
            if refused == "":
                raise CannotTell(f"the falco on PATH loads {self.file}, its emulation does not: {problem}") from None
            raise
        if refused:
            raise WrongRule(f"the falco on PATH says {refused}")
        return rules

    def _trial(self, ctx: Context) -> Audited:
        """A server that logs everything; one for all checks that ask about rules."""
        auditor = ctx.auditor
        if auditor is None:
            raise CannotTell("no API server can be run beside this cluster's own")
        return ctx.opened.once("everything is logged", lambda: auditor(POLICY))

    def _judge(self, rules: Sequence[Rule], played: Played, identity: Identity, events: Sequence[Event]) -> Evidence:
        if not events:
            raise CannotTell(f"{played.told(identity)}: it was not logged")
        fired = list(dict.fromkeys(name for event in events for name in firing(rules, event)))
        words = {True: "a rule fires", False: "no rule fires"}
        seen = f"fires: {', '.join(fired)}" if fired else words[False]
        asked = f"{played.told(identity)}: does a rule fire (Falco is emulated)?"
        return Evidence(clean_line(asked), words[self.fires], clean_line(seen), met=bool(fired) is self.fires)


def _refusal(ctx: Context, rules: bytes) -> str | None:
    """What the Falco of this machine has against the rules, as ``validation.refusal``; None where there is none."""
    falco = ctx.on_path("falco")
    return validation.refusal(falco, rules) if falco else None


def _listed(document: object) -> list[object]:
    """The items of a document; Falco reads several one after the other.

    Raises:
        WrongRule: it is no list.

    """
    if not isinstance(document, list):
        raise WrongRule("rules content is not a YAML array of objects")
    return document
