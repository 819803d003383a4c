"""What a policy may go by that must not matter: other pods, containers, requesters and namespaces to try it on.

Each is made of the texts that the policies themselves name (``policy_texts``), or differs from what is there in one
respect: a policy that refuses the pods of today may go by a label, a name, an image or an owner, and spare the next.
Plain values; nothing in here is sent.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ckslab_labs.cluster.port import Identity

Manifest = dict[str, Any]

NAMES, LABELS = 10, 8
"""Texts that are tried as names, and as values of labels."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,60}[A-Za-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,60}[A-Za-z0-9])?")
_DIGEST = "0" * 64
_PAUSE = "registry.k8s.io/pause:3.10.1"
_HARDENED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "runAsGroup": 65534,
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def names(texts: Iterable[str], fresh: str) -> list[str]:
    """Names of objects: each text that could be one, and names that begin and end with it."""
    stems = [text.strip("-.:/").lower() for text in texts]
    found = [name for text in stems for name in (text, f"{text}-{fresh}", f"{fresh}-{text}")]
    return list(dict.fromkeys(name for name in found if _NAME.fullmatch(name)))[: 3 * NAMES]


def marks(texts: Sequence[str]) -> Iterator[dict[str, str]]:
    """Labels (or annotations): every text that could be a key, with one value after the other."""
    keys = [text for text in texts if _KEY.fullmatch(text)][:LABELS]
    values = ["true", "", *(text for text in texts if _LABEL.fullmatch(text))][: LABELS + 2]
    return (dict.fromkeys(keys, value) for value in values if keys)


def pods(model: Manifest, texts: Sequence[str], fresh: str) -> Iterator[Manifest]:
    """Pods beside one that is there: like it or plain, each different in one respect, in the model's namespace."""
    spec = {key: value for key, value in model["spec"].items() if key != "ephemeralContainers"}
    labels = model["metadata"].get("labels") or {}
    plain = {"containers": [{"name": fresh, "image": _PAUSE, "securityContext": _HARDENED}]}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": fresh, "uid": _uid(fresh), "controller": True}
    yield _pod("like", spec, labels=labels)
    yield _pod("other-labels", spec, labels=dict.fromkeys(labels, fresh))
    yield _pod("owned", spec, labels=labels, ownerReferences=[owner])
    yield _pod("plain", plain)
    yield _pod("elsewhere", {**plain, "nodeName": fresh})
    yield _pod("on-the-host", {**plain, "hostNetwork": True, "hostPID": True})
    yield _pod("preferred", {**plain, "priorityClassName": "system-cluster-critical"})
    yield _pod("accounted", {**plain, "serviceAccountName": fresh})
    yield _rich(labels, fresh)
    for name in names(texts, fresh):
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def containers(texts: Sequence[str], fresh: str) -> Iterator[Manifest]:
    """Fields of a debug container: images and names that policies speak of, and what one may have at all."""
    yield {"securityContext": _HARDENED, "stdin": True, "tty": True}
    yield _dressed(fresh)
    images = [*texts, *(f"{text}{fresh}" for text in texts), *_pairs(texts)]
    yield from ({"image": image} for image in dict.fromkeys(images))
    yield from ({"name": name} for name in names(texts, fresh))


def _dressed(fresh: str) -> Manifest:
    """All that a debug container can have in any pod, whatever it is good for."""
    return {
        "command": ["sh", "-c"],
        "args": ["sleep 1d"],
        "env": [{"name": "PURPOSE", "value": fresh}],
        "envFrom": [{"configMapRef": {"name": fresh, "optional": True}}],
        "imagePullPolicy": "Never",
        "securityContext": _HARDENED,
        "stdin": True,
        "stdinOnce": True,
        "terminationMessagePath": f"/tmp/{fresh}",  # noqa: S108 - in a container
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "tty": True,
        "workingDir": "/",
    }


