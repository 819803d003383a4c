"""Can they create this? A manifest is sent as the identity, through authorization and all of admission control."""

import copy
from functools import partial
from typing import Any, ClassVar

from pydantic import Field, JsonValue

from ckslab_checker.access import Attributes
from ckslab_checker.asking import (
    Question,
    identities,
    judge,
    missing_accounts,
    missing_namespace,
    require_well_formed,
    with_members,
)
from ckslab_checker.context import Context
from ckslab_checker.layers import Expectation
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_labs.cluster.objects import CannotResolve, Resource
from ckslab_labs.cluster.port import Identity
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.model import Id, ProbeSpec, Text


class Create(ProbeSpec):
    """``create: {as, namespace?, manifest, expect}``; the object's name gets an ending that nobody can foresee."""

    kind: ClassVar[str] = "create"
    as_: Id | tuple[Id, ...] = Field(alias="as")
    """An identity of the scenario, or several."""
    namespace: Text | None = None
    """Where to create it; not for objects that are in no namespace."""
    manifest: dict[str, JsonValue]
    """The object, with apiVersion, kind and metadata.name."""
    expect: Expectation
    """What the answer must be; a layer only where the task asks for that layer."""

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if gone := missing_namespace(ctx, self.namespace):
            return gone
        who = identities(ctx, self.as_)
        if self.expect == "allowed":
            if gone := missing_accounts(ctx, who):
                return gone
            who = with_members(ctx, who)
        resource = self._resource(ctx)
        return together(partial(self._ask, ctx, resource, number, identity) for number, identity in enumerate(who))

    def _ask(self, ctx: Context, resource: Resource, number: int, identity: Identity) -> Evidence:
        question = self._question(ctx, resource, self.namespace, str(number))
        answer = question.put(ctx, identity, dry_run=ctx.dry_run)
        if not answer.ok:
            ours = ctx.control_namespace if self.namespace else None
            require_well_formed(ctx, self._question(ctx, resource, ours, str(number)))
        return judge(ctx, identity, question, answer, self.expect)

    def _resource(self, ctx: Context) -> Resource:
        try:
            resource = ctx.objects.of(dict(self.manifest))
        except CannotResolve as error:
            raise CannotTell(error.seen) from None
        if resource.namespaced != (self.namespace is not None):
            raise CannotTell(f"{resource.name}: {'give' if resource.namespaced else 'take away'} the check's namespace")
        return resource

    def _question(self, ctx: Context, resource: Resource, namespace: str | None, number: str) -> Question:
        manifest: dict[str, Any] = copy.deepcopy(self.manifest)
        metadata = manifest.setdefault("metadata", {})
        metadata["name"] = f"{metadata.get('name', 'probe')}-{ctx.seed}{number}"
        if namespace:
            metadata["namespace"] = namespace
        attributes = Attributes("create", resource.group, resource.name, namespace=namespace or "")
        where = f" in {namespace}" if namespace else ""
        return Question(f"POST {resource.name}{where}", "POST", resource.path(None, namespace), attributes, manifest)
