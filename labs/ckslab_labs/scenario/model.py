"""What a scenario folder holds, as values. One model parses the YAML and makes the JSON Schema, so they cannot differ.

Nothing in here reads a file or talks to a cluster. The parameters of a check's probe are opaque here: the checker
brings a model for each kind of probe, and the loader applies it (labs may not import the checker).
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from typing_extensions import TypedDict  # pydantic needs this one below Python 3.12

from ckslab_labs.cluster.port import Capability, Identity

ID_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
SERVICE_ACCOUNT_PATTERN = r"^[a-z0-9-]+/[a-z0-9.-]+$"
OBJECT_PATTERN = r"^[A-Za-z][A-Za-z0-9.-]*/[^/\s]+( -n [a-z0-9-]+)?$"

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Text = Annotated[str, Field(min_length=1)]
ObjectName = Annotated[str, Field(pattern=OBJECT_PATTERN)]
"""``kind/name [-n namespace]``, as one would type it after ``kubectl delete``."""


class Strict(BaseModel):
    """A frozen value that refuses unknown keys and does not coerce types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Metadata(Strict):
    """Who a scenario is, and what it trains."""

    id: Id
    """The folder's name."""
    title: Text
    """What is wrong, as one line of the catalogue."""
    domain: Id
    """The domain of the curriculum under which it stands."""
    competencies: tuple[Id, ...] = Field(min_length=1, strict=False)
    """The bullets of the curriculum that it trains."""
    guide: Id | None = None
    """The guide's control, where there is one."""
    version: int = Field(ge=1)
    """One more whenever a fix that passed could now fail."""


class IdentitySpec(Strict):
    """An identity of a scenario: ``{user, groups}`` or ``{serviceAccount: namespace/name}``."""

    user: Text | None = None
    """A user's name, as the API server sees it."""
    groups: tuple[Text, ...] = Field(default=(), strict=False)
    """The user's groups; system:authenticated is added."""
    service_account: str | None = Field(default=None, alias="serviceAccount", pattern=SERVICE_ACCOUNT_PATTERN)
    """``namespace/name``; its groups are added."""

    @model_validator(mode="after")
    def _one_of(self) -> "IdentitySpec":
        if (self.user is None) == (self.service_account is None):
            raise ValueError("give either user (with groups) or serviceAccount")
        if self.service_account is not None and self.groups:
            raise ValueError("a service account's groups are added automatically: remove groups")
        return self

    def identity(self) -> Identity:
        """The identity with every group the API server would see."""
        if self.service_account is not None:
            namespace, name = self.service_account.split("/", 1)
            return Identity.of_service_account(namespace, name)
        assert self.user is not None
        return Identity.of_user(self.user, self.groups)


class ProbeSpec(Strict):
    """Base of the parameters of one kind of probe; the checker subclasses it, one file per kind."""

    kind: ClassVar[str]
    """The key under which it stands in a check."""
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API})
    """Capabilities without which the question cannot be asked."""
    tools: ClassVar[frozenset[str]] = frozenset()
    """Programs that decide it besides the API server; keys of ``ckslab_labs.tools.TOOLS``."""


class Check(Strict):
    """One line of the report: what must hold, why, and the one probe that asks."""

    id: Id
    title: Text
    """The line of the report."""
    why: Text
    """Why it matters, in one sentence; names no answer."""
    points: int = Field(default=0, ge=0)
    """What a pass is worth."""
    keeps: bool = False
    """Holds before the fix and after; no points, but without it the score is 0."""
    probe: ProbeSpec
    """Read by the loader from the one key that names a kind of probe."""

    @model_validator(mode="after")
    def _points_or_keeps(self) -> "Check":
        if self.keeps and self.points:
            raise ValueError("a check that keeps has no points")
        if not self.keeps and not self.points:
            raise ValueError("give points, or keeps: true")
        return self


