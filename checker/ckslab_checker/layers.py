"""Which layer refused a request? Told from the API server's own words, from their first character on.

A policy's message, a webhook's answer and many names are the learner's to choose, so no substring proves anything: a
policy may say ``violates PodSecurity "restricted"`` and a webhook may quote RBAC to the letter. What cannot be chosen
is how the server begins its message, as it quotes every name (Go's ``%q``) before it repeats a word of anybody else.
Everything in here is anchored to that beginning; nothing may ever search inside a message.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Literal

from ckslab_labs.cluster.port import Response

Expectation = Literal[
    "allowed", "denied", "denied-by-rbac", "denied-by-pod-security", "denied-by-policy", "denied-by-webhook"
]


class Layer(Enum):
    """What decided a request."""

    NONE = "nobody"
    """Nobody refused: 2xx."""
    RBAC = "RBAC"
    """An authorizer said no. The Node authorizer uses the same words; a SubjectAccessReview must agree."""
    ESCALATION = "RBAC's check against privilege escalation"
    """A role or binding would give more than the identity has. The authorizer had said yes."""
    POD_SECURITY = "Pod Security"
    POLICY = "an admission policy"
    """A ValidatingAdmissionPolicy or a MutatingAdmissionPolicy."""
    WEBHOOK = "an admission webhook"
    FAILED_WEBHOOK = "an admission webhook that gave no answer"
    """Nothing decided; the server refuses because the webhook's failurePolicy is Fail."""
    OTHER_ADMISSION = "another admission plugin"
    """Quota, limits, a missing service account, NodeRestriction, a namespace in deletion, ..."""
    NOT_A_DENIAL = "no layer"
    """Not found, invalid, clash of names, wrong method, an error of the server: no verdict on the identity."""


DENIALS: Mapping[Expectation, frozenset[Layer]] = {
    "denied": frozenset({Layer.RBAC, Layer.ESCALATION, Layer.POD_SECURITY, Layer.POLICY, Layer.WEBHOOK}),
    "denied-by-rbac": frozenset({Layer.RBAC, Layer.ESCALATION}),
    "denied-by-pod-security": frozenset({Layer.POD_SECURITY}),
    "denied-by-policy": frozenset({Layer.POLICY}),
    "denied-by-webhook": frozenset({Layer.WEBHOOK}),
}
"""The layers that meet an expectation. A quota or a dead webhook meets none: it stops a request but decides nothing."""

ADMISSION = frozenset(
    {Layer.ESCALATION, Layer.POD_SECURITY, Layer.POLICY, Layer.WEBHOOK, Layer.FAILED_WEBHOOK, Layer.OTHER_ADMISSION}
)
"""Layers behind the authorizer: a refusal by one of them shows that the request was understood and authorized."""

_Q = r'"(?:[^"\\]|\\.)*"'  # Go's %q
# Kubernetes v1.36: apimachinery errors.NewForbidden ('%s %q is forbidden: %v', without a name '%s is forbidden: %v',
# without a resource 'forbidden: %v'); apiserver responsewriters.forbiddenMessage; admission webhook errors.ToStatusErr.
_FORBIDDEN = rf"(?:[a-z0-9./-]+ (?:{_Q} )?is )?forbidden: "
_SCOPE = rf"(?:in the namespace {_Q}|at the cluster scope)"
_WHAT = rf"(?:resource {_Q} in API group {_Q} {_SCOPE}|path {_Q})"
_POLICY_NAMES = r"'([a-z0-9.-]+)' with binding '[a-z0-9.-]+' denied request: "
_RBAC = re.compile(rf"{_FORBIDDEN}User {_Q} cannot (\S+) {_WHAT}(?:: .*)?", re.DOTALL)
_ESCALATION = re.compile(rf"{_FORBIDDEN}user {_Q} \(groups=\[.*\]\) is attempting to grant RBAC permissions", re.DOTALL)
_POD_SECURITY = re.compile(rf'{_FORBIDDEN}violates PodSecurity "')
_POLICY = re.compile(rf"(?:{_FORBIDDEN}ValidatingAdmissionPolicy|policy) {_POLICY_NAMES}")
_WEBHOOK = re.compile(r'admission webhook "([a-z0-9.-]+)" denied the request(?:: | without explanation)')
_FAILED_WEBHOOK = re.compile(r'Internal error occurred: failed calling webhook "([a-z0-9.-]+)": ')


def classify(response: Response) -> Layer:
    """The layer that refused, or ``NONE`` for 2xx.

    A denial by RBAC is only as good as the SubjectAccessReview that agrees with it; asking for that is the caller's.
    """
    if response.ok:
        return Layer.NONE
    message = response.message
    if _WEBHOOK.match(message):  # first: a webhook chooses the status and the reason of its refusal as well
        return Layer.WEBHOOK
    if _POLICY.match(message):  # next: a policy chooses the status among 403, 413 and 422
        return Layer.POLICY
    if response.status == 500 and _FAILED_WEBHOOK.match(message):
        return Layer.FAILED_WEBHOOK
    if response.status == 403 and response.reason == "Forbidden":
        return _forbidden(message)
    return Layer.NOT_A_DENIAL


def _forbidden(message: str) -> Layer:
    rbac = _RBAC.fullmatch(message)
    if rbac:  # "User ... cannot impersonate" is about us, who ask, and not about the identity
        return Layer.NOT_A_DENIAL if rbac[1].startswith("impersonate") else Layer.RBAC
    if _POD_SECURITY.match(message):
        return Layer.POD_SECURITY
    if _ESCALATION.match(message):
        return Layer.ESCALATION
    return Layer.OTHER_ADMISSION if re.match(_FORBIDDEN, message) else Layer.NOT_A_DENIAL


def installed_name(response: Response) -> str | None:
    """The name of the policy or webhook that refused, or ``None`` where no such layer did."""
    for pattern in (_WEBHOOK, _POLICY, _FAILED_WEBHOOK):
        if match := pattern.match(response.message):
            return match[1]
    return None


def describe(response: Response, layer: Layer) -> str:
    """What a learner reads of an answer: ``denied by RBAC: <the server's message>``."""
    if layer is Layer.NONE:
        return f"allowed (HTTP {response.status})"
    if layer is Layer.NOT_A_DENIAL:
        return f"neither allowed nor denied: HTTP {response.status} {response.message}".rstrip()
    return f"denied by {layer.value}: {response.message}"
