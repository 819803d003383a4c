"""What a learner's file of Kyverno policies holds. What cannot be asked here is refused by name, before anything runs.

A ClusterPolicy is decided by Kyverno's command alone. A ValidatingPolicy is decided by a real API server as well, so
it may say only what a ValidatingAdmissionPolicy can say, too: that is what both are to be compared by.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ckslab_checker.answers import WrongForm
from ckslab_checker.installed import values
from ckslab_checker.policy_texts import quoted
from ckslab_checker.reviewed import Manifest
from ckslab_checker.text import clean_line
from ckslab_labs.scenario.documents import at, listed

CLUSTER, VALIDATING = "ClusterPolicy", "ValidatingPolicy"
VERSIONS: Mapping[str, Sequence[str]] = {
    CLUSTER: ("kyverno.io/v1", "kyverno.io/v2beta1"),
    VALIDATING: ("policies.kyverno.io/v1", "policies.kyverno.io/v1beta1", "policies.kyverno.io/v1alpha1"),
}
"""The kinds that a file may hold, and the versions in which Kyverno 1.19 takes them; the first is the usual one."""
MOST = 5
"""Policies in a file: each takes runs of its own."""

_CONTEXT = {
    "apiCall": "asks other servers (apiCall)",
    "configMap": "reads what is in a cluster (configMap)",
    "globalReference": "reads what Kyverno has gathered from a cluster (globalReference)",
    "imageRegistry": "asks a registry of images (imageRegistry)",
}
_RULES = {
    "generate": "makes other objects (generate)",
    "mutate": "changes what is asked for (mutate)",
    "verifyImages": "asks registries for signatures (verifyImages)",
}
_CHECKS = {"manifests": "asks for signatures (validate.manifests)"}
_MATCHES = {
    "clusterRoles": "goes by roles, which are a cluster's (clusterRoles)",
    "roles": "goes by roles, which are a cluster's (roles)",
}
_TEXTS = {
    re.compile(r"\b(time_now(_utc)?|time_since|random)\s*\("): "goes by the clock or by chance",
    re.compile(r"\b(time\s*\.\s*now|random)\s*\("): "goes by the clock or by chance",
    re.compile(r"\bhttp\s*\.\s*(Get|Post|Client)\b"): "asks other servers (http)",
    re.compile(r"\bresource\s*\.\s*(Get|List|Post)\b"): "reads what is in a cluster (resource)",
    re.compile(r"\bglobalContext\s*\.\s*\w"): "reads what Kyverno has gathered from a cluster (globalContext)",
    re.compile(r"\bimage[dD]ata\s*\.\s*\w"): "asks a registry of images (imageData)",
    re.compile(
        r"\{\{[^}]*\bimages\s*\."
    ): "goes by images as Kyverno takes them apart (images), which is not asked here",
    re.compile(r"\bverify(Image|Attestation)Signatures\b"): "asks registries for signatures",
}
_EXPRESSIONS = {
    re.compile(r"\bdryRun\b"): "goes by whether a request is a dry run (dryRun)",
    re.compile(r"\bauthorizer\b"): "asks what somebody may do in a cluster (authorizer)",
}
"""Of a ValidatingPolicy: an API server is asked by dry runs, of a copy in which everybody may do anything."""
_CEL = ("cel", "celPreconditions")
"""Where a ClusterPolicy speaks CEL, which is told who asks as subjects are."""
_RESOURCE = re.compile(r"\brequest\s*\.\s*(resource|requestResource|subResource|requestSubResource)\b")
_COMMON = {"failurePolicy", "matchConditions", "matchConstraints", "validations", "variables"}
"""What stands in a ValidatingPolicy as it does in a ValidatingAdmissionPolicy."""
_READ = {*_COMMON, "auditAnnotations", "autogen", "evaluation", "validationActions", "webhookConfiguration"}
_CONTROLLERS = {
    "cronjobs",
    "daemonsets",
    "deployments",
    "jobs",
    "replicasets",
    "replicationcontrollers",
    "statefulsets",
}
_LITERAL = re.compile(r"'([^'\\\n]{1,200})'|\"([^\"\\\n]{1,200})\"|`\"?([^`\"\n]{1,200})\"?`")


@dataclass(frozen=True)
class Policy:
    """A policy of the file."""

    document: Manifest

    @property
    def kind(self) -> str:
        """``ClusterPolicy`` or ``ValidatingPolicy``."""
        return str(self.document["kind"])

    @property
    def name(self) -> str:
        """As it is called."""
        return str(self.document["metadata"]["name"])

    def __str__(self) -> str:
        return f"the {self.kind} {self.name}"

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        """Its spec."""
        spec = self.document.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def denies(self) -> bool:
        """Whether it refuses what violates it; of a ClusterPolicy Kyverno says so, for every request."""
        return self.kind == CLUSTER or "Deny" in self.actions

    @property
    def actions(self) -> Sequence[str]:
        """What is done about violations: in a ClusterPolicy wherever it says so, in no order."""
        if self.kind == VALIDATING:
            return listed(self.spec, "validationActions") or ["Deny"]
        rules = listed(self.spec, "rules")
        said = list(values(rules, "failureAction")) or list(values(self.spec, "validationFailureAction"))
        for key in ("failureActionOverrides", "validationFailureActionOverrides"):
            said += [action for each in values(self.spec, key) for action in values(each, "action")]
        return [str(action).title() for action in said] or ["Audit"]

    @property
    def refuses_by_error(self) -> bool | None:
        """Whether a request is refused for which it cannot be evaluated; None: it depends on the request.

        As ``BlockRequest`` has it in Kyverno's pkg/utils/engine, which only policies get to that enforce.
        """
        policy = at(self.spec, "webhookConfiguration", "failurePolicy") or self.spec.get("failurePolicy") or "Fail"
        if policy != "Fail" or not {"Deny", "Enforce"} & set(self.actions):
            return False
        return None if "Audit" in self.actions and self.kind == CLUSTER else True

    @property
    def by_requester(self) -> bool:
        """Whether Kyverno has to be told in advance who asks."""
        in_cel = self.kind == VALIDATING or any(True for key in _CEL for _ in values(self.spec, key))
        return any(values(self.spec, "subjects")) or (in_cel and "request" in json.dumps(self.spec))

    def common(self) -> Mapping[str, Any]:
        """The spec of the ValidatingAdmissionPolicy that says the same as this ValidatingPolicy."""
        return {"failurePolicy": "Fail", **{key: self.spec[key] for key in _COMMON if key in self.spec}}

    def is_extended_to(self, resource: str) -> bool:
        """Whether Kyverno makes it hold for what makes pods, though it speaks of pods; no API server does.

        As ``CanAutoGen`` has it in Kyverno's pkg/cel/autogen: only where it matches pods, and nothing else.
        """
        rules = listed(self.spec, "matchConstraints", "resourceRules")
        return resource in _CONTROLLERS and [at(rule, "resources") for rule in rules] == [["pods"]]

    def texts(self) -> list[str]:
        """What it quotes, then whatever stands in it: a policy can only spare what it names."""
        leaves = _leaves(self.spec)
        return list(dict.fromkeys([*(text for leaf in leaves for text in _literals(leaf)), *leaves]))

    def quoted_beside(self, *words: str) -> list[str]:
        """What it quotes in a text, or beside one, in which one of the words is."""
        found: list[str] = []
        for texts in _together(self.spec):
            if any(word in text for word in words for text in texts):
                found += [*(text for each in texts for text in _literals(each)), *texts]
        return list(dict.fromkeys(found))


def read(documents: Sequence[object]) -> list[Policy]:
    """The policies of a file.

    Raises:
        WrongForm: it holds none, something else, something twice, or what cannot be asked here.

    """
    policies = [_policy(document) for document in documents if document is not None]
    if not policies:
        raise WrongForm("it holds no policy")
    if len(policies) > MOST:
        raise WrongForm(f"it holds more than {MOST} policies")
    if twice := [str(policy) for policy in policies if [str(each) for each in policies].count(str(policy)) > 1]:
        raise WrongForm(clean_line(f"{twice[0]} is there twice"))
    for policy in policies:
        if told := _refusal(policy):
            raise WrongForm(clean_line(f"{policy} {told}"))
    return policies


def _policy(document: object) -> Policy:
    if not isinstance(document, dict):
        raise WrongForm("every document in it must be an object of Kubernetes")
    kind, version, name = str(document.get("kind")), str(document.get("apiVersion")), at(document, "metadata", "name")
    if kind not in VERSIONS:
        raise WrongForm(clean_line(f"{version} {kind} is neither a ClusterPolicy nor a ValidatingPolicy"))
    if version not in VERSIONS[kind]:
        raise WrongForm(clean_line(f"there is no {kind} in {version}; write apiVersion: {VERSIONS[kind][0]}"))
    if not isinstance(name, str) or not name:
        raise WrongForm(f"the {kind} has no metadata.name")
    return Policy(document)


def _refusal(policy: Policy) -> str | None:
    """What is said of a policy that cannot be asked here; None of one that can."""
    for text in _leaves(policy.spec):
        for pattern, told in _TEXTS.items():
            if pattern.search(text):
                return told
    return _of_cluster_policy(policy.spec) if policy.kind == CLUSTER else _of_validating_policy(policy.spec)


def _of_cluster_policy(spec: Mapping[str, Any]) -> str | None:
    rules = [rule for rule in listed(spec, "rules") if isinstance(rule, dict)]
    contexts = [entry for context in values(spec, "context") if isinstance(context, list) for entry in context]
    checks = [at(rule, "validate") for rule in rules]
    matches = [part for rule in rules for word in ("match", "exclude") for part in _parts(rule.get(word))]
    for places, refused in ((contexts, _CONTEXT), (rules, _RULES), (checks, _CHECKS), (matches, _MATCHES)):
        for place in places:
            for key, told in refused.items():
                if isinstance(place, dict) and key in place:
                    return told
    if spec.get("admission") is False:
        return "is not asked when something is requested (spec.admission: false)"
    if at(spec, "webhookConfiguration", "matchConditions") or spec.get("matchConditions"):
        return "leaves it to the API server when it is asked (matchConditions)"
    if len({json.dumps([at(each, "failureAction"), at(each, "failureActionOverrides")]) for each in checks}) > 1:
        return "has rules of several failureActions; make a policy of each"
    speaks = [text for key in _CEL for part in values(spec, key) for text in values(part, "expression")]
    if any(_RESOURCE.search(str(text)) for text in speaks):
        return "goes in CEL by the resource, which Kyverno's command is not told (request.resource)"
    return "reads parameters of a cluster (paramKind)" if any(at(each, "cel", "paramKind") for each in checks) else None


def _of_validating_policy(spec: Mapping[str, Any]) -> str | None:
    if unknown := sorted(spec.keys() - _READ):
        return f"says {unknown[0]}, which no ValidatingAdmissionPolicy says"
    expressions = [str(text) for key in ("expression", "messageExpression") for text in values(spec, key)]
    for pattern, told in _EXPRESSIONS.items():
        if any(pattern.search(text) for text in expressions):
            return told
    if at(spec, "evaluation", "mode") not in (None, "Kubernetes"):
        return "is not about requests to an API server (spec.evaluation.mode)"
    if at(spec, "evaluation", "admission", "enabled") is False:
        return "is not asked when something is requested (spec.evaluation.admission)"
    return None


def _literals(text: str) -> list[str]:
    """What is quoted in an expression, in CEL or JMESPath."""
    return [*(next(filter(None, found)) for found in _LITERAL.findall(text)), *quoted(text)]


def _together(part: object) -> list[list[str]]:
    """The texts that stand side by side in an object, each with those in lists there."""
    inside = list(part.values()) if isinstance(part, Mapping) else part if isinstance(part, list) else []
    own = [text for each in inside for text in (each if isinstance(each, list) else [each]) if isinstance(text, str)]
    return [own, *(found for each in inside for found in _together(each))]


def _parts(block: object) -> list[object]:
    """A match or exclude block, and the blocks in it."""
    return [block, *listed(block, "any"), *listed(block, "all")]


def _leaves(part: object) -> list[str]:
    """All texts in a document, the keys included."""
    if isinstance(part, str):
        return [part]
    if isinstance(part, Mapping):
        return [text for key, value in part.items() for text in (str(key), *_leaves(value))]
    return [text for each in part for text in _leaves(each)] if isinstance(part, list) else []
