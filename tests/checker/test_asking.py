from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster, binding, role, rule
from tests.checker.worlds import IDENTITIES

from ckslab_checker.access import Attributes
from ckslab_checker.asking import (
    OutOfDate,
    Question,
    called,
    expected,
    for_authorizers,
    identities,
    judge,
    with_members,
)
from ckslab_checker.context import Context, StartFacts
from ckslab_checker.layers import DENIALS, Expectation
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_labs.cluster.port import Identity, Response
from ckslab_labs.errors import InvalidInput

DANA = IDENTITIES["dana"]
QUESTION = Question(
    "PATCH pods/web/ephemeralcontainers in production",
    "PATCH",
    "/x",
    Attributes("patch", "", "pods", "ephemeralcontainers", "production", "web"),
)
BY_RBAC = (
    'pods "web" is forbidden: User "dana" cannot patch resource "pods/ephemeralcontainers" in API group "" in the'
    ' namespace "production"'
)
BY_POLICY = "pods \"web\" is forbidden: ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no"
ASKED = "PATCH pods/web/ephemeralcontainers in production as dana (groups developers)"


def context(*world: dict[str, Any], admission: frozenset[str] = frozenset()) -> Context:
    made = Context(FakeCluster(list(world)), IDENTITIES, Path("/nonexistent"), None, False, "seed")
    policies = [{"metadata": {"name": name}} for name in sorted(admission)]
    made.once("installed", lambda: {"ValidatingAdmissionPolicy": policies})
    return made


def refusal(code: int, reason: str, message: str) -> Response:
    return Response(code, {"message": message, "reason": reason})


FORBIDDEN = refusal(403, "Forbidden", BY_RBAC)


def test_a_denial_by_rbac_with_which_a_review_agrees_is_evidence() -> None:
    found = judge(context(), DANA, QUESTION, FORBIDDEN, "denied")
    assert found == Evidence(ASKED, "denied", f"denied by RBAC: {BY_RBAC}", met=True)


def test_a_denial_by_rbac_with_which_a_review_does_not_agree_is_no_answer() -> None:
    debugger = role("debugger", rule("patch", "pods/ephemeralcontainers"))
    world = context(debugger, binding("debugger", debugger, "User dana"))
    with pytest.raises(CannotTell, match="refused by RBAC, but a review of access says it is allowed"):
        judge(world, DANA, QUESTION, FORBIDDEN, "denied")


def test_a_denial_by_what_is_not_there_any_more_is_out_of_date() -> None:
    answer = refusal(422, "Invalid", BY_POLICY)
    with pytest.raises(OutOfDate, match="refused by x, which is not there any more"):
        judge(context(), DANA, QUESTION, answer, "denied")
    assert judge(context(admission=frozenset({"x"})), DANA, QUESTION, answer, "denied").met


@pytest.mark.parametrize("expect", ["allowed", *DENIALS])
@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "NotFound", 'pods "web" not found'),
        refusal(422, "Invalid", 'Pod "web" is invalid: x'),
        refusal(409, "Conflict", "Operation cannot be fulfilled"),
        refusal(415, "UnsupportedMediaType", "415"),
        refusal(401, "Unauthorized", "Unauthorized"),
        refusal(500, "", "boom"),
    ],
)
def test_what_is_neither_yes_nor_no_meets_nothing(expect: Expectation, answer: Response) -> None:
    with pytest.raises(CannotTell, match=f"neither allowed nor denied: HTTP {answer.status}"):
        judge(context(), DANA, QUESTION, answer, expect)


@pytest.mark.parametrize("expect", ["allowed", *DENIALS])
def test_a_dead_webhook_meets_nothing_but_is_an_answer(expect: Expectation) -> None:
    answer = refusal(500, "InternalError", 'Internal error occurred: failed calling webhook "h.example.com": x')
    found = judge(context(admission=frozenset({"h.example.com"})), DANA, QUESTION, answer, expect)
    assert not found.met
    assert found.observed.startswith("denied by an admission webhook that gave no answer: ")


def test_expectations_are_told_in_words() -> None:
    assert {expect: expected(expect) for expect in ("allowed", *DENIALS)} == {
        "allowed": "allowed",
        "denied": "denied",
        "denied-by-rbac": "denied by RBAC",
        "denied-by-pod-security": "denied by Pod Security",
        "denied-by-policy": "denied by an admission policy",
        "denied-by-webhook": "denied by an admission webhook",
    }


def test_identities_are_called_by_what_a_learner_knows() -> None:
    assert called(DANA) == "dana (groups developers)"
    assert called(Identity.of_user("eli")) == "eli"
    assert called(IDENTITIES["runner"]) == "service account build/runner"
    assert called(Identity.anonymous()) == "system:anonymous (groups system:unauthenticated)"


def test_one_name_or_several_are_looked_up() -> None:
    assert identities(context(), "dana") == [DANA]
    assert identities(context(), ["runner", "dana"]) == [IDENTITIES["runner"], DANA]
    with pytest.raises(InvalidInput, match="the scenario's identities are: dana, nobody, olga, root, runner"):
        identities(context(), "eve")


def test_whoever_is_known_by_groups_is_asked_about_as_any_member_of_the_fewest_of_them() -> None:
    reader = role("reader", rule("get", "pods"))
    bindings = [
        binding("a", reader, "Group developers", namespace="production"),
        binding("b", reader, "Group contractors", namespace="production"),
        binding("c", reader, "User mia", namespace="production"),
    ]
    ctx = replace(context(), start=StartFacts({"RoleBinding": bindings}))
    dana, mia = (Identity.of_user(name, ("developers",)) for name in ("dana", "mia"))
    eli = Identity.of_user("eli", ("contractors", "developers"))
    olga, runner = Identity.of_user("olga", ("admins",)), Identity.of_service_account("build", "runner")
    everybody = [dana, eli, mia, olga, runner]
    member, of_both = Identity(ctx.member, dana.groups), Identity(ctx.member, eli.groups)
    assert for_authorizers(ctx, everybody) == [mia, olga, runner, member]
    assert with_members(ctx, everybody) == for_authorizers(ctx, everybody)
    under_policies = replace(ctx)
    under_policies.once("installed", lambda: {"ValidatingAdmissionPolicy": [{"metadata": {"name": "x"}}]})
    assert with_members(under_policies, everybody) == [*everybody, member, of_both]
    assert for_authorizers(ctx, [eli, olga]) == [olga, of_both]
    assert called(of_both) == "any member of contractors, developers"
    assert for_authorizers(context(), everybody) == everybody, "where nobody saw the start, everybody is asked about"
