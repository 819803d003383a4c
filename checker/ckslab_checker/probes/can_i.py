"""May they? Asked of the authorizers alone, by reviews of access: cheap, exact, and nothing happens.

Right for verbs that admission control has no say in (get, list, watch), and for what must go on working. Where a policy
may deny as well as RBAC, a review cannot see it: ``create``, ``debug-container`` and ``request`` ask for real.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from ckslab_checker import access
from ckslab_checker.access import Attributes
from ckslab_checker.asking import called, for_authorizers, identities, missing_accounts, missing_namespace
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Identity
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.model import Id, ProbeSpec, Text

_NAMELESS = frozenset({"create", "deletecollection"})
"""Verbs whose requests name no object, unless it is a subresource that is created."""


class CanI(ProbeSpec):
    """``can-i: {as, namespace?, verbs, resources, names?, expect}``; every combination is asked."""

    kind: ClassVar[str] = "can-i"
    asks_admission: ClassVar[bool] = False
    as_: Id | tuple[Id, ...] = Field(alias="as")
    """An identity of the scenario, or several."""
    namespace: Text | None = None
    """Without one the question is about the whole cluster."""
    verbs: tuple[Text, ...] = Field(min_length=1, strict=False)
    """Verbs as in a role."""
    resources: tuple[Text, ...] = Field(min_length=1, strict=False)
    """Resources: pods, pods/log, deployments.apps."""
    names: tuple[Text, ...] = Field(default=(), strict=False)
    """Names of objects. Without them ``allowed`` means any, and ``denied`` means none, whatever its name."""
    expect: Literal["allowed", "denied"]
    """What the answer must be."""

    @field_validator("resources")
    @classmethod
    def _are_resources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for resource in value:
            access.parse_resource(resource)
        return value

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if gone := missing_namespace(ctx, self.namespace):
            return gone
        who = identities(ctx, self.as_)
        if not self._denied:
            if gone := missing_accounts(ctx, who):
                return gone
            who = for_authorizers(ctx, who)
        return together(
            partial(self._evidence, ctx, identity, resource, names)
            for resource in self.resources
            for names in [self._names(ctx, resource)]
            for identity in who
        )

    def _names(self, ctx: Context, resource: str) -> Sequence[str]:
        """The names to ask about; the empty one is the question without a name."""
        group, parent, subresource = access.parse_resource(resource)
        access.require_existence(ctx.objects, group, "/".join(filter(None, (parent, subresource))))
        if self.namespace and not ctx.objects.resource(f"{parent}.{group}").namespaced:
            raise CannotTell(f"{resource} is in no namespace: a question about it in {self.namespace} means nothing")
        if self.names:
            return self.names
        if not self._denied:
            return [""]
        return ["", *access.names_of_interest(ctx.objects, ctx.rbac, resource, self.namespace)]

    @property
    def _denied(self) -> bool:
        return self.expect == "denied"

    def _evidence(self, ctx: Context, identity: Identity, resource: str, names: Iterable[str]) -> Evidence:
        group, parent, subresource = access.parse_resource(resource)
        against = []
        for verb in self.verbs:
            for name in names if subresource or verb not in _NAMELESS else [""]:
                asked = Attributes(verb, group, parent, subresource, self.namespace or "", name)
                if self._may(ctx, identity, asked) == self._denied:
                    against.append(f"{verb} {name}".rstrip())
                    break  # one name is enough to show it
        observed = {"allowed": "denied", "denied": "allowed"}[self.expect] if against else self.expect
        return Evidence(
            asked=self._told(identity, resource),
            expected=self.expect,
            observed=clean_line(f"{observed}: {', '.join(against)}" if against else observed),
            met=not against,
        )

    def _may(self, ctx: Context, identity: Identity, asked: Attributes) -> bool:
        decision = access.allowed(ctx.cluster, identity, asked, objects=ctx.objects)
        if self._denied and not decision.allowed and not asked.name:
            second = access.self_allowed(ctx.cluster, identity, asked)
            if second is not None and second.allowed:
                raise CannotTell(f"{called(identity)}, {asked}: one review of access says no, another says yes")
        return decision.allowed

    def _told(self, identity: Identity, resource: str) -> str:
        where = f"in {self.namespace}" if self.namespace else "in the whole cluster"
        which = f" named {', '.join(self.names)}" if self.names else ""
        return clean_line(f"May {called(identity)} {', '.join(self.verbs)} {resource}{which} {where}?")
