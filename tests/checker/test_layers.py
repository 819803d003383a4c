"""Messages are those that a real kube-apiserver v1.36.3 sent, but for the group that a real one cannot send."""

import pytest

from ckslab_checker.layers import DENIALS, Layer, classify, describe, installed_name
from ckslab_labs.cluster.port import Response

RBAC_WEB = (
    'pods "web" is forbidden: User "dana" cannot patch resource "pods/ephemeralcontainers" in API group "" in the'
    ' namespace "production"'
)
PSA_WEB = 'violates PodSecurity "restricted:latest": no'
VAP = "ValidatingAdmissionPolicy 'x' with binding 'y' denied request: "
HOOK = 'admission webhook "deny.example.com" denied the request'


def status(code: int, reason: str, message: str) -> Response:
    return Response(code, {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code})


BY_RBAC = [
    RBAC_WEB,
    # a user whose name imitates the rest of the message
    'pods "web" is forbidden: User "x\\" cannot patch resource \\"pods\\"" cannot patch resource'
    ' "pods/ephemeralcontainers" in API group "" in the namespace "production"',
    'nodes is forbidden: User "dana" cannot list resource "nodes" in API group "" at the cluster scope',
    'nodes "n1" is forbidden: User "dana" cannot get resource "nodes/proxy" in API group "" at the cluster scope',
    'forbidden: User "dana" cannot get path "/metrics"',
    'nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope',
    'pods is forbidden: User "system:serviceaccount:build:runner" cannot create resource "pods" in API group "" in the'
    ' namespace "production"',
    'clusterroles.rbac.authorization.k8s.io is forbidden: User "dana" cannot create resource "clusterroles" in API'
    ' group "rbac.authorization.k8s.io" at the cluster scope',
    # a binding whose role is gone
    'pods "web" is forbidden: User "dangler" cannot patch resource "pods/ephemeralcontainers" in API group "" in the'
    ' namespace "production": RBAC: role.rbac.authorization.k8s.io "gone" not found',
    'secrets "x" is forbidden: User "system:node:node-1" cannot get resource "secrets" in API group "" in the namespace'
    " \"production\": no relationship found between node 'node-1' and this object",
]

BY_ESCALATION = [
    'clusterroles.rbac.authorization.k8s.io "esc" is forbidden: user "dana" (groups=["developers"'
    ' "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""],'
    ' Resources:["pods"], Verbs:["*"]}',
]

BY_POD_SECURITY = [
    'pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container'
    ' "d1" must set securityContext.allowPrivilegeEscalation=false)',
]

BY_POLICY = [
    (422, "Invalid", f'pods "web" is forbidden: {VAP}no debugging'),
    (403, "Forbidden", f'pods "web" is forbidden: {VAP}no debugging'),
    (413, "RequestEntityTooLarge", f'pods "web" is forbidden: {VAP}failed expression: false'),
    (422, "Invalid", f"pods \"web\" is forbidden: {VAP}expression 'object.x == 1' resulted in error: no such key: x"),
    (422, "Invalid", f'nodes "node-1" is forbidden: {VAP}no proxy'),
    # a mutating policy whose expression failed
    (
        403,
        "Invalid",
        "policy 'm' with binding 'm' denied request: expression 'object.x' resulted in error: no such key",
    ),
    # messages that imitate other layers
    (403, "Forbidden", f'pods "web" is forbidden: {VAP}{RBAC_WEB}'),
    (403, "Forbidden", f'pods "web" is forbidden: {VAP}is forbidden: User "x" cannot patch'),
    (403, "Forbidden", f'pods "web" is forbidden: {VAP}{PSA_WEB}'),
    (422, "Invalid", f'pods "web" is forbidden: {VAP}{HOOK}: no'),
]

BY_WEBHOOK = [
    (400, "", f"{HOOK}: no debugging"),
    (403, "Forbidden", f"{HOOK}: no"),
    (400, "", f"{HOOK} without explanation"),
    (400, "Forbidden", f"{HOOK}: Forbidden"),
    (500, "", f"{HOOK}: x"),
    (403, "", f"{HOOK}: a\nb"),
    # messages that imitate other layers, and an answer that imitates a missing pod
    (403, "Forbidden", f"{HOOK}: {RBAC_WEB}"),
    (403, "Forbidden", f"{HOOK}: {PSA_WEB}"),
    (404, "NotFound", f'{HOOK}: pods "web" not found'),
    (422, "Invalid", f'{HOOK}: pods "web" is forbidden: {VAP}no'),
]

BY_ANOTHER_PLUGIN = [
    'pods "web" is forbidden: error looking up service account nosa/default: serviceaccount "default" not found',
    'pods "web" is forbidden: maximum cpu usage per Container is 100m, but limit is 2',
    'pods "web" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
    'nodes "node-2" is forbidden: node "node-1" is not allowed to modify node "node-2"',
    'nodes "node-1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/a',
    'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    'pods "web3" is forbidden: unable to create new content in namespace nosa because it is being terminated',
]

