"""Kubernetes objects as plain dicts: names of resources resolved by discovery, and the verbs built on the port.

Discovery is the aggregated kind (two requests, GA since Kubernetes 1.30,
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery), kept in memory and asked again when
a name is unknown, because a learner may have made a CRD meanwhile.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from ckslab_labs.cluster.port import Cluster, Identity, Response
from ckslab_labs.cluster.together import together
from ckslab_labs.errors import Infrastructure, InvalidInput

Manifest = dict[str, Any]
Manifests = list[Manifest]

FIELD_MANAGER = "ckslab"
PATCH_TYPES: Mapping[str, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
# Subresources that the kubelet authorizes by name and that the API server does not serve, so discovery cannot know
# them (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#fine-grained-authorization).
KUBELET_SUBRESOURCES = frozenset(
    f"nodes/{name}" for name in ("metrics", "stats", "log", "pods", "healthz", "configz", "checkpoint", "spec")
)


class CannotResolve(InvalidInput):
    """A kind or resource that this cluster does not serve."""


@dataclass(frozen=True)
class Resource:
    """A resource as discovery describes it; ``name`` is the plural, lower case."""

    group: str
    version: str
    name: str
    kind: str
    singular: str
    short_names: tuple[str, ...]
    namespaced: bool
    verbs: frozenset[str]
    subresources: frozenset[str]

    @property
    def prefix(self) -> str:
        """``/api/v1`` or ``/apis/<group>/<version>``."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, name: str | None = None, namespace: str | None = None, subresource: str | None = None) -> str:
        """The path of the collection, of an object, or of an object's subresource."""
        parts = [self.prefix]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.name)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


