"""Who asks for what: each request as it is given, and by others, for objects that no policy can know.

A policy may go by anything that is in a request: who asks, the names of objects, labels, images. What it names is
tried; what it cannot name is made of the run's seed and has no form that could be described.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ckslab_checker.asking import called
from ckslab_checker.installed import values
from ckslab_checker.kyverno.policies import Policy
from ckslab_checker.reviewed import ADMINISTRATORS, Manifest, Other, Reviewed
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Identity
from ckslab_labs.scenario.documents import at, listed

ANY = "*"
"""In place of a namespace: one that no policy can know."""
MOST_LABELS = 60
MANY_GROUPS = 8
"""More of them are not listed."""
MOST_USERS = 6
"""Whom policies name; each may take a run of its own."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PERSON = re.compile(r"[A-Za-z0-9][-A-Za-z0-9:@._/]{0,62}")
_WILD = re.compile(r"[*?]")
_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,60}[A-Za-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,60}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Asked:
    """One request, made by somebody for something."""

    reviewed: Reviewed
    identity: Identity
    other: Other | None = None
    completed: tuple[Manifest | None, Manifest | None] | None = None
    """What is asked for and what is there, where an API server has completed it."""

    @property
    def name(self) -> str:
        """Of the object; all in a check have different ones."""
        return self.other.name if self.other else self.reviewed.name

    @cached_property
    def objects(self) -> tuple[Manifest | None, Manifest | None]:
        """What is asked for, and what is there."""
        return self.completed or self.reviewed.objects(self.other)

    @property
    def compares(self) -> bool:
        """Whether what is asked for differs from what is there."""
        return self.reviewed.operation == "UPDATE" and self.reviewed.old is not None

    def __str__(self) -> str:
        many = len(self.identity.groups) > MANY_GROUPS
        who = (
            f"{self.identity.user} (a member of every group that the policies name)" if many else called(self.identity)
        )
        return clean_line(f"{self.reviewed.told(self.name)}{self._added()} as {who}")

    def _added(self) -> str:
        """The ephemeral containers, where there are some: by them such requests are told apart."""
        now, before = (len(listed(each, "spec", "ephemeralContainers")) for each in self.objects)
        if now > before:
            return f" with {now - before} new ephemeral {_containers(now - before)}" + (
                f" beside {before}" if before else ""
            )
        return f" with {before} ephemeral {_containers(before)}" if before else ""


def _containers(number: int) -> str:
    return "container" if number == 1 else "containers"


@dataclass(frozen=True)
class Answer:
    """What became of a request."""

    denied: bool
    why: str = ""
    """The policy's own words, an error's, or why a violation is none."""


def everybody(
    requests: Sequence[Reviewed], identities: Mapping[str, Identity], policies: Sequence[Policy], seed: str
) -> list[Asked]:
    """Each of the requests as it is given, and once more by each of those whom policies may spare.

    The first is made by all whom the policies name as well.
    """
    stranger = Identity.of_user(unforeseen(seed, "stranger"))
    others: list[tuple[Identity, Mapping[str, str]]] = [
        (stranger, {}),
        (stranger, labels(policies)),
        (Identity.of_user(unforeseen(seed, "administrator"), (ADMINISTRATORS,)), {}),
        (Identity.of_service_account("kube-system", unforeseen(seed, "account")), {}),
    ]
    asked = []
    for number, given in enumerate(requests):
        somewhere = {"namespace": unforeseen(seed, f"namespace {number}")} if given.namespace == ANY else {}
        each = given.model_copy(update=somewhere)
        asked.append(Asked(each, identities[each.as_]))
        named = [] if number else requesters(policies, seed)
        for place, (identity, marks) in enumerate([*others, *((identity, {}) for identity in named)]):
            asked.append(Asked(each, identity, Other(unforeseen(seed, f"object {number} {place}"), marks)))
    return asked


def requesters(policies: Sequence[Policy], seed: str) -> list[Identity]:
    """Those whom policies name: a member of every group that they may mean, and each user."""
    texts = [text for policy in policies for text in policy.texts() if _PERSON.fullmatch(text)]
    subjects = [each for policy in policies for each in _inside(values(policy.spec, "subjects"))]
    accounts = [
        f"system:serviceaccount:{at(each, 'namespace')}:{at(each, 'name')}"
        for each in subjects
        if at(each, "kind") == "ServiceAccount"
    ]
    people = [str(at(each, "name")) for each in subjects]
    people += [text for policy in policies for text in policy.quoted_beside("userInfo", "serviceAccount")]
    known = dict.fromkeys(_WILD.sub("x", text) for text in (*people, *accounts))
    users = [text for text in known if _PERSON.fullmatch(text)][:MOST_USERS]
    member = Identity.of_user(unforeseen(seed, "member"), tuple(dict.fromkeys(texts))[:MOST_LABELS])
    return [member, *(Identity.of_user(user) for user in users)]


def unforeseen(seed: str, what: str) -> str:
    """A name of 6 to 13 letters, which has nothing in common with any other."""
    digest = hashlib.sha256(f"{seed} {what}".encode()).digest()
    return "".join(_LETTERS[byte % 26] for byte in digest[: 6 + digest[-1] % 8])


def labels(policies: Sequence[Policy]) -> dict[str, str]:
    """Labels by which policies may tell objects apart, with the values that they name."""
    named = [text for policy in policies for text in policy.texts() if _KEY.fullmatch(text)]
    found = dict.fromkeys(named[:MOST_LABELS], "true")
    for policy in policies:
        for each in _inside(values(policy.spec, "matchExpressions")):
            found |= {str(at(each, "key")): str(value) for value in listed(each, "values")[:1]}
        for matched in (*values(policy.spec, "matchLabels"), *values(policy.spec, "annotations")):
            given = matched if isinstance(matched, dict) else {}
            found |= {_WILD.sub("x", str(key)): _WILD.sub("x", str(value)) for key, value in given.items()}
    return {key: value for key, value in found.items() if _KEY.fullmatch(key) and _VALUE.fullmatch(value)}


def _inside(lists: Iterable[object]) -> list[object]:
    return [item for each in lists if isinstance(each, list) for item in each]
