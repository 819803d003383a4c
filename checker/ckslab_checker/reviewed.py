"""Requests as admission control gets to see them, which engines of policies are asked about.

They are a check's data and are sent to nobody from here. What an engine makes of them is for its probe to say.
"""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field, JsonValue

from ckslab_labs.scenario.model import Id, Strict

Manifest = Mapping[str, Any]
ADMINISTRATORS = "system:masters"


class Reviewed(Strict):
    """A request as admission control gets to see it."""

    as_: Id = Field(alias="as")
    """An identity of the scenario."""
    operation: Literal["CREATE", "UPDATE", "DELETE"]
    group: str = ""
    version: str = "v1"
    resource: str
    subresource: str = ""
    kind: str
    namespace: str
    name: str
    object: dict[str, JsonValue]
    """What is asked for, or taken away; its apiVersion, kind, name and namespace are added."""
    old: dict[str, JsonValue] | None = None
    """What is there, for an update; the same as ``object`` unless given."""

    @property
    def api_version(self) -> str:
        """``v1``, or ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def objects(self, other: "Other | None" = None) -> tuple[Manifest | None, Manifest | None]:
        """What is asked for and what is there, each whole, or None where there is none.

        Args:
            other: what they are of, where not what is given, but another that has nothing in common with it.

        """
        if self.operation == "CREATE":
            return self._whole(self.object, other, {}), None
        born = _born()
        new = None if self.operation == "DELETE" else self._whole(self.object, other, born)
        return new, self._whole(self.object if self.old is None else self.old, other, born)

    def _whole(self, given: Mapping[str, Any], other: "Other | None", born: Manifest) -> Manifest:
        metadata = {**given.get("metadata", {}), "name": self.name, "namespace": self.namespace}
        spec = given.get("spec", {})
        if other:
            metadata |= {"name": other.name, "labels": dict(other.labels), "annotations": dict(other.labels)}
            if "containers" in spec:
                spec = {**spec, "containers": [{**each, "image": other.image} for each in spec["containers"]]}
            if "ephemeralContainers" in spec:
                spec = {**spec, "ephemeralContainers": [other.container(each) for each in spec["ephemeralContainers"]]}
        whole = {**given, "apiVersion": self.api_version, "kind": self.kind, "metadata": {**metadata, **born}}
        return {**whole, "spec": spec} if spec else whole

    def __str__(self) -> str:
        return self.told(self.name)

    def told(self, name: str) -> str:
        """The request, for an object of that name."""
        path = "/".join(filter(None, (self.group, self.resource, self.subresource)))
        return f"{self.operation} {path} {name} in {self.namespace}"


def _born() -> dict[str, str]:
    """What an API server has written into something that is there, in no form by which a policy could know it."""
    made = datetime.now(UTC) - timedelta(seconds=secrets.randbelow(365 * 24 * 3600))
    born = {"uid": str(uuid.uuid4()), "resourceVersion": str(1000 + secrets.randbelow(10_000_000))}
    return {**born, "creationTimestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ")}


@dataclass(frozen=True)
class Other:
    """What is tried beside an object that a policy may know: one of another name and images, with these labels."""

    name: str
    labels: Mapping[str, str]
    """Its annotations as well."""

    @property
    def image(self) -> str:
        """Of its containers."""
        return f"{self.name}.example.com/{self.name}:1"

    def container(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """An ephemeral container that has what the given one may do, and nothing else in common with it."""
        context = {"securityContext": given["securityContext"]} if "securityContext" in given else {}
        return {
            "name": f"{self.name}-{given['name']}"[::-1].strip("-"),
            "image": self.image,
            **context,
        }