def requesters(identity: Identity, others: Iterable[Identity], texts: Sequence[str], fresh: str) -> Iterator[Identity]:
    """Members of the same groups: those that are known, and such as policies may spare by name or another group.

    ``others`` are the scenario's identities. What one of them is called, or is a member of, is left out where it is
    none of the identity's own: an exception for those is asked about elsewhere, and may be right.
    """
    yield replace(identity, uid=_uid(fresh), extra=((f"{fresh}.example.com/session", fresh),))
    own = _people(identity)
    theirs = [other for other in others if not other.user.startswith("system:")]
    foreign = {name for other in theirs for name in (other.user, *other.groups)} - own - {identity.user}
    for other in theirs:
        if other != identity and _people(other) and _people(other) <= own:
            yield other
    for text in texts:
        if not text.startswith("system:") and text not in foreign and not _spells(text, foreign):
            yield from (Identity(user, identity.groups) for user in (text, f"{text}{fresh}", f"{fresh}{text}"))
            yield replace(identity, groups=(*identity.groups, text))


def _people(identity: Identity) -> set[str]:
    """The groups that somebody put an identity into; those of the system come by themselves."""
    return {group for group in identity.groups if not group.startswith("system:")}


def accounts(texts: Iterable[str], fresh: str) -> Iterator[Identity]:
    """Service accounts that texts spell, in full or in part: namespace, name, or the beginning or end of one."""
    for text in texts:
        rest = re.sub(r"^system:serviceaccounts?:?", "", text)
        space, colon, name = rest.partition(":")
        found = [(space or fresh, name or fresh)] if colon else [(rest, fresh), (fresh, rest)]
        for owner, account in found:
            for pair in (
                (owner, account),
                (f"{owner}{fresh}", account),
                (owner, f"{account}{fresh}"),
                (fresh, account),
            ):
                if all(map(_NAME.fullmatch, pair)):
                    yield Identity.of_service_account(*pair)
            ended = (owner, f"{fresh}-{account.lstrip('-')}"), (f"{fresh}-{owner.lstrip('-')}", account)
            yield from (Identity.of_service_account(*pair) for pair in ended if all(map(_NAME.fullmatch, pair)))


def managers(texts: Iterable[str]) -> list[str]:
    """Field managers: whoever asks may name any (https://kubernetes.io/docs/reference/using-api/server-side-apply/)."""
    return [text for text in texts if len(text) <= 128 and text.isprintable()]


def _pairs(texts: Sequence[str]) -> Iterator[str]:
    """Images that begin with one text and hold another: a registry, and a digest."""
    for first in texts[:NAMES]:
        for second in texts[:NAMES]:
            if first != second and len(first) + len(second) < 120:
                yield f"{first}x{second}{_DIGEST if 'sha256' in second else ''}"


def _spells(text: str, names: set[str]) -> bool:
    """Whether a text is the beginning or the end of one of the names, as ``startsWith`` and ``endsWith`` have it."""
    return any(name.startswith(text) or name.endswith(text) for name in names)


def _pod(name: str, spec: Manifest, **metadata: object) -> Manifest:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def _rich(labels: Mapping[str, str], fresh: str) -> Manifest:
    """A pod with more of everything than the usual one has."""
    containers = [{"name": f"{fresh}-{number}", "image": _PAUSE, "securityContext": _HARDENED} for number in (1, 2, 3)]
    spec = {
        "initContainers": containers[2:],
        "containers": containers[:2],
        "volumes": [{"name": fresh, "emptyDir": {}}],
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": 5,
        "tolerations": [{"key": fresh, "operator": "Exists"}],
    }
    many = {f"{fresh}.example.com/a-rather-long-key-of-a-label": fresh}
    return _pod("rich", spec, labels={**labels, **many}, annotations=many)


def _uid(text: str) -> str:
    digits = f"{sum(ord(letter) << 8 * place for place, letter in enumerate(text[:12])):032x}"[-32:]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def namespaces(texts: Sequence[str], fresh: str) -> Iterator[Mapping[str, Any]]:
    """Metadata of namespaces that policies may spare, by name or by mark."""
    yield from ({"name": name} for name in names(texts, fresh))
    for number, mark in enumerate(marks(texts)):
        yield {"name": f"{fresh}-{number}", "labels": mark, "annotations": mark}
