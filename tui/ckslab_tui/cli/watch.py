"""Watching: check again when the cluster or the learner's files change.

The change is seen by a light poll (a list per kind that learners edit); what the checker itself writes lies in its own
namespace and names, and is left out, or every check would cause the next.
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckslab_labs.errors import Infrastructure
from ckslab_tui.cli.streams import talk
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report
    from ckslab_labs.cluster.objects import Objects

KINDS = (
    "Namespace",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "Pod",
    "Deployment",
    "DaemonSet",
    "Service",
    "NetworkPolicy",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
)
"""What learners edit. Nodes are none of it: they change by themselves, all the time."""
GONE = "no answer"
"""In place of a fingerprint while the API server is started again, as after an edit of its manifest."""
OURS = "ckslab"
"""The namespace of the checker's own objects."""
PREFIX = "ckslab-barrier-"
"""How the names of those begin that are in no namespace."""
PAUSE = 0.5
"""Seconds between two looks."""


def reports(service: LabService) -> Iterator["Report"]:
    """Check now and after every change; yields a report whenever an outcome is another than before.

    Ends after a run that passed. An API server that does not answer for a while, or not with what was edited, is told,
    and no end but at the first check.
    """
    before: tuple[str, ...] | None = None
    while True:
        seen = fingerprint(service)
        try:
            report = service.check()
        except Infrastructure as error:
            if before is None:
                raise
            talk(f"{error} Watching on.")
            _await_change(service, GONE)
            continue
        outcomes = tuple(check.outcome for check in report.checks)
        if outcomes != before:
            yield report
            before = outcomes
        if report.outcome == "passed":
            return
        talk("watching for changes; Ctrl-C ends")
        _await_change(service, seen)


def _await_change(service: LabService, seen: str) -> None:
    while fingerprint(service) == seen:
        time.sleep(PAUSE)
    talk("something changed: checking again")


def fingerprint(service: LabService) -> str:
    """Another value after every change by anybody but the checker."""
    session = service.lab.session()
    digest = hashlib.sha256()
    try:
        objects = service.lab.objects
        for kind in filter(objects.serves, KINDS):
            digest.update(repr(_versions(objects, kind)).encode())
    except Infrastructure:
        return GONE
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
