"""Does Kyverno refuse it? Kyverno's own command decides, and a real API server where that command cannot.

Requests are asked about as an installation's webhooks get them: to create, update and delete, of subresources too. A
ClusterPolicy is decided by ``kyverno apply``. A ValidatingPolicy is decided by an API server, from a
ValidatingAdmissionPolicy that says the same, and by ``kyverno apply`` where that knows all of the request, namely where
no subresource is asked for, and what is there is not compared with what is asked for; the two must agree. What makes
pods is the command's alone where Kyverno extends a policy on pods to it. What cannot be seen: PolicyExceptions, the
namespaces that an installation leaves out, and whether its webhooks are there.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from pydantic import Field, model_validator

from ckslab_checker.answers import AnswerFile, WrongForm, as_yaml, read_answer
from ckslab_checker.context import Context
from ckslab_checker.kyverno import apiserver
from ckslab_checker.kyverno.asking import Answer, Asked, everybody
from ckslab_checker.kyverno.cli import Cli
from ckslab_checker.kyverno.policies import CLUSTER, VALIDATING, Policy, read
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.reviewed import Reviewed
from ckslab_labs.cluster.port import Capability
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.model import Id, ProbeSpec

TOOL = "kyverno"
_WORDS = {True: "Kyverno refuses it", False: "Kyverno lets it through"}


class Kyverno(ProbeSpec):
    """``kyverno: {file, requests, denied, namespaces?}``."""

    kind: ClassVar[str] = "kyverno"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API})
    tools: ClassVar[frozenset[str]] = frozenset({TOOL})
    file: AnswerFile
    """The learner's ClusterPolicies and ValidatingPolicies."""
    denied: bool
    """Whether each of the requests must be refused; each is made by others as well, for another object."""
    requests: tuple[Reviewed, ...] = Field(min_length=1, strict=False)
    namespaces: dict[Id, dict[str, str]] = Field(default_factory=dict)
    """Labels of namespaces, beside the one that holds the name."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> "Kyverno":
        names = [each.name for each in self.requests]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two requests are about {twice[0]}: give each an object of its own")
        for each in self.requests:
            if not _holds(each.object, each.old or {}):
                raise ValueError(
                    f"{each.name}: an update can be asked about that adds or changes, not one that removes"
                )
        return self

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        asked = f"Does Kyverno take what {self.file} holds?"
        cli = Cli(ctx.tool(TOOL), self.namespaces)
        try:
            policies = read(as_yaml(read_answer(ctx.files / self.file), self.file))
            requests = everybody(self.requests, ctx.identities, policies, ctx.seed)
            answers = self._answers(ctx, cli, policies, requests)
        except WrongForm as problem:
            return [Evidence(asked, "it does", f"your file: {problem}", met=False)]
        return [*self._idle(answers), *(self._judge(*each) for each in zip(requests, answers, strict=True))]

    def _answers(
        self, ctx: Context, cli: Cli, policies: Sequence[Policy], requests: Sequence[Asked]
    ) -> Sequence[Answer]:
        """What all policies together make of each request; one that refuses is enough."""
        validating = [policy for policy in policies if policy.kind == VALIDATING]
        clusters = [policy for policy in policies if policy.kind == CLUSTER]
        calls = [partial(cli.answers, policy, requests) for policy in clusters]
        found: list[Sequence[Answer]] = [
            [answers.get(each.name, Answer(False)) for each in requests] for answers in together(calls)
        ]
        if validating:
            found.append(self._of_validating(ctx, cli, validating, requests))
        return [max(each, key=lambda answer: answer.denied) for each in zip(*found, strict=True)]

    def _of_validating(
        self, ctx: Context, cli: Cli, policies: Sequence[Policy], requests: Sequence[Asked]
    ) -> Sequence[Answer]:
        server = _server(ctx, cli, policies)
        by_server = server.answers(requests, self.namespaces)
        known = server.completed([each for each in requests if _is_known(each, policies)])
        by_command = together([partial(_by_command, cli, policy, known) for policy in policies])
        return [
            _agreed(each, policies, [answers.get(each.name, Answer(False)) for answers in by_command], server)
            for each, server in zip(requests, by_server, strict=True)
        ]

    def _idle(self, answers: Sequence[Answer]) -> list[Evidence]:
        """Said first where nothing is refused that must be."""
        if not self.denied or any(answer.denied for answer in answers):
            return []
        asked = f"Does a policy of {self.file} refuse anything that is asked for here?"
        return [Evidence(asked, "one does", "none does: none acts on these requests, or none denies", met=False)]

    def _judge(self, asked: Asked, answer: Answer) -> Evidence:
        why = f" ({answer.why})" if answer.why else ""
        return Evidence(str(asked), _WORDS[self.denied], _WORDS[answer.denied] + why, met=answer.denied is self.denied)


def _server(ctx: Context, cli: Cli, policies: Sequence[Policy]) -> apiserver.Server:
    """An API server on which the policies are in force; while it starts, Kyverno is asked whether it takes them."""
    if ctx.auditor is None:
        raise CannotTell("no API server can be run beside this cluster's own, to decide a ValidatingPolicy")
    begin = partial(apiserver.running, ctx.auditor, policies)
    server = partial(ctx.opened.once, f"kyverno {policies}", begin)
    taken = (partial(ctx.once, f"Kyverno takes {each!r}", partial(cli.require_taken, each)) for each in policies)
    together([*taken, server])
    return server()


def _by_command(cli: Cli, policy: Policy, requests: Sequence[Asked]) -> Mapping[str, Answer]:
    """What Kyverno's command says of those requests that are its to answer, for this policy."""
    return cli.answers(policy, [each for each in requests if _is_shared(each) or _is_extended(policy, each)])


def _agreed(asked: Asked, policies: Sequence[Policy], by_command: Sequence[Answer], by_server: Answer) -> Answer:
    """The one answer.

    Raises:
        CannotTell: Kyverno's command and the API server say otherwise of what both know.

    """
    command = max(by_command, key=lambda answer: answer.denied)
    if any(_is_extended(policy, asked) for policy in policies):
        return max(command, by_server, key=lambda answer: answer.denied)
    if _is_shared(asked) and command.denied is not by_server.denied:
        told = f"{_WORDS[command.denied]} by its command, {_WORDS[by_server.denied]} by an API server"
        raise CannotTell(f"{asked}: {told} {command.why}{by_server.why}".strip())
    return by_server


def _is_known(asked: Asked, policies: Sequence[Policy]) -> bool:
    """Whether Kyverno's command is asked about it at all."""
    return _is_shared(asked) or any(_is_extended(policy, asked) for policy in policies)


def _is_shared(asked: Asked) -> bool:
    """Whether Kyverno's command is asked as well as the server; those that others make are the server's alone."""
    return asked.other is None and not asked.reviewed.subresource and not asked.compares


def _is_extended(policy: Policy, asked: Asked) -> bool:
    return not asked.reviewed.subresource and policy.is_extended_to(asked.reviewed.resource)


def _holds(new: object, old: object) -> bool:
    """Whether every key of ``old`` is in ``new`` as well, at any depth."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and _holds(new[key], old[key]) for key in old)
    return True
