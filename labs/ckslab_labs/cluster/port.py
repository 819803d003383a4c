"""The cluster port: the one way to talk to Kubernetes.

Everything above a provider sees a ``Cluster`` and nothing else, so the same probe runs on an embedded plane, on kind
and on a given kubeconfig. A refusal by the API server is an answer (a ``Response``); only the lack of an answer is an
error (``Unreachable``). Nothing in here may know a provider.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol


class Capability(StrEnum):
    """What a cluster can do. A scenario ``requires`` some; a provider offers some."""

    API = "api"
    CONTROLLERS = "controllers"
    NODES = "nodes"
    CONTROL_PLANE_FILES = "control-plane-files"
    AUDIT = "audit"
    KUBELET = "kubelet"
    NETWORK_POLICY = "network-policy"


@dataclass(frozen=True)
class Identity:
    """Who a request is made as: a user name with all groups that the API server would see.

    ``system:authenticated`` and a service account's groups are part of ``groups``, because neither a
    SubjectAccessReview nor an Impersonate-Group header adds them by itself
    (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation).
    """

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    """What a token says besides; only admission control looks at it."""

    @classmethod
    def of_user(cls, user: str, groups: tuple[str, ...] = ()) -> "Identity":
        """A human user; ``system:authenticated`` is added."""
        return cls(user, tuple(dict.fromkeys((*groups, "system:authenticated"))))

    @classmethod
    def of_service_account(cls, namespace: str, name: str) -> "Identity":
        """A service account with the groups that its token carries."""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return cls(f"system:serviceaccount:{namespace}:{name}", groups)

    def in_pod(self, pod: str) -> "Identity":
        """A service account as its token in a pod presents it, bound to the pod (KEP-1205)."""
        uid = "00000000-0000-4000-8000-000000000000"
        bound = {"pod-name": pod, "pod-uid": uid, "node-name": "node-1", "credential-id": f"JTI={uid}"}
        extra = tuple((f"authentication.kubernetes.io/{key}", value) for key, value in bound.items())
        return replace(self, uid=uid, extra=extra)

    @classmethod
    def anonymous(cls) -> "Identity":
        """A request without credentials."""
        return cls("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Response:
    """An answer of the API server, whatever its status.

    ``body`` is the decoded JSON, or the text where the answer was not JSON.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """The ``message`` of a Kubernetes Status, or the text of the answer."""
        if isinstance(self.body, dict):
            return str(self.body.get("message", ""))
        return str(self.body or "")

    @property
    def reason(self) -> str:
        """The ``reason`` of a Kubernetes Status ("Forbidden", "NotFound", ...), or ""."""
        return str(self.body.get("reason", "")) if isinstance(self.body, dict) else ""


@dataclass(frozen=True)
class Ran:
    """What a command in a container did."""

    exit_code: int
    stdout: str
    stderr: str


class Cluster(Protocol):
    """A cluster to ask. Requests are made as the cluster's administrator unless ``as_`` names somebody else."""

    @property
    def name(self) -> str:
        """What to call the cluster in messages."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, made by ckslab."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this cluster can do."""

    @property
    def certificate(self) -> tuple[str, str] | None:
        """The files of the administrator's certificate and key; None where a token proves who asks."""

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
        """Make one HTTP request and return the answer, 2xx or not.

        Args:
            method: an HTTP verb.
            path: absolute, e.g. ``/api/v1/namespaces``; segments must be quoted already.
            body: sent as JSON (valid YAML, so right for apply-patch too).
            as_: whom to impersonate, with exactly these groups.
            query: query parameters.
            content_type: of the body.
            timeout: seconds for the whole exchange.

        Raises:
            Unreachable: no complete answer within ``timeout``.

        """

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        words: Sequence[str],
        *,
        timeout: float = 10.0,
    ) -> Ran | Response:
        """Run a command in a container, as the cluster's administrator.

        Args:
            namespace: of the pod.
            pod: its name.
            container: its name in the pod.
            words: the command.
            timeout: seconds for all of it.

        Returns:
            what the command did, or the answer of whoever would not run it.

        Raises:
            Unreachable: no complete answer within ``timeout``.

        """


class PolicyRefused(Exception):
    """No API server starts with a policy; the text says why, in its own words."""


class Audited(Protocol):
    """An API server of its own, on a copy of what the cluster stores, that logs by somebody's audit policy."""

    def cluster_as(self, identity: Identity) -> Cluster:
        """The API as seen by somebody who has proved who they are: an audit policy sees who is impersonated as ours."""

    def events(self) -> list[dict[str, Any]]:
        """What was logged until now (``audit.k8s.io/v1`` Event), in the order in which it was written."""


Auditor = Callable[[bytes], AbstractContextManager[Audited]]
"""Runs such a server with a policy file as it is; raises ``PolicyRefused``."""


class Node(Protocol):
    """The control-plane node's files that people edit: those below ``/etc/kubernetes``, and the kubelet's."""

    def read(self, path: str) -> bytes | None:
        """One file; None where there is none.

        Raises:
            InvalidInput: it is none of those.

        """

    def put(self, files: Mapping[str, bytes | None]) -> None:
        """Write files by their paths, or remove them (None), and wait until what reads them runs with them.

        Raises:
            InvalidInput: one is none of those.
            Infrastructure: what reads them does not run any more; says why.

        """
