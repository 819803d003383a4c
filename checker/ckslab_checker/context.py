"""What a probe may see: the cluster, the learner's files and facts of the untouched start. Nothing else.

A probe that needs anything more (a provider, a path of this machine, the clock) would not run the same everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ckslab_checker import installed
from ckslab_checker.outcome import Evidence
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Cluster, Identity

Manifest = dict[str, Any]


@dataclass(frozen=True)
class StartFacts:
    """The RBAC objects of the untouched start, by kind (``Role``, ``RoleBinding``, ``ClusterRole``, ...).

    ``None`` in place of the whole means that nobody saw the start (a given kubeconfig).
    """

    rbac: Mapping[str, Sequence[Manifest]] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """Everything that a probe gets."""

    cluster: Cluster
    identities: Mapping[str, Identity]
    files: Path
    """The learner's files, to be read only."""
    start: StartFacts | None
    live: bool
    """True in a learner's own cluster: ask by dry run and leave nothing behind. False: ask for real."""
    seed: str
    """Varies names that a fix must not be able to foresee."""
    control_namespace: str = "ckslab"
    """A namespace of ours, where a scenario's fix has no say by name."""
    restore: Callable[[], None] | None = None
    """Undoes what probes did for real; the engine calls it after a check that left something behind."""

    served: Objects | None = None
    """The cluster's objects, where somebody has asked already what it serves."""

    @cached_property
    def objects(self) -> Objects:
        """The cluster's objects."""
        return self.served.on(self.cluster) if self.served else Objects(self.cluster)

    @cached_property
    def admission(self) -> frozenset[str]:
        """The names of policies and webhooks that are there; a refusal by another one is out of date."""
        return installed.names(installed.installed(self.objects))


class Probe(Protocol):
    """One kind of question: a ``ProbeSpec`` (its parameters, see labs) that can ask itself."""

    def ask(self, ctx: Context) -> list[Evidence]:
        """Put the question to the cluster.

        Returns:
            evidence, at least one item; the engine alone makes an outcome of it.

        Raises:
            CannotTell: an answer was had, but it answers another question (not found, invalid, ...).
            Unreachable: no answer was had.

        """
