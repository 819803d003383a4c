"""Watching: check again when the cluster or the learner's files change.

The change is seen by a light poll (a list per kind that learners edit); what the checker itself writes lies in its own
namespace and names, and is left out, or every check would cause the next.
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckslab_tui.cli.streams import talk
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report
    from ckslab_labs.cluster.objects import Objects

KINDS = (
    "Namespace",
    "ServiceAccount",
    "Pod",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
OURS = "ckslab"
"""The namespace of the checker's own objects."""
PREFIX = "ckslab-barrier-"
"""How the names of those begin that are in no namespace."""
PAUSE = 0.5
"""Seconds between two looks."""


def reports(service: LabService) -> Iterator["Report"]:
    """Check now and after every change; yields a report whenever an outcome is another than before.

    Ends after a run that passed.
    """
    before: tuple[str, ...] | None = None
    while True:
        seen = fingerprint(service)
        report = service.check()
        outcomes = tuple(check.outcome for check in report.checks)
        if outcomes != before:
            yield report
            before = outcomes
        if report.outcome == "passed":
            return
        talk("watching for changes; Ctrl-C ends")
        while fingerprint(service) == seen:
            time.sleep(PAUSE)
        talk("something changed: checking again")


def fingerprint(service: LabService) -> str:
    """Another value after every change by anybody but the checker."""
    session = service.lab.session()
    digest = hashlib.sha256()
    for kind in KINDS:
        digest.update(repr(_versions(service.lab.objects, kind)).encode())
    digest.update(repr(_contents(session.files)).encode())
    return digest.hexdigest()


def _versions(objects: "Objects", kind: str) -> list[tuple[str, str]]:
    metadata = (item["metadata"] for item in objects.list(kind))
    return sorted((each["uid"], each["resourceVersion"]) for each in metadata if not _ours(each))


def _ours(metadata: dict[str, Any]) -> bool:
    return OURS in (metadata.get("namespace"), metadata["name"]) or metadata["name"].startswith(PREFIX)


def _contents(folder: Path) -> list[tuple[str, int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)
