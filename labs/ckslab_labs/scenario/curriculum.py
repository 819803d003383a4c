"""The curriculum and the facts of the exam, from ``curriculum.yaml``. No domain, weight or bullet may stand in code."""

from functools import cache
from pathlib import Path

from pydantic import Field

from ckslab_labs import strict_yaml
from ckslab_labs.scenario.model import Id, Strict, Text


class Bullet(Strict):
    """A competency, in the curriculum's own words."""

    id: Id
    text: Text


class Domain(Strict):
    """A domain of the exam."""

    id: Id
    title: Text
    weight: int = Field(ge=1, le=100)
    """Its share of the exam, in percent."""
    bullets: tuple[Bullet, ...] = Field(min_length=1, strict=False)


class Range(Strict):
    """A number of tasks."""

    least: int
    most: int
    usual: int
    """What candidates report."""


class Exam(Strict):
    """The facts of the exam that a simulation keeps to."""

    minutes: int
    pass_percent: int = Field(alias="passPercent")
    tasks: Range


class Curriculum(Strict):
    """What the exam asks."""

    version: Text
    source: Text
    licence: Text
    exam: Exam
    domains: tuple[Domain, ...] = Field(min_length=1, strict=False)

    def domain_ids(self) -> list[str]:
        """The ids of the domains, in the curriculum's order."""
        return [domain.id for domain in self.domains]

    def titles(self) -> dict[str, str]:
        """The titles of the domains, by their ids."""
        return {domain.id: domain.title for domain in self.domains}

    def competency_ids(self) -> list[str]:
        """The ids of all bullets, in the curriculum's order."""
        return [bullet.id for domain in self.domains for bullet in domain.bullets]


@cache
def curriculum() -> Curriculum:
    """The curriculum that ships with ckslab."""
    path = Path(__file__).resolve().parents[1] / "curriculum.yaml"
    return Curriculum.model_validate(strict_yaml.load(path.read_bytes(), source=str(path)))
