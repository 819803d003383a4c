"""Lets Kyverno's own command say what a policy does with requests: ``kyverno apply``, with its traps seen to.

As read in Kyverno 1.19, cmd/cli/kubectl-kyverno/processor/policy_processor.go, and tried:

- It takes an update's old object to be the object itself, unless a value for ``request.object`` says otherwise, which
  is merged into the object that it is given. So it is given the old one. A ValidatingPolicy is told no such value.
- Operation, requester and names are values of a resource for a ClusterPolicy, found by its name; for a ValidatingPolicy
  the operation is one for all. Subjects in ``match`` and ``exclude`` look at the file with the requester alone.
- Which requests are about a subresource is told by kind, so these are asked about by themselves; of a ValidatingPolicy
  they cannot be asked about at all.
- ``--audit-warn`` tells violations of a ClusterPolicy that audits from others; of a ValidatingPolicy it tells nothing.
- What the first of several policies is asked about is changed for the next, so each is asked by itself.
- A policy that it does not take is passed over, and the end is a good one: nothing was violated.
"""

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from ckslab_checker.answers import WrongForm
from ckslab_checker.kyverno.asking import Answer, Asked
from ckslab_checker.kyverno.policies import CLUSTER, VALIDATING, Policy
from ckslab_checker.outcome import CannotTell
from ckslab_checker.reviewed import Manifest
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Identity
from ckslab_labs.cluster.together import together
from ckslab_labs.tools import Ran, Tool

MOST_SAID = 8 * 1024 * 1024
"""Bytes of a report: a policy's message is repeated for every request."""
_REPORT = '{"kind":"ClusterReport"'
_API = "cli.kyverno.io/v1alpha1"
_NOTHING = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nothing", "namespace": "nowhere"}}
_APPLYING = re.compile(r"^Applying (\d+) policy rule\(s\) to ", re.MULTILINE)
_SKIPPED = re.compile(r"^Policies Skipped:\n1\. (.*?)\n-{9}", re.MULTILINE | re.DOTALL)
_INVALID = re.compile(r"^Invalid Policies:\n1\. (.*?)\n-{9}", re.MULTILINE | re.DOTALL)
_COMPILE = re.compile(
    r"^Error: failed to apply policies on resource .*?(failed to compile policy .*)", re.MULTILINE | re.DOTALL
)
_NOT_PARSED = re.compile(r'error="((?:[^"\\]|\\.)*)"')
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Cli:
    """Kyverno's command.

    Args:
        tool: the program.
        namespaces: the labels of namespaces, by their names.

    """

    tool: Tool
    namespaces: Mapping[str, Mapping[str, str]]

    def answers(self, policy: Policy, asked: Sequence[Asked]) -> dict[str, Answer]:
        """What a policy does with requests, by the name of the object; what it does not act on is left out.

        Raises:
            WrongForm: Kyverno does not take it; says why.
            CannotTell: Kyverno's command gives no answer.

        """
        groups = [list(group) for _, group in groupby(sorted(asked, key=_order(policy)), key=_order(policy))]
        found: dict[str, Answer] = {}
        for answers in together([partial(self._run, policy, group) for group in groups]):
            found |= answers
        if not found and policy.kind == CLUSTER:
            self.require_taken(policy)
        return found

    def _run(self, policy: Policy, asked: Sequence[Asked]) -> dict[str, Answer]:
        files: dict[str, object] = {"values.yaml": _values(policy, asked, self.namespaces)}
        words = ["apply", "policy.yaml", "-r", "requests.yaml", "-f", "values.yaml"]
        if policy.by_requester:
            files["requester.yaml"] = _requester(asked[0].identity)
            words += ["-u", "requester.yaml"]
        given = [_given(policy, each) for each in asked]
        words += ["--audit-warn"] if policy.kind == CLUSTER else []
        ran = self._apply(policy, given, [*words, "-p", "--output-format", "json"], files)
        reports = [line for line in ran.said.splitlines() if line.startswith(_REPORT)]
        _require_understood(policy, ran)
        if ran.code not in (0, 1) or len(reports) > 1 or (ran.code == 1 and not reports):
            raise CannotTell(f"Kyverno gives no answer: {clean_line(ran.said, 500)}")
        return _read(policy, json.loads(reports[0])["results"]) if reports else {}

    def require_taken(self, policy: Policy) -> None:
        """Make sure that Kyverno has heard of a policy that acts on nothing.

        Raises:
            WrongForm: it has not; says why.

        """
        ran = self._apply(policy, [_NOTHING], ["apply", "policy.yaml", "-r", "requests.yaml", "-v", "3"], {})
        said = _COLOUR.sub("", ran.said)
        _require_understood(policy, Ran(ran.code, said))
        applied = _APPLYING.search(said)
        if applied is None:
            raise CannotTell(f"Kyverno gives no answer: {clean_line(said, 500)}")
        if applied[1] == "0":
            why = _NOT_PARSED.search(said)
            reason = why[1].replace('\\"', '"') if why else "it finds no rule in it"
            raise WrongForm(clean_line(f"Kyverno does not take {policy}: {reason}", 500))

    def _apply(
        self, policy: Policy, given: Sequence[Manifest], words: Sequence[str], files: Mapping[str, object]
    ) -> Ran:
        written = {name: json.dumps(content).encode() for name, content in files.items()}
        written["policy.yaml"] = json.dumps(policy.document).encode()
        written["requests.yaml"] = "\n---\n".join(map(json.dumps, given)).encode()
        return self.tool.run(words, written, most=MOST_SAID)