NO_DENIAL = [
    (401, "Unauthorized", "Unauthorized"),
    (404, "NotFound", 'pods "nope" not found'),
    (404, "NotFound", 'namespaces "nons" not found'),
    (405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
    (415, "UnsupportedMediaType", "415: Unsupported Media Type"),
    (409, "AlreadyExists", 'pods "web" already exists'),
    (409, "Conflict", 'Operation cannot be fulfilled on pods "web": the object has been modified'),
    (422, "Invalid", 'Pod "web" is invalid: spec.ephemeralContainers[0].name: Duplicate value: "c"'),
    (400, "BadRequest", 'Nope in version "v1" cannot be handled as a Pod: no kind "Nope" is registered'),
    (400, "BadRequest", 'admission webhook "x.example.com" does not support dry run because the effects are unknown'),
    (500, "", "no preferred addresses found; known addresses: []"),
    (503, "ServiceUnavailable", "error trying to reach service: dial tcp 127.0.0.1:10250: connect: connection refused"),
    (429, "TooManyRequests", "too many requests, please try again later"),
    # about us who ask, not about the identity
    (403, "Forbidden", 'users "dana" is forbidden: User "x" cannot impersonate resource "users" in API group "" at'
     " the cluster scope"),
]  # fmt: skip

NOT_THE_SERVERS_WORDS = [
    # objects whose names hold another layer's words, quoted by the server
    (404, "NotFound", 'roles.rbac.authorization.k8s.io "a\\" is forbidden: User \\"x\\" cannot get" not found'),
    (409, "AlreadyExists", 'clusterroles "x is forbidden: violates PodSecurity \\"" already exists'),
    (422, "Invalid", f'Widget "w" is invalid: spec: Invalid value: "object": {VAP}no'),
    (422, "Invalid", f'Widget "w" is invalid: spec: Invalid value: "object": {RBAC_WEB}'),
    # RBAC's words with another status: a policy or a proxied server may say so, an authorizer does not
    (422, "Invalid", RBAC_WEB),
    (400, "BadRequest", RBAC_WEB),
    # cut off, or with another beginning
    (403, "Forbidden", 'User "dana" cannot patch resource "pods/ephemeralcontainers" in API group ""'),
    (403, "", "Forbidden"),
]


@pytest.mark.parametrize("message", BY_RBAC)
def test_a_denial_by_an_authorizer_is_recognised(message: str) -> None:
    assert classify(status(403, "Forbidden", message)) is Layer.RBAC


@pytest.mark.parametrize("message", BY_ESCALATION)
def test_the_check_against_escalation_is_told_from_the_authorizer(message: str) -> None:
    assert classify(status(403, "Forbidden", message)) is Layer.ESCALATION


@pytest.mark.parametrize("message", BY_POD_SECURITY)
def test_a_denial_by_pod_security_is_recognised(message: str) -> None:
    assert classify(status(403, "Forbidden", message)) is Layer.POD_SECURITY


@pytest.mark.parametrize(("code", "reason", "message"), BY_POLICY)
def test_a_denial_by_a_policy_is_recognised_whatever_its_status_and_message(
    code: int, reason: str, message: str
) -> None:
    assert classify(status(code, reason, message)) is Layer.POLICY


@pytest.mark.parametrize(("code", "reason", "message"), BY_WEBHOOK)
def test_a_denial_by_a_webhook_is_recognised_whatever_it_answers(code: int, reason: str, message: str) -> None:
    assert classify(status(code, reason, message)) is Layer.WEBHOOK


def test_a_webhook_that_gives_no_answer_has_decided_nothing() -> None:
    message = (
        'Internal error occurred: failed calling webhook "deny.example.com": failed to call webhook: Post'
        ' "https://127.0.0.1:9/x?timeout=2s": dial tcp 127.0.0.1:9: connect: connection refused'
    )
    assert classify(status(500, "InternalError", message)) is Layer.FAILED_WEBHOOK
    assert all(Layer.FAILED_WEBHOOK not in layers for layers in DENIALS.values())


@pytest.mark.parametrize("message", BY_ANOTHER_PLUGIN)
def test_quota_limits_and_the_like_meet_no_expectation(message: str) -> None:
    assert classify(status(403, "Forbidden", message)) is Layer.OTHER_ADMISSION
    assert all(Layer.OTHER_ADMISSION not in layers for layers in DENIALS.values())


@pytest.mark.parametrize(("code", "reason", "message"), NO_DENIAL)
def test_what_says_nothing_about_the_identity_is_no_denial(code: int, reason: str, message: str) -> None:
    assert classify(status(code, reason, message)) is Layer.NOT_A_DENIAL


@pytest.mark.parametrize(("code", "reason", "message"), NOT_THE_SERVERS_WORDS)
def test_words_inside_a_message_prove_nothing(code: int, reason: str, message: str) -> None:
    assert classify(status(code, reason, message)) is Layer.NOT_A_DENIAL


@pytest.mark.parametrize("body", ["", "no", None, [], {"message": None}, {"kind": "Status"}])
def test_an_answer_that_is_no_status_is_no_denial(body: object) -> None:
    assert classify(Response(403, body)) is Layer.NOT_A_DENIAL


@pytest.mark.parametrize("code", [200, 201])
def test_nobody_refused_what_succeeded(code: int) -> None:
    assert classify(Response(code, {"message": RBAC_WEB, "reason": "Forbidden"})) is Layer.NONE


def test_what_refused_is_named() -> None:
    assert installed_name(status(422, "Invalid", f'pods "web" is forbidden: {VAP}no')) == "x"
    assert installed_name(status(403, "Invalid", "policy 'm' with binding 'n' denied request: no")) == "m"
    assert installed_name(status(400, "", f"{HOOK}: no")) == "deny.example.com"
    assert installed_name(status(403, "Forbidden", RBAC_WEB)) is None


def test_a_learner_reads_who_denied_and_what_the_server_said() -> None:
    denied = status(403, "Forbidden", RBAC_WEB)
    assert describe(denied, Layer.RBAC) == f"denied by RBAC: {RBAC_WEB}"
    assert describe(Response(200, {}), Layer.NONE) == "allowed (HTTP 200)"
    missing = status(404, "NotFound", 'pods "nope" not found')
    assert describe(missing, classify(missing)) == 'neither allowed nor denied: HTTP 404 pods "nope" not found'