class Spec(Strict):
    """The task's frame and its checks."""

    difficulty: Literal["warm-up", "exam", "hard"]
    """How hard, compared with a task of the exam."""
    minutes: int = Field(ge=1, le=60)
    """How long it should take."""
    requires: tuple[Annotated[Capability, Field(strict=False)], ...] = Field(min_length=1, strict=False)
    """What the cluster must be able to do."""
    identities: dict[Id, IdentitySpec] = Field(default_factory=dict)
    """Who the probes and the cases act as, by a short name."""
    checks: tuple[Check, ...] = Field(min_length=1, strict=False)
    """What must hold."""


class ScenarioFile(Strict):
    """``scenario.yaml``: a misconfigured starting state's metadata, identities and checks."""

    api_version: Literal["ckslab/v1"] = Field(alias="apiVersion")
    kind: Literal["Scenario"]
    metadata: Metadata
    spec: Spec


class Scenario(Strict):
    """A scenario as loaded from ``folder``; texts are read when asked for."""

    folder: Path
    pack: str | None = None
    metadata: Metadata
    spec: Spec
    pass_percent: ClassVar[int] = 67
    """The CKS pass mark (exam facts in curriculum.yaml)."""

    @property
    def id(self) -> str:
        """The id, prefixed by the pack's name where it comes from a pack of one's own."""
        return f"{self.pack}/{self.metadata.id}" if self.pack else self.metadata.id

    @property
    def identities(self) -> dict[str, Identity]:
        """The scenario's identities by their short names."""
        return {name: spec.identity() for name, spec in self.spec.identities.items()}

    @property
    def max_points(self) -> int:
        """The sum of all points."""
        return sum(check.points for check in self.spec.checks)

    def text(self, name: str) -> str:
        """The text of ``task.md``, ``hints.md`` or ``why.md``."""
        return (self.folder / name).read_text(encoding="utf-8")


class Patch(TypedDict):
    """What a ``patch`` action sends."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]  # pydantic's own convention

    object: ObjectName
    type: Literal["merge", "json", "strategic"]
    patch: dict[str, JsonValue] | list[JsonValue]
    subresource: NotRequired[Text]


PutFile = TypedDict("PutFile", {"from": Text, "to": Text})
"""A file of the scenario, and the name that it gets among the learner's files."""
NodeFile = TypedDict("NodeFile", {"path": Text, "from": NotRequired[Text]})
"""A path on the control-plane node, and the scenario's file that it gets; without one it is removed."""
NodeFile.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]  # as above
PutFile.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]  # as above


class Action(Strict):
    """One step of a fix: exactly one verb, optionally played as an identity of the scenario."""

    apply: Text | None = None
    """A file or folder of the scenario (``cases/x.yaml``, ``solution/``), applied."""
    replace: Text | None = None
    """A file or folder of the scenario, put in place of what is there."""
    delete: ObjectName | None = None
    """``kind/name [-n namespace]``, as one would type it after ``kubectl delete``."""
    patch: Patch | None = None
    put_file: PutFile | None = Field(default=None, alias="put-file")
    node_file: NodeFile | None = Field(default=None, alias="node-file")
    as_: Id | None = Field(default=None, alias="as")
    """Who does it; the cluster's administrator unless given."""

    @model_validator(mode="after")
    def _one_verb(self) -> "Action":
        verbs = (self.apply, self.replace, self.delete, self.patch, self.put_file, self.node_file)
        if sum(verb is not None for verb in verbs) != 1:
            raise ValueError("give exactly one of apply, replace, delete, patch, put-file, node-file")
        return self


class Case(Strict):
    """A fix, right or wrong in a named way, with the outcomes that it must get."""

    name: Id
    do: tuple[Action, ...] = Field(default=(), strict=False)
    """The fix, step by step; none for the untouched start."""
    needs: str | None = Field(default=None, pattern=r"^[A-Z][A-Za-z]+$")
    """A kind that the fix uses and an older version of Kubernetes does not serve: the case is left out there."""
    expect: Literal["passed"] | dict[Id, Literal["passed", "failed"]]
    """``passed`` (every check passes), or the outcomes of the checks that matter; those not named must pass."""

    @property
    def right(self) -> bool:
        """Whether the checker must accept this fix."""
        return self.expect == "passed"


class Suite(Strict):
    """A scenario's own proof: every case starts from a fresh setup."""

    cases: tuple[Case, ...] = Field(min_length=1, strict=False)
