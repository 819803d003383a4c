"""A fix that opens another hole is not a fix: nobody may have gained a sensitive power since the start.

Roles and bindings of the start and of now are compared (``powers``); every candidate is then put to the API server.
What was allowed at the start cannot be asked any more, so that alone is worked out from the objects of the start, for
the same identity with the same groups. A power that is only moved (to a role of another name, to a group that had it)
is not new; a power given to somebody who did not have it is, unless the task asks for that and ``accept`` says so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import ClassVar

from pydantic import Field

from ckslab_checker.access import Attributes, review
from ckslab_checker.asking import identities
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.powers import Grant, Grants, Power, other_powers, sensitive_powers
from ckslab_checker.principals import Subject, as_seen
from ckslab_checker.sensitive import INCLUDED
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability, Identity
from ckslab_labs.scenario.model import Id, ProbeSpec

SHOWN = 6
"""Powers of a subject, and notes, that are spelled out; the rest is counted."""


class NoNewPowers(ProbeSpec):
    """``no-new-powers: {accept: [identities that the task lets gain powers]}``."""

    kind: ClassVar[str] = "no-new-powers"
    asks_admission: ClassVar[bool] = False
    needs_start: ClassVar[bool] = True
    accept: tuple[Id, ...] = Field(default=(), strict=False)

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if ctx.start is None:
            raise CannotTell("nobody saw the start of this cluster, so nothing can be said about what is new")
        aggregated = Capability.CONTROLLERS in ctx.cluster.capabilities
        before = Grants(ctx.start.rbac, aggregated=aggregated)
        new = Grants(ctx.rbac, aggregated=aggregated).since(before)
        accepted = _accepted(identities(ctx, self.accept))
        judged = [grant for grant in new if not accepted & _names(grant.subject)]
        inquiry = _Inquiry(ctx, before)
        gained = inquiry.gained(judged)
        verdict = [_gained(subject, where, powers) for (subject, where), powers in _by_owner(gained)]
        return [*(verdict or [_nobody(len(new))]), *_notes(inquiry.others(judged))]


class _Inquiry:
    """Questions about new grants, each asked once."""

    def __init__(self, ctx: Context, before: Grants) -> None:
        self._ctx = ctx
        self._before = before

    def gained(self, grants: Iterable[Grant]) -> list[Power]:
        """The sensitive powers that the API server confirms, without those that a wildcard among them includes."""
        found: list[Power] = []
        for power in _distinct(power for grant in grants for power in sensitive_powers(grant)):
            included = any(_includes(wildcard, power) for wildcard in found)
            if not included and any(self._may(identity, power.asked) for identity in self._had_not(power)):
                found.append(power)
        return found

    def others(self, grants: Iterable[Grant]) -> list[Power]:
        """Powers that are new and not sensitive, by the roles' own words."""
        powers = _distinct(power for grant in grants for power in other_powers(grant))
        return [power for power in powers if any(self._had_not(power))]

    def _may(self, identity: Identity, asked: Attributes) -> bool:
        return review(self._ctx.cluster, identity, asked).allowed

    def _had_not(self, power: Power) -> Iterator[Identity]:
        for identity in as_seen(power.grant.subject, self._ctx.identities.values(), self._ctx.member):
            if not any(self._before.allow(identity, asked) for asked in _implied_by(power.asked)):
                yield identity


def _implied_by(asked: Attributes) -> list[Attributes]:
    """The power itself, and what includes it."""
    if (asked.resource, asked.subresource) in {("nodes", name) for name in INCLUDED}:
        return [asked, replace(asked, subresource="proxy")]
    return [asked]


def _distinct(powers: Iterable[Power]) -> list[Power]:
    """Each power once, by owner; wildcards first."""
    by_question = {_question(power): power for power in powers}
    return [by_question[question] for question in sorted(by_question)]


def _question(power: Power) -> tuple[Subject, str, bool, str, str, str, str]:
    asked = power.asked
    return *_owner_of(power), asked.path != "*", asked.group, asked.path, asked.verb, asked.name


def _includes(wildcard: Power, power: Power) -> bool:
    same_owner = _owner_of(wildcard) == _owner_of(power)
    everything = wildcard.asked.path == "*" and not wildcard.asked.name
    verb = wildcard.asked.verb in ("*", power.asked.verb)
    return same_owner and everything and verb and wildcard.asked.group in ("*", power.asked.group)


def _accepted(gaining: Iterable[Identity]) -> set[str]:
    """The users and groups that may gain; nobody's groups of the system are meant."""
    names = {name for identity in gaining for name in (identity.user, *identity.groups)}
    return {name for name in names if not name.startswith("system:") or name.startswith("system:serviceaccount:")}


def _names(subject: Subject) -> set[str]:
    account = f"system:serviceaccount:{subject.namespace}:{subject.name}"
    return {account if subject.kind == "ServiceAccount" else subject.name}


def _owner_of(power: Power) -> tuple[Subject, str]:
    return power.grant.subject, power.grant.namespace


def _by_owner(powers: Iterable[Power]) -> Iterator[tuple[tuple[Subject, str], list[Power]]]:
    for owner, group in groupby(powers, key=_owner_of):
        yield owner, list(group)


def _gained(subject: Subject, namespace: str, powers: list[Power]) -> Evidence:
    return Evidence(
        asked=f"{_owner(subject, namespace)}: what may it do that it could not do at the start?",
        expected="nothing sensitive",
        observed="; ".join(_lines(powers)),
        met=False,
    )


def _nobody(new: int) -> Evidence:
    return Evidence(
        asked="Who may do something sensitive that they could not do at the start?",
        expected="nobody",
        observed=f"nobody ({new} new grants in roles and bindings)" if new else "nobody (no new grants)",
        met=True,
    )


def _notes(powers: list[Power]) -> list[Evidence]:
    if not powers:
        return []
    lines = [f"{_owner(*owner)}: {', '.join(_lines(group))}" for owner, group in _by_owner(powers)]
    return [Evidence("What else is new?", "worth a look, not judged", "; ".join(lines), met=True)]


def _owner(subject: Subject, namespace: str) -> str:
    return clean_line(f"{subject} {f'in {namespace}' if namespace else 'everywhere'}", 200)


def _lines(powers: list[Power]) -> list[str]:
    """``patch, update pods/ephemeralcontainers (runs code in pods)``, one for each resource."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for power in powers:
        asked = power.asked
        resource = f"{asked.path}.{asked.group}" if asked.group else asked.path
        resource += f" named {asked.name}" if asked.name else ""
        known = verbs.setdefault((resource, power.what), [])
        known.extend([asked.verb] if asked.verb not in known else [])
    lines = [
        clean_line(f"{', '.join(names)} {resource}{f' ({what})' if what else ''}", 200)
        for (resource, what), names in verbs.items()
    ]
    return [*lines[:SHOWN], *([f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])]
