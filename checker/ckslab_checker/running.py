"""Pods that run, for probes that look into them."""

from typing import Any

from pydantic import Field, model_validator

from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_labs.cluster.port import Ran, Response
from ckslab_labs.scenario.model import Strict, Text

Manifest = dict[str, Any]


class Pods(Strict):
    """``{namespace, labels}`` or ``{namespace, name}``: pods that run, and a container of theirs."""

    namespace: Text
    """Where they are."""
    labels: dict[str, Text] = Field(default_factory=dict)
    """Those that have all of these labels, whatever their names."""
    name: Text | None = None
    """The one of this name."""
    container: Text | None = None
    """The container to look into; the first unless given."""

    @model_validator(mode="after")
    def _one_way(self) -> "Pods":
        if bool(self.labels) == (self.name is not None):
            raise ValueError("give either labels or name")
        return self

    def __str__(self) -> str:
        """As a learner reads it."""
        if self.name:
            return f"pod {self.name} in {self.namespace}"
        return f"pods with {', '.join(f'{key}={value}' for key, value in self.labels.items())} in {self.namespace}"

    def running(self, ctx: Context) -> list[Manifest]:
        """Those that are ready and not on their way out, by name."""
        found = [pod for pod in ctx.objects.list("Pod", self.namespace) if self._means(pod) and is_ready(pod)]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    def none_runs(self) -> Evidence:
        """Evidence for where there is nothing to look into."""
        return Evidence(f"Which {self} are ready?", "at least one", "none", met=False)

    def container_of(self, pod: Manifest) -> str:
        """The name of the container to look into."""
        return self.container or str(pod["spec"]["containers"][0]["name"])

    def _means(self, pod: Manifest) -> bool:
        labels = pod["metadata"].get("labels", {})
        named = self.name is None or pod["metadata"]["name"] == self.name
        return named and all(labels.get(key) == value for key, value in self.labels.items())


def is_ready(pod: Manifest) -> bool:
    """Whether a pod is ready and not on its way out."""
    conditions = {item["type"]: item["status"] for item in pod.get("status", {}).get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def called(pod: Manifest) -> str:
    """``pod web-1 in shop``."""
    return f"pod {pod['metadata']['name']} in {pod['metadata']['namespace']}"


def inside(ctx: Context, pod: Manifest, container: str, words: list[str], timeout: float = 10.0) -> Ran:
    """What a command of ours does in a container.

    Raises:
        CannotTell: it was not run, as where the image has no such program.

    """
    metadata = pod["metadata"]
    ran = ctx.cluster.exec(metadata["namespace"], metadata["name"], container, words, timeout=timeout)
    if isinstance(ran, Response):
        raise CannotTell(f"{words[0]} was not run in {called(pod)}: HTTP {ran.status} {ran.message}".rstrip())
    return ran