class Objects:
    """The verbs on one cluster's objects. Refusals are ``Response`` values, as from the port."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._known: dict[str, Resource] | None = None

    def on(self, cluster: Cluster) -> "Objects":
        """The same verbs by another way to the same cluster, without asking again what it serves."""
        other = Objects(cluster)
        other._known = self._known
        return other

    # --- names ---------------------------------------------------------------------------------------------------

    def resource(self, word: str) -> Resource:
        """The resource meant by a kind, plural, singular or short name, or ``plural.group``.

        Raises:
            CannotResolve: the cluster serves no such thing.

        """
        found = self._index().get(word.lower())
        if found is None:
            self._known = None
            found = self._index().get(word.lower())
        if found is None:
            seen = f"{self.cluster.name} serves no resource of that name"
            raise CannotResolve(f"find the resource {word!r}", seen, "Check the spelling and the API group.")
        return found

    def serves(self, word: str) -> bool:
        """Whether ``resource`` would find it."""
        try:
            self.resource(word)
        except CannotResolve:
            return False
        return True

    def of(self, manifest: Manifest) -> Resource:
        """The resource that a manifest's ``apiVersion`` and ``kind`` name."""
        api_version, kind = str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))
        group = api_version.rpartition("/")[0]
        resource = self.resource(f"{kind}.{group}" if group else f"{kind}.")
        if api_version == (f"{resource.group}/{resource.version}" if resource.group else resource.version):
            return resource
        version = api_version.rpartition("/")[2]  # served, though not the preferred one
        return Resource(**{**resource.__dict__, "version": version})

    def exists(self, group: str, resource: str) -> bool:
        """Whether ``resource`` ("pods", "pods/exec", "nodes/metrics") is one that a rule could mean."""
        name, _, subresource = resource.partition("/")
        if resource in KUBELET_SUBRESOURCES and group == "":
            return True
        try:
            found = self.resource(f"{name}.{group}")
        except CannotResolve:
            return False
        return found.name == name and (not subresource or subresource in found.subresources)

    def path(self, manifest: Manifest) -> str:
        """The path of the object that a manifest describes."""
        metadata = manifest.get("metadata", {})
        return self.of(manifest).path(metadata.get("name"), _namespace(manifest))

    def _index(self) -> dict[str, Resource]:
        if self._known is None:
            index: dict[str, Resource] = {}
            for resource in self._discover():
                for word in (resource.name, resource.kind.lower(), resource.singular, *resource.short_names):
                    index.setdefault(word, resource)  # the core group comes first, as with kubectl
                    index.setdefault(f"{word}.{resource.group}", resource)
            self._known = index
        return self._known

    def _discover(self) -> Iterator[Resource]:
        for path in ("/api", "/apis"):
            answer = self.cluster.request("GET", path)
            if not answer.ok:
                raise Infrastructure("ask the API server what it serves", answer.message, "See `ckslab doctor`.")
            for group in answer.body["items"]:
                # The first version is the preferred one.
                version = group["versions"][0]
                for entry in version["resources"]:
                    yield _parse(str(group["metadata"].get("name", "")), str(version["version"]), entry)

    # --- verbs ---------------------------------------------------------------------------------------------------

    def get(self, kind: str, name: str, namespace: str | None = None) -> Response:
        """GET one object."""
        return self.cluster.request("GET", self.resource(kind).path(name, namespace))

    def list(self, kind: str, namespace: str | None = None) -> list[Manifest]:
        """All objects of a kind, in one namespace or everywhere.

        Raises:
            Infrastructure: the API server refused.

        """
        answer = self.cluster.request("GET", self.resource(kind).path(None, namespace))
        if not answer.ok:
            raise Infrastructure(f"list {kind}", answer.message, "See `ckslab doctor`.")
        return list(answer.body["items"])

    def lists(self, kinds: Iterable[str]) -> dict[str, Manifests]:
        """All objects of several kinds, everywhere, asked for side by side; errors as for ``list``."""
        words = list(kinds)
        self._index()  # once, and not by each of them
        return dict(zip(words, together(partial(self.list, word) for word in words), strict=True))

    def create(self, manifest: Manifest, as_: Identity | None = None, dry_run: bool = False) -> Response:
        """POST a manifest."""
        path = self.of(manifest).path(None, _namespace(manifest))
        return self.cluster.request("POST", path, manifest, as_=as_, query=_query(dry_run))

    def apply(self, manifest: Manifest, as_: Identity | None = None, dry_run: bool = False) -> Response:
        """Server-side apply, taking over fields that others manage (as ``kubectl apply --server-side --force``)."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true", **(_query(dry_run) or {})}
        return self.cluster.request(
            "PATCH", self.path(manifest), manifest, as_=as_, query=query, content_type=PATCH_TYPES["apply"]
        )

    def replace(self, manifest: Manifest, as_: Identity | None = None) -> Response:
        """PUT a manifest; the object must exist."""
        return self.cluster.request("PUT", self.path(manifest), manifest, as_=as_)

    def delete(self, kind: str, name: str, namespace: str | None = None, as_: Identity | None = None) -> Response:
        """DELETE one object, without a grace period for pods."""
        resource = self.resource(kind)
        body = {"gracePeriodSeconds": 0} if resource.name == "pods" else None
        return self.cluster.request("DELETE", resource.path(name, namespace), body, as_=as_)

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str | None,
        patch: object,
        type_: str = "merge",
        subresource: str | None = None,
        as_: Identity | None = None,
    ) -> Response:
        """PATCH one object; ``type_`` is a key of ``PATCH_TYPES``."""
        path = self.resource(kind).path(name, namespace, subresource)
        return self.cluster.request("PATCH", path, patch, as_=as_, content_type=PATCH_TYPES[type_])


def _namespace(manifest: Manifest) -> str:
    return str(manifest.get("metadata", {}).get("namespace", "default"))


def _query(dry_run: bool) -> dict[str, str] | None:
    return {"dryRun": "All"} if dry_run else None


def _parse(group: str, version: str, entry: dict[str, Any]) -> Resource:
    kind = str(entry["responseKind"]["kind"])
    return Resource(
        group=group,
        version=version,
        name=str(entry["resource"]),
        kind=kind,
        singular=str(entry.get("singularResource") or kind.lower()),
        short_names=tuple(entry.get("shortNames", ())),
        namespaced=entry["scope"] == "Namespaced",
        verbs=frozenset(entry.get("verbs", ())),
        subresources=frozenset(str(sub["subresource"]) for sub in entry.get("subresources", ())),
    )
