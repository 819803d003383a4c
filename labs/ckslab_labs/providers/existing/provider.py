"""The existing provider: a cluster of somebody's, to be checked and never set up, reset or kept.

Its kubeconfig is read strictly before any client sees it: one that runs programs or reads tokens from files would do so
with the rights of whoever checks (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
warns of it).
"""

import difflib
from pathlib import Path
from typing import Any

from ckslab_labs import strict_yaml
from ckslab_labs.cluster.client import HttpCluster
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import InvalidInput

NAME = "existing"
_REFUSED = {
    "exec": "would run a program",
    "auth-provider": "would run a program",
    "tokenFile": "would read a token from a file",
}
"""Keys of a kubeconfig's user, and what they do."""
_POWERS = (("impersonate", "", "users"), ("create", "authorization.k8s.io", "subjectaccessreviews"))
"""Verb, group and resource: what a check needs to ask as somebody else, and about somebody else."""


def contexts(kubeconfig: Path) -> dict[str, dict[str, Any]]:
    """The contexts of a kubeconfig by name, each with its ``cluster`` and ``user``.

    Raises:
        InvalidInput: it cannot be read, or a user in it would do more than present itself.

    """
    attempted = f"read the kubeconfig {kubeconfig}"
    try:
        config = strict_yaml.load(kubeconfig.read_bytes(), source=str(kubeconfig))
    except OSError as error:
        raise InvalidInput(attempted, error.strerror or str(error), "Give the path of a kubeconfig.") from None
    try:
        for user in config["users"] or ():
            for key in _REFUSED.keys() & (user.get("user") or {}).keys():
                seen = f"its user {user['name']} {_REFUSED[key]} ({key})"
                remedy = "Give a kubeconfig with a token or a client certificate in it."
                raise InvalidInput(attempted, seen, remedy)
        return {entry["name"]: entry["context"] for entry in config["contexts"] or ()}
    except (KeyError, TypeError, AttributeError):
        raise InvalidInput(attempted, "it has not the form of a kubeconfig", "Give the path of a kubeconfig.") from None


def open_cluster(kubeconfig: Path, context: str) -> HttpCluster:
    """The cluster of a context, once it is certain that it can be asked.

    Raises:
        InvalidInput: there is no such context, or its user may not ask as somebody else.
        Unreachable: no answer.

    """
    known = contexts(kubeconfig)
    if context not in known:
        near = difflib.get_close_matches(context, known, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none'}."
        raise InvalidInput(f"use the context {context!r}", f"{kubeconfig} has none of that name", remedy)
    cluster = HttpCluster(f"the cluster of context {context}", kubeconfig, frozenset({Capability.API}), context)
    _refuse_powerless(cluster)
    return HttpCluster(cluster.name, kubeconfig, _capabilities(Objects(cluster)), context)


def _refuse_powerless(cluster: HttpCluster) -> None:
    for verb, group, resource in _POWERS:
        spec = {"resourceAttributes": {"verb": verb, "group": group, "resource": resource}}
        kind = "SelfSubjectAccessReview"
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        answer = cluster.request("POST", f"/apis/authorization.k8s.io/v1/{kind.lower()}s", body)
        if not answer.ok or not answer.body["status"]["allowed"]:
            seen = f"its user may not {verb} {resource} ({answer.message or 'the API server says no'})"
            raise InvalidInput(f"check {cluster.name}", seen, "Use the context of a cluster administrator.")


def _capabilities(objects: Objects) -> frozenset[Capability]:
    """What can be seen of it; nothing is promised about its network."""
    found = {Capability.API}
    if objects.get("ClusterRole", "admin").body.get("rules"):  # a controller fills it
        found.add(Capability.CONTROLLERS)
    if objects.list("Node"):
        found.add(Capability.NODES)
    return frozenset(found)
