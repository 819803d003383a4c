"""Pods that run, for probes that look into them."""

from typing import Any

from pydantic import Field, model_validator

from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Ran, Response
from ckslab_labs.cluster.rollouts import conditions
from ckslab_labs.scenario.model import Strict, Text

Manifest = dict[str, Any]


class Pods(Strict):
    """``{namespace, labels}``, ``{namespace, name}`` or ``{namespace}``: pods that run, and a container of theirs."""

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
        if self.labels and self.name is not None:
            raise ValueError("give either labels or name; neither means every pod of the namespace")
        return self

    def __str__(self) -> str:
        """As a learner reads it."""
        if self.name:
            return f"pod {self.name} in {self.namespace}"
        if not self.labels:
            return f"pods in {self.namespace}"
        return f"pods with {', '.join(f'{key}={value}' for key, value in self.labels.items())} in {self.namespace}"

    def running(self, ctx: Context) -> list[Manifest]:
        """Those that are ready and not on their way out, by name."""
        return [pod for pod in self.there(ctx) if is_ready(pod)]

    def there(self, ctx: Context) -> list[Manifest]:
        """All of them, ready or not, by name."""
        found = [pod for pod in ctx.objects.list("Pod", self.namespace) if self._means(pod)]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    def none_runs(self) -> Evidence:
        """Evidence for where there is nothing to look into."""
        return Evidence(f"Which {self} are ready?", "at least one", "none", met=False)

    def without_container(self, pod: Manifest) -> Evidence | None:
        """Evidence that a pod has no container of the name that is asked for; none where it has."""
        names = [str(each["name"]) for each in containers(pod)]
        if self.container is None or self.container in names:
            return None
        asked = clean_line(f"Has {called(pod)} a container {self.container}?")
        return Evidence(asked, "yes", clean_line(f"no: {', '.join(names)}"), met=False)

    def container_of(self, pod: Manifest) -> str:
        """The name of the container to look into."""
        return self.container or str(pod["spec"]["containers"][0]["name"])

    def _means(self, pod: Manifest) -> bool:
        labels = pod["metadata"].get("labels", {})
        named = self.name is None or pod["metadata"]["name"] == self.name
        return named and all(labels.get(key) == value for key, value in self.labels.items())


def is_ready(pod: Manifest) -> bool:
    """Whether a pod is ready and not on its way out."""
    return conditions(pod).get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def containers(pod: Manifest) -> list[Manifest]:
    """All containers of a pod, of whatever kind."""
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return [each for kind in kinds for each in pod["spec"].get(kind) or ()]


def running_containers(pod: Manifest) -> list[str]:
    """The names of all containers that run in a pod: sidecars and debug containers as well."""
    kinds = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    statuses = [each for kind in kinds for each in pod["status"].get(kind) or ()]
    return [str(each["name"]) for each in statuses if "running" in each.get("state", {})]


def called(pod: Manifest, container: str | None = None) -> str:
    """``pod web-1 in shop``, or ``container web of pod web-1 in shop``."""
    named = f"pod {pod['metadata']['name']} in {pod['metadata']['namespace']}"
    return f"container {container} of {named}" if container else named


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