def _order(policy: Policy) -> Callable[[Asked], tuple[str, ...]]:
    """By what requests are asked about in one run."""

    def order(asked: Asked) -> tuple[str, ...]:
        requester = f"{asked.identity.user} {asked.identity.groups}" if policy.by_requester else ""
        if policy.kind == CLUSTER:
            return asked.reviewed.resource if asked.reviewed.subresource else "", asked.reviewed.subresource, requester
        return asked.reviewed.operation, requester

    return order


def _given(policy: Policy, asked: Asked) -> Manifest:
    """What Kyverno is given as the resource."""
    new, old = asked.objects
    given = old or new if policy.kind == CLUSTER else new or old
    assert given is not None, "a request is about something"
    return given


def _values(policy: Policy, asked: Sequence[Asked], namespaces: Mapping[str, Mapping[str, str]]) -> Manifest:
    labels = [
        {"name": name, "labels": {**namespaces.get(name, {}), "kubernetes.io/metadata.name": name}}
        for name in sorted({each.reviewed.namespace for each in asked})
    ]
    values: dict[str, Any] = {"apiVersion": _API, "kind": "Values", "metadata": {"name": "values"}}
    values["namespaceSelector"] = labels
    if policy.kind == VALIDATING:
        return {**values, "globalValues": {"request.operation": asked[0].reviewed.operation}}
    resources = [{"name": each.name, "values": _request(each)} for each in asked]
    values["policies"] = [{"name": policy.name, "resources": resources}]
    about = asked[0].reviewed
    if about.subresource:
        parent = {"name": about.resource, "kind": about.kind, "group": about.group, "version": about.version}
        below = {**parent, "name": f"{about.resource}/{about.subresource}"}
        values["subresources"] = [{"subresource": below, "parentResource": parent}]
    return values


def _request(asked: Asked) -> dict[str, Any]:
    """What is in the admission request, beside the object that is given."""
    about, identity = asked.reviewed, asked.identity
    account = identity.user.removeprefix("system:serviceaccount:") if "system:serviceaccount:" in identity.user else ":"
    namespace, _, name = account.partition(":")
    kind = {"group": about.group, "version": about.version, "kind": about.kind}
    resource = {"group": about.group, "version": about.version, "resource": about.resource}
    request: dict[str, Any] = {
        "request.uid": str(uuid.uuid4()),
        "request.operation": about.operation,
        "request.kind": kind,
        "request.requestKind": kind,
        "request.resource": resource,
        "request.requestResource": resource,
        "request.subResource": about.subresource,
        "request.requestSubResource": about.subresource,
        "request.options": {"apiVersion": "meta.k8s.io/v1", "kind": f"{about.operation.title()}Options"},
        "request.name": asked.name,
        "request.namespace": about.namespace,
        "request.dryRun": False,
        "request.userInfo": {"username": identity.user, "groups": list(identity.groups)},
        "request.roles": [],
        "request.clusterRoles": [],
        "serviceAccountName": name,
        "serviceAccountNamespace": namespace,
    }
    return {**request, "request.object": asked.objects[0]} if about.operation == "UPDATE" else request


def _requester(identity: Identity) -> Manifest:
    info = {"username": identity.user, "groups": list(identity.groups)}
    return {"apiVersion": _API, "kind": "UserInfo", "metadata": {"name": "requester"}, "userInfo": info}


def _require_understood(policy: Policy, ran: Ran) -> None:
    """Raise WrongForm where Kyverno's command says what is wrong with a policy."""
    for pattern in (_SKIPPED, _INVALID, _COMPILE):
        if found := pattern.search(ran.said):
            raise WrongForm(clean_line(f"Kyverno does not take {policy}: {found[1]}", 500))


def _read(policy: Policy, results: Sequence[Mapping[str, Any]]) -> dict[str, Answer]:
    """What the results mean for each request."""
    found: dict[str, Answer] = {}
    for result in results:
        name = result["resources"][0]["name"]
        told = ": ".join(filter(None, (result.get("rule"), result.get("message"))))
        denied = policy.denies and result["result"] == "fail"
        if result["result"] == "error":
            told, by_error = f"an error, {told}", policy.refuses_by_error
            if by_error is None:
                raise CannotTell(f"{policy} enforces here and audits there, and ends in {clean_line(told)}")
            denied = by_error
        if denied or name not in found:
            found[name] = Answer(denied, "" if result["result"] == "pass" else clean_line(told))
    return found
