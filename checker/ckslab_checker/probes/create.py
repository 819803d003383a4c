"""Can they create this? A manifest is sent as the identity, through authorization and all of admission control."""

import copy
from functools import partial
from itertools import product
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

_Object = dict[str, JsonValue]


class Create(ProbeSpec):
    """``create: {as, namespace?, manifest, expect}``; the object's name gets an ending that nobody can foresee."""

    kind: ClassVar[str] = "create"
    as_: Id | tuple[Id, ...] = Field(alias="as")
    """An identity of the scenario, or several."""
    namespace: Text | tuple[Text, ...] | None = None
    """Where to create it, in one place or several; not for objects that are in no namespace."""
    manifest: _Object | tuple[_Object, ...]
    """The object, with apiVersion, kind and metadata.name; or several, each of which is tried."""
    expect: Expectation
    """What the answer must be; a layer only where the task asks for that layer."""

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        namespaces = self._namespaces
        if gone := [evidence for namespace in namespaces for evidence in missing_namespace(ctx, namespace)]:
            return gone
        who = identities(ctx, self.as_)
        if self.expect == "allowed":
            if gone := missing_accounts(ctx, who):
                return gone
            who = with_members(ctx, who)
        manifests = (self.manifest,) if isinstance(self.manifest, dict) else self.manifest
        tried = [(manifest, self._resource(ctx, manifest)) for manifest in manifests]
        asked = product(tried, namespaces, who)
        return together(partial(self._ask, ctx, str(number), *each) for number, each in enumerate(asked))

    @property
    def _namespaces(self) -> tuple[str | None, ...]:
        return self.namespace if isinstance(self.namespace, tuple) else (self.namespace,)

    def _ask(
        self, ctx: Context, number: str, tried: tuple[_Object, Resource], namespace: str | None, identity: Identity
    ) -> Evidence:
        question = self._question(ctx, number, *tried, namespace)
        answer = question.put(ctx, identity, dry_run=ctx.dry_run)
        if not answer.ok:
            ours = ctx.control_namespace if namespace else None
            require_well_formed(ctx, self._question(ctx, number, *tried, ours))
        return judge(ctx, identity, question, answer, self.expect)

    def _resource(self, ctx: Context, manifest: _Object) -> Resource:
        try:
            resource = ctx.objects.of(dict(manifest))
        except CannotResolve as error:
            raise CannotTell(error.seen) from None
        if resource.namespaced != (self.namespace is not None):
            raise CannotTell(f"{resource.name}: {'give' if resource.namespaced else 'take away'} the check's namespace")
        return resource

    def _question(
        self, ctx: Context, number: str, manifest: _Object, resource: Resource, namespace: str | None
    ) -> Question:
        body: dict[str, Any] = copy.deepcopy(manifest)
        metadata = body.setdefault("metadata", {})
        name = metadata.get("name", "probe")
        metadata["name"] = f"{name}-{ctx.seed}{number}"
        if namespace:
            metadata["namespace"] = namespace
        attributes = Attributes("create", resource.group, resource.name, namespace=namespace or "")
        which = f" ({name})" if isinstance(self.manifest, tuple) else ""
        told = f"POST {resource.name}{which}" + (f" in {namespace}" if namespace else "")
        return Question(told, "POST", resource.path(None, namespace), attributes, body)
