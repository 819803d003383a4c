"""What one object says: the last resort, where no question about behaviour can tell.

It sees the shape of one solution, so a right fix of another shape may fail it. That is why it wants a written reason,
and why a probe that asks for an effect is to be preferred always.
"""

from typing import Any, ClassVar

from pydantic import Field, JsonValue, model_validator

from ckslab_checker import values
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_labs.cluster.objects import CannotResolve
from ckslab_labs.scenario.model import ProbeSpec, Text


class ObjectSays(ProbeSpec):
    """``object: {because, kind, name, namespace?, exists}`` or ``{because, kind, name, namespace?, path, equals}``."""

    kind: ClassVar[str] = "object"
    asks_admission: ClassVar[bool] = False
    because: Text
    """Why nothing but the object itself can be asked."""
    object_kind: Text = Field(alias="kind")
    """Kind, plural or ``plural.group``."""
    name: Text
    namespace: Text | None = None
    """``default`` unless given, where the kind has namespaces."""
    exists: bool | None = None
    path: tuple[str | int, ...] = Field(default=(), strict=False)
    """Keys, and numbers of list items, down to a value."""
    equals: JsonValue = None
    """What the value must be; null also means that it must not be set."""

    @model_validator(mode="after")
    def _one_question(self) -> "ObjectSays":
        asks_value = bool(self.path) and "equals" in self.model_fields_set
        if bool(self.path) != ("equals" in self.model_fields_set) or (self.exists is not None) == asks_value:
            raise ValueError("give either exists, or path and equals")
        return self

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        found = self._fetch(ctx)
        called = f"{self.object_kind}/{self.name}" + (f" -n {self.namespace}" if self.namespace else "")
        if self.exists is not None:
            observed = found is not None
            told = (values.yes(self.exists), values.yes(observed))
            return [Evidence(f"{called}: is it there?", *told, self.exists == observed)]
        place = values.place(self.path)
        value = values.at(found, self.path)
        met = values.same(value, self.equals)
        return [Evidence(f"{called}: what is {place}?", values.shown(self.equals), values.shown(value), met)]

    def _fetch(self, ctx: Context) -> Any | None:
        """The object, or None where the API server knows none of that name."""
        try:
            answer = ctx.objects.get(self.object_kind, self.name, self.namespace or "default")
        except CannotResolve as error:
            raise CannotTell(error.seen) from None
        if answer.ok:
            return answer.body
        if answer.status == 404 and answer.reason == "NotFound":
            return None
        raise CannotTell(f"GET {self.object_kind}/{self.name} was answered with HTTP {answer.status} {answer.message}")
