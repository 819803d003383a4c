"""Watching the open scenario: what is to be seen of it, and a word after every change by anybody but the checker.

Several times a second the API server is asked one small question: which revision its store has come to. Only where that
has moved the kinds that learners edit are listed. What the checker itself writes lies in its own namespace and names,
and is left out, or every check would cause the next.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckslab_checker import installed
from ckslab_labs.errors import LabError, Unreachable

if TYPE_CHECKING:
    from ckslab_labs.cluster.objects import Objects
    from ckslab_labs.lab import Lab

KINDS = (
    "Namespace",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "Pod",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Service",
    "NetworkPolicy",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    *installed.KINDS,
)
"""What learners edit. Nodes are none of it: they change by themselves, all the time."""
GONE = None
"""What is seen while nothing answers, as when the API server is started again after an edit of its manifest."""
OURS = "ckslab"
"""The namespace of the checker's own objects."""
PREFIX = "ckslab-barrier-"
"""How the names of those begin that are in no namespace."""
PAUSE = 0.25
"""Seconds between two looks."""
PATIENCE = 2.0
"""Seconds to wait for the answer to the small question."""

Sight = object
"""What was seen: equal as long as nothing has changed."""


class Watcher:
    """Looks at the open scenario of a lab."""

    def __init__(self, lab: "Lab") -> None:
        self._lab = lab
        self._revision: object = None
        self._cluster: object = None

    def look(self) -> Sight:
        """Something else after every change by anybody but the checker; ``GONE`` where nothing answers or is open."""
        try:
            files = self._lab.session().files
            objects = self._lab.objects
            revision = _revision(objects)
            if revision != self._revision:
                self._cluster = {kind: _versions(objects, kind) for kind in filter(objects.serves, KINDS)}
                self._revision = revision
        except LabError:
            self._revision = None
            return GONE
        return self._cluster, _contents(files)


def changes(look: Callable[[], Sight], stopped: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Look, and go on looking, until ``stopped``; blocks between what it yields.

    Yields:
        at once, and then after every change: whether the cluster answers.

    """
    seen: Sight = ()
    while not stopped():
        now = look()
        if now != seen:
            seen = now
            yield now is not GONE
        else:
            time.sleep(PAUSE)


def _revision(objects: "Objects") -> object:
    """The revision of the whole store, which any list tells."""
    path = objects.resource("Namespace").path(None)
    answer = objects.cluster.request("GET", path, query={"limit": "1"}, timeout=PATIENCE)
    if not answer.ok:
        raise Unreachable("ask for the store's revision", answer.message, "See `ckslab doctor`.")
    return answer.body["metadata"]["resourceVersion"]


def _versions(objects: "Objects", kind: str) -> list[tuple[str, str]]:
    metadata = (item["metadata"] for item in objects.list(kind))
    return sorted((each["uid"], each["resourceVersion"]) for each in metadata if not _ours(each))


def _ours(metadata: dict[str, Any]) -> bool:
    return OURS in (metadata.get("namespace"), metadata["name"]) or metadata["name"].startswith(PREFIX)


def _contents(folder: Path) -> list[tuple[str, int, int]]:
    """Names, times and sizes of files; one that goes while it is looked at is none."""
    found = []
    for path in folder.rglob("*"):
        try:
            about = path.stat()
        except OSError:
            continue
        found.append((str(path), about.st_mtime_ns, about.st_size))
    return sorted(found)
