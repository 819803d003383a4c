"""The powers that a fix must not hand out: one list, as data. Nothing in here is judged or asked; see ``powers``.

Source: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks. Added to it are
the other ways to the same ends: exec, attach and ephemeral containers; ``patch`` and ``update`` of workloads (another
image or service account is code of one's own); the in-tree admission policies beside webhooks; writing of RBAC objects;
and constrained impersonation (https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/).

The kubelet grants some subresources of a node to whoever holds ``nodes/proxy`` as well (``INCLUDED``), so a fix that
puts them in its place gives nothing.
"""

from dataclasses import dataclass

_WRITE = ("create", "update", "patch")
_NODE = ("get", "create", "update", "patch", "delete")
_APPROVED_AT_ONCE = ("certificatesigningrequests/nodeclient", "certificatesigningrequests/selfnodeclient")
"""Whose requests for a node's certificate a controller approves by itself (kubelet TLS bootstrapping)."""
_RBAC = "rbac.authorization.k8s.io"
_AUTHENTICATION = "authentication.k8s.io"
_CERTIFICATES = "certificates.k8s.io"


@dataclass(frozen=True)
class Sensitive:
    """Verbs on resources of one API group that lead further than they look.

    A resource that is not ``namespaced`` cannot be granted by a RoleBinding, whatever the role says.
    """

    what: str
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    namespaced: bool = True


INCLUDED = ("log", "checkpoint")
"""Subresources of nodes that ``nodes/proxy`` includes
(https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#fine-grained-authorization)."""
EVERYTHING = "a wildcard, which covers resources that are yet to come"
SENSITIVE: tuple[Sensitive, ...] = (
    # A patch answers with the secret, and so does a dry run of a deletion.
    Sensitive("reads secrets", "", ("secrets",), ("get", "list", "watch", "patch", "delete", "deletecollection")),
    Sensitive("runs code in pods", "", ("pods/exec", "pods/attach"), ("get", "create")),
    Sensitive("runs code in pods", "", ("pods/ephemeralcontainers",), ("update", "patch")),
    Sensitive("runs code as any service account", "", ("pods", "replicationcontrollers"), _WRITE),
    Sensitive(
        "runs code as any service account", "apps", ("deployments", "daemonsets", "statefulsets", "replicasets"), _WRITE
    ),
    Sensitive("runs code as any service account", "batch", ("jobs", "cronjobs"), _WRITE),
    Sensitive("runs code in every pod of a node", "", ("nodes/proxy",), _NODE, False),
    Sensitive("reads a node's logs and its containers' memory", "", ("nodes/log", "nodes/checkpoint"), _NODE, False),
    Sensitive("mounts a node's files", "", ("persistentvolumes",), ("create",), False),
    Sensitive("issues tokens of service accounts", "", ("serviceaccounts/token",), ("create",)),
    Sensitive("acts as somebody else", "", ("users", "groups"), ("impersonate",), False),
    Sensitive("acts as somebody else", "", ("serviceaccounts",), ("impersonate",)),
    Sensitive("acts as somebody else", _AUTHENTICATION, ("users", "groups"), ("impersonate:user-info",), False),
    Sensitive("acts as somebody else", _AUTHENTICATION, ("serviceaccounts",), ("impersonate:serviceaccount",)),
    Sensitive("acts as somebody else", _AUTHENTICATION, ("nodes",), ("impersonate:arbitrary-node",), False),
    Sensitive("grants powers", _RBAC, ("roles", "rolebindings"), _WRITE),
    Sensitive("grants powers", _RBAC, ("clusterroles", "clusterrolebindings"), _WRITE, False),
    Sensitive("grants powers that it does not have", _RBAC, ("roles",), ("escalate", "bind")),
    Sensitive("grants powers that it does not have", _RBAC, ("clusterroles",), ("escalate",), False),
    Sensitive("grants powers that it does not have", _RBAC, ("clusterroles",), ("bind",)),
    Sensitive(
        "issues certificates",
        _CERTIFICATES,
        ("certificatesigningrequests/approval", "certificatesigningrequests/status"),
        ("update", "patch"),
        False,
    ),
    Sensitive("issues certificates", _CERTIFICATES, ("signers",), ("approve", "sign"), False),
    Sensitive("issues certificates of nodes", _CERTIFICATES, _APPROVED_AT_ONCE, ("create",), False),
    Sensitive(
        "changes what admission refuses",
        "admissionregistration.k8s.io",
        (
            "validatingwebhookconfigurations",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
        ),
        (*_WRITE, "delete", "deletecollection"),
        False,
    ),
    Sensitive("changes a namespace's security labels", "", ("namespaces",), ("update", "patch")),
)
