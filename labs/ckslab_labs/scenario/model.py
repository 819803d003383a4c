"""What a scenario folder holds, as values. One model parses the YAML and makes the JSON Schema, so they cannot differ.

Nothing in here reads a file or talks to a cluster. The parameters of a check's probe are opaque here: the checker
brings a model for each kind of probe, and the loader applies it (labs may not import the checker).
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ckslab_labs.cluster.port import Capability, Identity

Id = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """A frozen value that refuses unknown keys and does not coerce types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Metadata(Strict):
    """Who a scenario is, and what it trains."""

    id: Id
    title: Text
    domain: Id
    competencies: tuple[Id, ...] = Field(min_length=1, strict=False)
    guide: Id | None = None
    version: int = Field(ge=1)


class IdentitySpec(Strict):
    """An identity of a scenario: ``{user, groups}`` or ``{serviceAccount: namespace/name}``."""

    user: Text | None = None
    groups: tuple[Text, ...] = Field(default=(), strict=False)
    service_account: str | None = Field(default=None, alias="serviceAccount", pattern=r"^[a-z0-9-]+/[a-z0-9.-]+$")

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


class Check(Strict):
    """One line of the report: what must hold, why, and the one probe that asks."""

    id: Id
    title: Text
    why: Text
    points: int = Field(default=0, ge=0)
    keeps: bool = False
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
    minutes: int = Field(ge=1, le=60)
    requires: tuple[Capability, ...] = Field(min_length=1, strict=False)
    identities: dict[Id, IdentitySpec] = Field(default_factory=dict)
    checks: tuple[Check, ...] = Field(min_length=1, strict=False)


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


class Action(Strict):
    """One step of a fix: exactly one verb, optionally played as an identity of the scenario.

    The verbs' arguments:

    * ``apply`` / ``replace``: a file or folder of the scenario (``cases/x.yaml``, ``solution/``);
    * ``delete``: ``kind/name [-n namespace]``, as one would type it after ``kubectl delete``;
    * ``patch``: ``{object: "kind/name [-n namespace]", type: merge|json|strategic, patch: ..., subresource: ...}``;
    * ``put-file``: ``{from: cases/x, to: name}``, a learner's file.
    """

    apply: Text | None = None
    replace: Text | None = None
    delete: Text | None = None
    patch: dict[str, Any] | None = None
    put_file: dict[str, str] | None = Field(default=None, alias="put-file")
    as_: Id | None = Field(default=None, alias="as")

    @model_validator(mode="after")
    def _one_verb(self) -> "Action":
        verbs = (self.apply, self.replace, self.delete, self.patch, self.put_file)
        if sum(verb is not None for verb in verbs) != 1:
            raise ValueError("give exactly one of apply, replace, delete, patch, put-file")
        return self


class Case(Strict):
    """A fix, right or wrong in a named way, with the outcomes that it must get.

    ``expect`` is ``passed`` (every check passes) or an outcome for each check that matters; checks that are not named
    must pass.
    """

    name: Id
    do: tuple[Action, ...] = Field(default=(), strict=False)
    expect: Literal["passed"] | dict[Id, Literal["passed", "failed"]]

    @property
    def right(self) -> bool:
        """Whether the checker must accept this fix."""
        return self.expect == "passed"


class Suite(Strict):
    """A scenario's own proof: every case starts from a fresh setup."""

    cases: tuple[Case, ...] = Field(min_length=1, strict=False)
