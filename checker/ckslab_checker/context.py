"""What a probe may see: the cluster, the learner's files, facts of the untouched start, and tools. Nothing else.

A probe that needs anything more (a provider, a path of this machine, the clock) would not run the same everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ckslab_checker import installed
from ckslab_checker.outcome import Evidence
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Auditor, Cluster, Identity, Node
from ckslab_labs.session import start_rbac
from ckslab_labs.tools import Tool, Tools, on_path, tool

Manifest = dict[str, Any]
MEMBER = "ckslab-member-"
"""How the names of users begin that are nobody's: they have what their groups have, and no more."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class StartFacts:
    """What is known of the untouched start. ``None`` in its place: nobody saw the start (a given kubeconfig)."""

    rbac: Mapping[str, Sequence[Manifest]] = field(default_factory=dict)
    """The RBAC objects, by kind (``Role``, ``RoleBinding``, ``ClusterRole``, ...)."""
    pods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """``uid`` and ``restarts`` of the pods, by ``namespace/name``."""


class Opened:
    """What the checks of a run use together, each begun once and ended with the run."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._there: dict[str, Any] = {}

    def once(self, what: str, begin: Callable[[], AbstractContextManager[_T]]) -> _T:
        """What ``begin`` gives, begun when it is first asked for."""
        if what not in self._there:
            self._there[what] = self._stack.enter_context(begin())
        found: _T = self._there[what]
        return found

    def close(self) -> None:
        """End everything."""
        self._there.clear()
        self._stack.close()


@dataclass(frozen=True)
class Context:
    """Everything that a probe gets."""

    cluster: Cluster
    identities: Mapping[str, Identity]
    files: Path
    """The learner's files, to be read only."""
    start: StartFacts | None
    live: bool
    """True in a learner's own cluster: leave nothing behind. False: ask for real where it counts (``dry_run``)."""
    seed: str
    """Varies names that a fix must not be able to foresee."""
    control_namespace: str = "ckslab"
    """A namespace of ours, where a scenario's fix has no say by name."""
    checkpoint: Callable[[], AbstractContextManager[Callable[[], bool]]] | None = None
    """Keeps the cluster's state where requests are made for real: gives what brings it back, and does so at the end."""
    node: Node | None = None
    """The control-plane node's files, where they are within reach."""
    auditor: Auditor | None = None
    """Runs an API server with an audit policy, where one can be run."""
    tool: Tools = tool
    """Gives a program that decides what the API server does not."""
    on_path: Callable[[str], Tool | None] = on_path
    """Gives a program that is asked besides, where this machine has it."""
    served: Objects | None = None
    """The cluster's objects, where somebody has asked already what it serves."""

    opened: Opened = field(default_factory=Opened, compare=False, repr=False)
    """For what the engine ends when the checks have been asked."""

    _found: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def once(self, what: str, find: Callable[[], _T]) -> _T:
        """What ``find`` returns, found once for all checks of a round.

        The engine makes a context for each round, after the cluster has settled.
        """
        if what not in self._found:
            self._found[what] = find()
        found: _T = self._found[what]
        return found

    def by(self, cluster: Cluster) -> "Context":
        """The same context by another way to the same cluster, with what was found already."""
        other = replace(self, cluster=cluster)
        other._found.update(self._found)
        return other

    @property
    def dry_run(self) -> bool:
        """Whether requests are to be dry runs.

        A policy or webhook can tell one from a real request. Where none is installed nobody can: it passes the same
        authorization, admission and validation, and is not stored (KEP-576).
        """
        return self.live or not self.admission

    @property
    def member(self) -> str:
        """The name of a user whom no fix can foresee, to ask as any member of some groups."""
        return MEMBER + self.seed

    @cached_property
    def objects(self) -> Objects:
        """The cluster's objects."""
        return self.served.on(self.cluster) if self.served else Objects(self.cluster)

    @property
    def rbac(self) -> Mapping[str, Sequence[Manifest]]:
        """All roles and bindings, by kind."""
        return self.once("rbac", lambda: start_rbac(self.objects))

    @property
    def namespaces(self) -> frozenset[str]:
        """The names of all namespaces."""
        return self.once("namespaces", lambda: frozenset(n["metadata"]["name"] for n in self.objects.list("Namespace")))

    @property
    def admission(self) -> frozenset[str]:
        """The names of policies and webhooks that are there; a refusal by another one is out of date."""
        return installed.names(self.installed)

    @property
    def installed(self) -> installed.Installed:
        """Policies and webhooks that are there, by kind."""
        return self.once("installed", lambda: installed.installed(self.objects))


class Probe(Protocol):
    """One kind of question: a ``ProbeSpec`` (its parameters, see labs) that can ask itself.

    A probe that makes no request which admission control sees says so by a class variable, ``asks_admission = False``:
    the barrier then has less to wait for, and nothing has to be undone after it. One that compares with the untouched
    start says ``needs_start = True``: where nobody saw it, the check is skipped.
    """

    def ask(self, ctx: Context) -> list[Evidence]:
        """Put the question to the cluster.

        Returns:
            evidence, at least one item; the engine alone makes an outcome of it.

        Raises:
            CannotTell: an answer was had, but it answers another question (not found, invalid, ...).
            Unreachable: no answer was had.

        """
