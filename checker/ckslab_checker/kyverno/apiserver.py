"""Lets a real API server say what a ValidatingPolicy does with requests, as an admission policy of the same text.

Kyverno's command takes what is there to be what is asked for, and knows no subresources of ValidatingPolicies.
Matching, conditions, variables and validations are one language in both kinds of policy, compiled by one library.

The server is one of its own, on a copy of what the cluster stores: what is there is made for real, everybody may do
anything, no other policy is left, and what is asked for is asked by dry runs. Nothing of it is seen in the cluster.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ckslab_checker import installed
from ckslab_checker.answers import WrongForm
from ckslab_checker.kyverno.asking import Answer, Asked
from ckslab_checker.kyverno.policies import Policy
from ckslab_checker.layers import ADMISSION, Layer, classify, describe
from ckslab_checker.outcome import CannotTell
from ckslab_checker.reviewed import ADMINISTRATORS, Manifest
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Audited, Auditor, Cluster, Identity, Response
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.documents import listed

AUDIT = b"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n"
"""Nothing of it need be logged."""
SECONDS = 15.0
"""For policies to act, or to act no more: they are compiled on a tick of 1 s."""
_NAME = "ckslab-kyverno-"
_SENTINEL = f"{_NAME}sentinel"
_GROUP = "admissionregistration.k8s.io"
_PATCH = "application/strategic-merge-patch+json"


@contextmanager
def running(auditor: Auditor, policies: Sequence[Policy]) -> Iterator["Server"]:
    """An API server on which the policies are in force.

    Raises:
        WrongForm: the API server does not take a policy; says why.
        Infrastructure: no API server can be started.

    """
    ours = f"ckslab-{secrets.token_hex(8)}"
    with auditor(AUDIT) as audited:
        server = Server(audited, Objects(audited.cluster_as(Identity(ours, (ADMINISTRATORS,)))), ours)
        server.clear()
        server.install(policies)
        yield server


@dataclass(frozen=True)
class Server:
    """An API server that decides."""

    audited: Audited
    objects: Objects
    ours: str
    """The user who makes what is there, to whom no policy applies; none can know the name."""

    def answers(self, asked: Sequence[Asked], namespaces: Mapping[str, Mapping[str, str]]) -> list[Answer]:
        """Whether one of the policies refuses, for each of the requests.

        Raises:
            CannotTell: an answer is to another question.

        """
        self._prepare(asked, namespaces)
        return together([partial(self._answer, each) for each in asked])

    @property
    def _cluster(self) -> Cluster:
        return self.objects.cluster

    def clear(self) -> None:
        """Let everybody do anything, and take away what others would refuse."""
        groups = ("system:authenticated", "system:unauthenticated")
        binding = {
            **_object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", f"{_NAME}everybody"),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": each} for each in groups],
        }
        _accept(self.objects.create(binding), "let everybody do anything")
        for kind in filter(self.objects.serves, installed.KINDS):
            path = self.objects.resource(kind).path()
            _accept(self._cluster.request("DELETE", path), f"take away every {kind}")

    def _prepare(self, asked: Sequence[Asked], namespaces: Mapping[str, Mapping[str, str]]) -> None:
        """Make what is there."""
        for name in sorted({each.reviewed.namespace for each in asked}):
            self.objects.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            account = {"name": "default", "namespace": name}
            self.objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
            labels = {"metadata": {"labels": dict(namespaces.get(name, {}))}}
            _accept(self.objects.patch("Namespace", name, None, labels), f"label the namespace {name}")
        for identity in {each.identity for each in asked}:
            self.audited.cluster_as(identity)  # their certificates are made one after the other
        together([partial(self._make, each) for each in asked])

    def _make(self, asked: Asked) -> None:
        self._cluster.request("DELETE", self._path(asked), query={"gracePeriodSeconds": "0"})
        old = asked.objects[1]
        if old is None:
            return
        made = _without(old)
        added = made.get("spec", {}).get("ephemeralContainers")
        if added:  # no pod can be made with some
            made["spec"] = {key: value for key, value in made["spec"].items() if key != "ephemeralContainers"}
        self._insist("POST", self._path(asked, named=False), made, "application/json", asked)
        if added:
            patch = {"spec": {"ephemeralContainers": added}}
            self._insist("PATCH", f"{self._path(asked)}/ephemeralcontainers", patch, _PATCH, asked)

    def _insist(self, method: str, path: str, body: Manifest, content_type: str, asked: Asked) -> None:
        """Ask until policies that are taken away act no more."""
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._cluster.request(method, path, body, content_type=content_type)
            if classify(answer) not in ADMISSION or time.monotonic() > deadline:
                _accept(answer, f"make what is there before {asked}")
                return
            time.sleep(0.05)

    def install(self, policies: Sequence[Policy]) -> None:
        """Put the policies in force, and wait until they are."""
        for number, policy in enumerate(policies):
            for manifest in _translated(policy, f"{_NAME}{number}", self.ours):
                answer = self.objects.create(dict(manifest))
                if answer.status in (400, 422):
                    told = f"no ValidatingAdmissionPolicy can say what {policy} says: {answer.message}"
                    raise WrongForm(clean_line(told, 500))
                _accept(answer, f"put {policy} in force")
        for manifest in _sentinel():
            _accept(self.objects.create(dict(manifest)), "see that policies are in force")
        deadline = time.monotonic() + SECONDS
        probe = {**_object("v1", "ConfigMap", _SENTINEL), "data": {}}
        while f"ValidatingAdmissionPolicy '{_SENTINEL}'" not in self._warned(probe):
            if time.monotonic() > deadline:
                raise CannotTell(f"after {SECONDS:.0f} s policies are not in force")
            time.sleep(0.02)

    def _warned(self, manifest: Manifest) -> str:
        return self.objects.create(dict(manifest), dry_run=True).headers.get("warning", "")

    def completed(self, asked: Sequence[Asked]) -> list[Asked]:
        """The same, with what the server makes of it before policies see it; they have been answered before.

        Raises:
            CannotTell: the server does not take something that no policy refuses.

        """
        return together([partial(self._complete, each) for each in asked])

    def _complete(self, asked: Asked) -> Asked:
        wanted, there = asked.objects
        if wanted is not None:
            wanted = _accept(self._ask(self._cluster, asked), f"complete {asked}")
        if there is not None:
            there = _accept(self._cluster.request("GET", self._path(asked)), f"find what is there before {asked}")
        return replace(asked, completed=(wanted, there))

    def _answer(self, asked: Asked) -> Answer:
        answer = self._ask(self.audited.cluster_as(asked.identity), asked)
        layer = classify(answer)
        if layer is Layer.POLICY:
            return Answer(True, clean_line(answer.message.partition(" denied request: ")[2]))
        if layer is not Layer.NONE:
            raise CannotTell(f"{asked}: {describe(answer, layer)}")
        return Answer(False)

    def _ask(self, cluster: Cluster, asked: Asked) -> Response:
        """Ask for it, by a dry run."""
        dry_run = {"dryRun": "All"}
        subresource = f"/{asked.reviewed.subresource}" if asked.reviewed.subresource else ""
        new = asked.objects[0]
        if new is None:
            return cluster.request("DELETE", self._path(asked), query={**dry_run, "gracePeriodSeconds": "0"})
        if asked.reviewed.operation == "CREATE":
            return cluster.request("POST", self._path(asked, named=False), new, query=dry_run)
        path = self._path(asked) + subresource
        return cluster.request("PATCH", path, _without(new), query=dry_run, content_type=_PATCH)

    def _path(self, asked: Asked, *, named: bool = True) -> str:
        about = asked.reviewed
        root = f"/apis/{about.api_version}" if about.group else f"/api/{about.version}"
        path = f"{root}/namespaces/{about.namespace}/{about.resource}"
        return f"{path}/{asked.name}" if named else path


def _translated(policy: Policy, name: str, ours: str) -> Iterator[Manifest]:
    common = policy.common()
    not_ours = {"name": f"{_NAME}asks", "expression": f"request.userInfo.username != '{ours}'"}
    conditions = {"matchConditions": [*listed(common, "matchConditions"), not_ours]}
    yield {**_object(f"{_GROUP}/v1", "ValidatingAdmissionPolicy", name), "spec": {**common, **conditions}}
    spec = {"policyName": name, "validationActions": list(policy.actions)}
    yield {**_object(f"{_GROUP}/v1", "ValidatingAdmissionPolicyBinding", name), "spec": spec}


def _sentinel() -> Iterator[Manifest]:
    """A policy that is in force once all that were made before it are; it warns, which no other's refusal hides."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "false"}]}
    yield {**_object(f"{_GROUP}/v1", "ValidatingAdmissionPolicy", _SENTINEL), "spec": spec}
    bound = {"policyName": _SENTINEL, "validationActions": ["Warn"]}
    yield {**_object(f"{_GROUP}/v1", "ValidatingAdmissionPolicyBinding", _SENTINEL), "spec": bound}


def _object(version: str, kind: str, name: str) -> dict[str, object]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def _without(whole: Manifest) -> dict[str, Any]:
    """What is sent of an object: the server itself says who made it, and when."""
    metadata = {
        key: value
        for key, value in whole["metadata"].items()
        if key not in ("uid", "resourceVersion", "creationTimestamp")
    }
    return {**whole, "metadata": metadata}


def _accept(answer: Response, attempted: str) -> Any:
    """What an answer holds, or CannotTell where it is a refusal."""
    if not answer.ok:
        raise CannotTell(f"cannot {attempted}: HTTP {answer.status} {clean_line(answer.message)}")
    return answer.body
