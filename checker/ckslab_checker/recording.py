"""What a run does to a cluster, and what others do to it meanwhile."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ckslab_checker import installed
from ckslab_checker.sentinels import PREFIX
from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.cluster.port import Capability, Cluster, Identity, Ran, Response
from ckslab_labs.session import RBAC_KINDS

_REVIEWS = ("/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")


class Recording:
    """A cluster that remembers which requests have left something behind."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.left_behind: list[str] = []
        """The paths of writes that were neither refused nor dry runs."""

    @property
    def name(self) -> str:
        """See ``Cluster``."""
        return self._cluster.name

    @property
    def kubeconfig(self) -> Path:
        """See ``Cluster``."""
        return self._cluster.kubeconfig

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See ``Cluster``."""
        return self._cluster.capabilities

    @property
    def certificate(self) -> tuple[str, str] | None:
        """See ``Cluster``."""
        return self._cluster.certificate

    def request(
        self,
        method: str,
        path: str,
        body: object | None = None,
        *,
        as_: Identity | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Response:
        """See ``Cluster.request``."""
        answer = self._cluster.request(
            method, path, body, as_=as_, query=query, content_type=content_type, timeout=timeout
        )
        writes = method != "GET" and not path.startswith(_REVIEWS) and "dryRun" not in (query or {})
        if answer.ok and writes:
            self.left_behind.append(path)
        return answer

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        words: Sequence[str],
        *,
        timeout: float = 10.0,
    ) -> Ran | Response:
        """See ``Cluster.exec``; what a command does in its container is its own business."""
        return self._cluster.exec(namespace, pod, container, words, timeout=timeout)


def versions(objects: Objects, ours: str, *, admission: bool) -> dict[str, list[tuple[str, str]]]:
    """What verdicts depend on, in a form that changes whenever it does; without what is ours (a namespace's name).

    ``admission`` is whether verdicts depend on admission control as well. Of pods only the labels count: their status
    changes all the time.
    """
    kinds = [*RBAC_KINDS, "Pod", *(["Namespace"] if admission else [])]
    found: dict[str, Sequence[Manifest]] = {**objects.lists(kinds)}
    pods = found.pop("Pod")
    if admission:
        found |= installed.installed(objects)
    seen = {kind: sorted(_version(item) for item in found[kind] if not _ours(item, ours)) for kind in found}
    seen["Pod"] = sorted((each["metadata"]["uid"], str(each["metadata"].get("labels"))) for each in pods)
    return seen


def _version(item: Manifest) -> tuple[str, str]:
    return item["metadata"]["uid"], item["metadata"]["resourceVersion"]


def _ours(item: Manifest, namespace: str) -> bool:
    metadata = item["metadata"]
    return metadata["name"].startswith(PREFIX) or namespace in (metadata["name"], metadata.get("namespace"))
