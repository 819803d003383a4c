"""What a provider is to the rest: one named cluster, made, brought back and ended in the provider's own way.

Its state is read from the world and not from notes, and every method can be called again after a command was killed in
the middle of it. What a provider can do is data (``offers``), looked at before any work.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from ckslab_labs.cluster.client import HttpCluster
from ckslab_labs.cluster.port import Auditor, Capability, Node
from ckslab_labs.snapshot.snapshot import Snapshot

Progress = Callable[[str], None]


class Provider(Protocol):
    """One named cluster of ours."""

    name: str
    """The word by which people choose it."""

    @property
    def offers(self) -> frozenset[Capability]:
        """What its clusters can do at most."""

    @property
    def exists(self) -> bool:
        """Whether the cluster was made and not ended."""

    @property
    def alive(self) -> bool:
        """Whether anything of it runs."""

    @property
    def kubectl(self) -> Path:
        """A kubectl of the cluster's version."""

    def kubeconfig(self, who: str) -> Path:
        """The kubeconfig of ``admin`` (ours) or ``learner``."""

    def cluster_as(self, who: str) -> HttpCluster:
        """The cluster's API as ``admin`` or ``learner``; always the same as long as the cluster is."""

    @property
    def node(self) -> Node:
        """The control-plane node's files."""

    @property
    def auditor(self) -> Auditor | None:
        """What runs an API server with an audit policy; None where none can be run beside the cluster's own."""

    def remarks(self) -> Sequence[str]:
        """What people should know of a cluster that runs: what they have edited that is not in force, and why."""

    def shell_on_node(self, line: str | None) -> list[str]:
        """The command that opens a shell on the control-plane node, or runs one line there.

        Raises:
            InvalidInput: there is no such node; says where its files are.

        """

    def refuse_unfit(self, what: str, requires: Iterable[Capability]) -> None:
        """Refuse what the cluster cannot do, before anything is changed.

        Raises:
            InvalidInput: saying what it lacks for ``what``.

        """

    def prepare(self, requires: Iterable[Capability], progress: Progress) -> None:
        """Have the cluster running what these capabilities need, in its clean state: no scenario's objects.

        Raises:
            Infrastructure: something did not start; says what.

        """

    def attach(self, progress: Progress) -> None:
        """Have the cluster running as it was left; nothing in it is changed."""

    def back_to(self, start: Snapshot, progress: Progress, *, pods_stay: bool) -> bool:
        """Try to bring the cluster to an untouched start in one step.

        Args:
            start: the untouched start.
            progress: told what is done.
            pods_stay: whether real pods that are as they were may run on, whatever somebody has done inside of them.

        Returns:
            False where that is not possible, or would take longer than preparing and setting up again.

        """

    def capture(self) -> Snapshot:
        """What the cluster stores."""

    def settled(self) -> Snapshot:
        """What the cluster stores, once nobody adds to it of his own accord.

        Raises:
            Infrastructure: somebody went on doing so.

        """

    def checkpoint(self) -> AbstractContextManager[Callable[[], bool]]:
        """Keep what is stored, with nothing else at work on it; gives what brings it back, and does so at the end.

        What is given returns whether admission control was put aside for it, and may not be in force yet again.
        """

    def keep(self, progress: Progress) -> Snapshot | None:
        """The whole state, to be resumed later; None where this provider cannot.

        Raises:
            Infrastructure: the cluster, or what runs it, does not answer; it may later.

        """

    def owns(self, kept: Snapshot) -> bool:
        """Whether a state is of this very cluster, and not of one that had its name before."""

    def resume(self, kept: Snapshot) -> None:
        """Go on from a state that was kept; the cluster must be clean."""

    def stop(self) -> None:
        """End the cluster, and leave nothing behind."""
