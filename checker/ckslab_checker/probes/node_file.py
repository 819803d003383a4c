"""What a file of the control-plane node says: a last resort, where no question about behaviour can tell.

What a file means to whoever reads it, and whether that runs with it, is not asked. Ask the API server or the kubelet
for an effect wherever there is one.
"""

from typing import ClassVar

from pydantic import Field, JsonValue, model_validator

from ckslab_checker import values
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.text import clean_line
from ckslab_labs import strict_yaml
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.model import ProbeSpec, Text


class NodeFile(ProbeSpec):
    """``node-file: {because, path, exists}`` or ``{because, path, key, equals}``."""

    kind: ClassVar[str] = "node-file"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.CONTROL_PLANE_FILES})
    because: Text
    """Why nothing but the file itself can be asked."""
    path: str = Field(pattern=r"^/\S+$")
    """Below ``/etc/kubernetes``, or the kubelet's configuration."""
    exists: bool | None = None
    key: tuple[str | int, ...] = Field(default=(), strict=False)
    """Keys, and numbers of list items, down to a value of the YAML in it."""
    equals: JsonValue = None
    """What the value must be; null also means that it must not be set."""

    @model_validator(mode="after")
    def _one_question(self) -> "NodeFile":
        if bool(self.key) != ("equals" in self.model_fields_set) or (self.exists is not None) == bool(self.key):
            raise ValueError("give either exists, or key and equals")
        return self

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if ctx.node is None:
            raise CannotTell("this cluster's node is out of reach")
        data = ctx.node.read(self.path)
        if self.exists is not None:
            told = (values.yes(self.exists), values.yes(data is not None))
            return [Evidence(f"{self.path}: is it there?", *told, self.exists == (data is not None))]
        value = values.at(self._read(data), self.key)
        met = values.same(value, self.equals)
        asked = clean_line(f"{self.path}: what is {values.place(self.key)}?")
        return [Evidence(asked, values.shown(self.equals), values.shown(value), met)]

    def _read(self, data: bytes | None) -> object:
        """The YAML in it; nothing where there is no file, or none that whoever it is for could read."""
        try:
            return None if data is None else strict_yaml.load(data, source=self.path)
        except InvalidInput:
            return None
