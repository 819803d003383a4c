"""The requests that add an ephemeral (debug) container to a pod, and pods to try them on.

There are three ways in: a strategic PATCH (what ``kubectl debug`` does; RBAC verb patch), a PUT of the whole pod (verb
update) and server-side apply (verb patch). The containers meet the strictest Pod Security level, lest that level be
taken for a fix; names and images differ from way to way, lest a policy against one of them be. Nothing here is sent.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ckslab_checker.access import Attributes
from ckslab_checker.asking import Question
from ckslab_checker.context import Manifest
from ckslab_checker.layers import Expectation
from ckslab_labs.cluster.objects import PATCH_TYPES, Resource

Method = Literal["PATCH", "PUT", "apply"]

METHODS: tuple[Method, ...] = ("PATCH", "PUT", "apply")
"""``apply`` comes after ``PATCH``, whose verb it shares."""
RESOURCE = "pods/ephemeralcontainers"
"""What RBAC calls it."""
_CALLED: Mapping[Method, str] = {"PATCH": "PATCH", "PUT": "PUT", "apply": "PATCH (server-side apply)"}
_NAMES: Mapping[Method, str] = {"PATCH": "debugger", "PUT": "tools", "apply": "helper"}
_IMAGES: Mapping[Method, str] = {
    "PATCH": "busybox:1.37.0",
    "PUT": "registry.k8s.io/pause:3.10.1",
    "apply": "nginx:1.29.1-alpine",
}
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_SPEC: Manifest = {"containers": [{"name": "pod", "image": _IMAGES["PUT"], "securityContext": _RESTRICTED}]}
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ALPHABET = "bcdfghjklmnpqrst"


def question(
    method: Method,
    pods: Resource,
    namespace: str,
    pod: Manifest,
    expect: Expectation,
    fields: Mapping[str, Any] | None = None,
    manager: str = "",
) -> Question:
    """The request that adds a debug container of a fresh name to a pod, by one of the three ways.

    ``fields`` are of the container, in place of its usual ones; ``manager`` is who says to be at work.
    """
    name = pod["metadata"]["name"]
    container = {**_container(method, expect), **(fields or {})}
    special = [f"{key} {_told(value)}" for key, value in (fields or {}).items()]
    special += [f"field manager {manager}"] if manager else []
    if method == "apply":
        container["targetContainerName"] = pod["spec"]["containers"][0]["name"]
    spec: Manifest = {"ephemeralContainers": [container]}
    identified = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}}
    body, content_type, query = {
        "PATCH": ({"spec": spec}, PATCH_TYPES["strategic"], {}),
        "PUT": (_with_container(pod, container), "application/json", {}),
        # A manager of its own each time: what a manager applied before, it would now take away. Others' fields are
        # taken over by force, as kubectl does where a person insists.
        "apply": (
            {**identified, "spec": spec},
            PATCH_TYPES["apply"],
            {"fieldManager": container["name"], "force": "true"},
        ),
    }[method]
    return Question(
        told=f"{_CALLED[method]} pods/{name}/ephemeralcontainers in {namespace}"
        + (f" ({', '.join(special)})" if special else ""),
        method="PUT" if method == "PUT" else "PATCH",
        path=pods.path(name, namespace, "ephemeralcontainers"),
        attributes=Attributes(
            "update" if method == "PUT" else "patch", "", "pods", "ephemeralcontainers", namespace, name
        ),
        body=body,
        query={**query, "fieldManager": manager} if manager else query,
        content_type=content_type,
    )


def _told(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def added(before: Manifest, after: Manifest) -> list[Manifest]:
    """The debug containers that a pod has got: a policy may rename one, but can change none that was there."""
    names = {container["name"] for container in _debug_containers(before)}
    return [container for container in _debug_containers(after) if container["name"] not in names]


def _debug_containers(pod: Manifest) -> Sequence[Manifest]:
    return pod["spec"].get("ephemeralContainers") or ()


def holds(value: object, fields: object) -> bool:
    """Whether a part of an object has these fields, at any depth; one that is ``null`` must not be there."""
    if isinstance(fields, Mapping):
        there = value if isinstance(value, Mapping) else {}
        return all(holds(there.get(key), wanted) for key, wanted in fields.items())
    return value == fields


def is_a_name(text: str) -> bool:
    """Whether a pod can be called so (RFC 1123 subdomain); a grant for another name is for nothing."""
    return len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def absent(name: str) -> Manifest:
    """A pod to ask about that is not there."""
    return {"metadata": {"name": name}, "spec": _SPEC}


def takes_debug_containers(pod: Manifest) -> bool:
    """Whether anybody could debug it: static pods take no ephemeral container, and a pod in deletion is gone soon."""
    metadata = pod["metadata"]
    static = "kubernetes.io/config.mirror" in metadata.get("annotations", {})
    return not static and "deletionTimestamp" not in metadata


def unforeseen_name(names: Sequence[str], seed: str) -> str:
    """A name like those of the pods that are there, but for its end, which depends on the seed."""
    number = number_of(seed)
    model = sorted(names)[number % len(names)] if names else "pod"
    stem, dash, end = model.rpartition("-")
    if dash and end.isdigit():
        return f"{stem}-{1000 + number % 9000}"
    length = max(5, len(end) if dash else 0)
    tail = "".join(_ALPHABET[number >> 4 * place & 15] for place in range(length))
    return f"{stem if dash else model}-{tail}"


def number_of(seed: str) -> int:
    """A large number that depends on the seed."""
    return int(hashlib.sha256(seed.encode()).hexdigest(), 16)


def stranger_name(seed: str) -> str:
    """A name like none of the pods that are there, which depends on the seed."""
    return "".join(_ALPHABET[number_of(seed) >> 4 * place & 15] for place in range(40, 50))


def canary(name: str, namespace: str, models: Sequence[Manifest], labels: Mapping[str, str]) -> Manifest:
    """A pod that runs what one that is there runs, under a name of its own and without its labels and annotations.

    Whoever works with pods may take a label off, so a policy that goes by labels protects none for long.
    """
    stem = name.rpartition("-")[0]
    alike = [pod for pod in models if pod["metadata"]["name"].startswith(stem)]
    model = next(iter([*alike, *models]), absent(name))
    spec = {key: value for key, value in model["spec"].items() if key != "ephemeralContainers"}
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _container(method: Method, expect: Expectation) -> Manifest:
    """A name cannot be used twice in a pod, nor can a container be taken out again."""
    container: Manifest = {"name": f"{_NAMES[method]}-{secrets.token_hex(3)}", "image": _IMAGES[method]}
    return container if expect == "denied-by-pod-security" else {**container, "securityContext": _RESTRICTED}


def _with_container(pod: Manifest, container: Manifest) -> Manifest:
    """The whole pod for a PUT; without a resourceVersion, as a pod's status may change at any moment."""
    metadata = {key: value for key, value in pod["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    containers = [*_debug_containers(pod), container]
    spec = {**pod["spec"], "ephemeralContainers": containers}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
