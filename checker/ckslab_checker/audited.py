"""Requests that are made on an API server which logs them, and what it logs of each.

Each is made with a certificate of who makes it, as an audit log takes whoever is impersonated for the one who
impersonates (https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, JsonValue

from ckslab_checker.asking import called
from ckslab_checker.outcome import CannotTell
from ckslab_labs.cluster.port import Audited, Identity
from ckslab_labs.scenario.model import Id, Strict

Event = Mapping[str, Any]
"""Of ``audit.k8s.io/v1``."""


class Played(Strict):
    """One request, made by each of ``as``."""

    as_: Id | tuple[Id, ...] = Field(alias="as")
    """An identity of the scenario, or several."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str = Field(pattern=r"^/[^\s#]*$")
    """With its query."""
    body: JsonValue = None
    """Sent as JSON."""
    content_type: str = Field(default="application/json", alias="content-type")

    @property
    def names(self) -> Sequence[str]:
        """Who makes it. Administrators do as well: they can do anything, and a policy may leave them out."""
        return (self.as_,) if isinstance(self.as_, str) else self.as_

    def elsewhere(self, seed: str) -> "Played":
        """The same for an object, and in a namespace, that there is not."""
        path, *query = self.path.split("?", 1)
        _, root, *parts = path.split("/")
        start = {"api": 1, "apis": 2}.get(root, len(parts))
        if parts[start : start + 1] == ["namespaces"] and len(parts) > start + 2:
            parts[start + 1] = f"elsewhere-{seed}"
            start += 2
        if len(parts) > start + 1:
            parts[start + 1] += f"-{seed}"
        return self.model_copy(update={"path": "?".join(["/".join(["", root, *parts]), *query])})

    def by(self, identities: Mapping[str, Identity]) -> list[tuple["Played", Identity]]:
        """It, with each of those who make it."""
        return [(self, identities[name]) for name in self.names]

    def told(self, identity: Identity) -> str:
        """What is asked, as whom."""
        return f"{self.method} {self.path} as {called(identity)}"


def play(trial: Audited, requests: Sequence[tuple[Played, Identity]]) -> list[tuple[Played, Identity, Sequence[Event]]]:
    """Make requests, each by somebody, and say what was logged of each.

    Raises:
        CannotTell: a request had no audit id.

    """
    made = [(played, identity, _audit_id(trial, identity, played)) for played, identity in requests]
    logged: dict[str, list[Event]] = {}
    for event in trial.events():
        logged.setdefault(str(event["auditID"]), []).append(event)
    return [(played, identity, logged.get(audit_id, [])) for played, identity, audit_id in made]


def _audit_id(trial: Audited, identity: Identity, played: Played) -> str:
    """Make a request, and return the name that its events bear (the header ``Audit-Id``)."""
    parts = urlsplit(played.path)
    answer = trial.cluster_as(identity).request(
        played.method,
        parts.path,
        played.body,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        content_type=played.content_type,
    )
    audit_id = answer.headers.get("audit-id", "")
    if not audit_id:
        raise CannotTell(f"{played.method} {played.path}: HTTP {answer.status} without an audit id")
    return audit_id
