"""What the gatekeeper probe asks gator, and how it takes the answers; what is refused gator says, in the suite."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.checker.fake_cluster import FakeCluster
from tests.checker.worlds import IDENTITIES

from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.probes.gatekeeper import Gatekeeper
from ckslab_labs.tools import Ran

POD = {"containers": [{"name": "web"}]}
DEBUGGED = {**POD, "ephemeralContainers": [{"name": "debugger", "image": "busybox", "targetContainerName": "web"}]}
DEBUG = {
    "as": "dana",
    "operation": "UPDATE",
    "resource": "pods",
    "subresource": "ephemeralcontainers",
    "kind": "Pod",
    "namespace": "production",
    "name": "web",
    "object": {"metadata": {"labels": {"app": "web"}}, "spec": DEBUGGED},
    "old": {"spec": POD},
}
Request = Mapping[str, Any]


def template(kind: str = "NoDebug", code: str = "package nodebug") -> dict[str, Any]:
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {"crd": {"spec": {"names": {"kind": kind}}}, "targets": [{"rego": code}]},
    }


def constraint(name: str = "one", kind: str = "NoDebug", **spec: Any) -> dict[str, Any]:
    version = "constraints.gatekeeper.sh/v1beta1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


class Gator:
    """Finds a violation where ``violated`` says so, by the constraint's name and the request.

    ``names`` makes what it says from the numbers of the cases that are not as expected.
    """

    def __init__(
        self,
        violated: Callable[[str, Request], bool],
        works: bool = True,
        names: Callable[[list[int]], list[int]] = lambda otherwise: otherwise,
    ) -> None:
        self.violated, self.works, self.names = violated, works, names
        self.reviews: list[Request] = []
        self.actions: list[object] = []
        self.asked: list[int] = []

    def run(self, words: Sequence[str], files: Mapping[str, bytes]) -> Ran:
        read = {name: json.loads(content) for name, content in files.items()}
        (test,) = read["suite.yaml"]["tests"]
        self.actions.append(read["constraint.yaml"]["spec"].get("enforcementAction"))
        self.asked.append(len(test["cases"]))
        otherwise = []
        for number, case in enumerate(test["cases"]):
            assert set(case["inventory"]) <= set(read)
            review = read[case["object"]]["request"]
            self.reviews.append(review)
            expected = case["assertions"] == [{"violations": "yes"}]
            if self.violated(read["constraint.yaml"]["metadata"]["name"], review) is not expected:
                otherwise.append(number)
        if not self.works:
            return Ran(1, "it does not compile")
        said = [f"    --- FAIL: review-{number}\t(0.01s)\n        unexpected" for number in self.names(otherwise)]
        return Ran(1 if otherwise else 0, "\n".join(said))


def ask(folder: Path, gator: Gator, *documents: object, denied: bool = True, text: str = "") -> list[Evidence]:
    (folder / "policy.yaml").write_text(text or yaml.safe_dump_all(documents))
    tool: Any = gator
    context = Context(FakeCluster([]), IDENTITIES, folder, None, False, "seed", tool=lambda name: tool)
    return Gatekeeper.model_validate({"file": "policy.yaml", "denied": denied, "requests": [DEBUG]}).ask(context)


@pytest.mark.parametrize("denied", [True, False])
@pytest.mark.parametrize("refused", [True, False])
def test_each_request_must_be_refused_or_let_through(tmp_path: Path, denied: bool, refused: bool) -> None:
    found = ask(tmp_path, Gator(lambda *_: refused), template(), constraint(), denied=denied)
    assert [evidence.met for evidence in found] == [denied is refused] * 5
    words = "Gatekeeper refuses it" if refused else "Gatekeeper lets it through"
    assert {evidence.observed for evidence in found} == {words}


def test_it_is_asked_as_admission_control_sees_it_and_once_more_by_others(tmp_path: Path) -> None:
    gator = Gator(lambda *_: True)
    selector = {"matchExpressions": [{"key": "spared", "operator": "DoesNotExist"}]}
    ask(tmp_path, gator, template(), constraint(match={"labelSelector": selector}))
    known, bare, labelled, administrator, account = gator.reviews
    assert (known["resource"]["resource"], known["subResource"], known["operation"]) == (
        "pods",
        "ephemeralcontainers",
        "UPDATE",
    )
    assert known["userInfo"]["username"] == "dana"
    assert known["options"]["kind"] == "UpdateOptions"
    metadata = known["object"]["metadata"]
    assert (metadata["name"], metadata["namespace"], metadata["labels"]) == ("web", "production", {"app": "web"})
    assert metadata["uid"] == known["oldObject"]["metadata"]["uid"]
    assert known["object"]["spec"]["ephemeralContainers"] == DEBUGGED["ephemeralContainers"]
    assert "ephemeralContainers" not in known["oldObject"]["spec"]
    assert len({review["uid"] for review in gator.reviews}) == 5
    assert bare["userInfo"]["username"] == labelled["userInfo"]["username"] == "ckslab-member-seed"
    assert bare["name"] == bare["object"]["metadata"]["name"] == "oseed"
    assert (bare["object"]["metadata"]["labels"], labelled["object"]["metadata"]["labels"]) == ({}, {"spared": "true"})
    (container,) = bare["object"]["spec"]["ephemeralContainers"]
    assert not set(container.values()) & {"debugger", "busybox", "web"}
    assert "system:masters" in administrator["userInfo"]["groups"]
    assert account["userInfo"]["username"] == "system:serviceaccount:kube-system:oseed"


def test_what_one_of_several_constraints_refuses_is_refused(tmp_path: Path) -> None:
    gator = Gator(lambda name, review: (name == "one") is (review["name"] == "web"))
    found = ask(tmp_path, gator, template(), constraint("one"), constraint("two"))
    assert [evidence.met for evidence in found] == [True] * 5


def test_what_gator_names_is_asked_about_once_more_all_at_once(tmp_path: Path) -> None:
    gator = Gator(lambda _, review: review["name"] == "web")
    found = ask(tmp_path, gator, template(), constraint())
    assert [evidence.met for evidence in found] == [True, False, False, True, True]
    assert gator.asked == [0, 5, 5]


@pytest.mark.parametrize("names", [lambda otherwise: [0, 4], lambda otherwise: [], lambda otherwise: [77]])
def test_what_a_template_says_in_gators_words_is_no_answer(
    tmp_path: Path, names: Callable[[list[int]], list[int]]
) -> None:
    found = ask(tmp_path, Gator(lambda _, review: review["name"] == "web", names=names), template(), constraint())
    assert [evidence.met for evidence in found] == [True, False, False, True, True]


@pytest.mark.parametrize("action", ["dryrun", "warn", "somehow"])
def test_a_constraint_that_does_not_deny_refuses_nothing(tmp_path: Path, action: str) -> None:
    found = ask(tmp_path, Gator(lambda *_: True), template(), constraint(enforcementAction=action))
    assert [evidence.observed for evidence in found] == ["Gatekeeper lets it through"] * 5


@pytest.mark.parametrize(
    ("scoped", "refused"),
    [
        ([{"action": "deny", "enforcementPoints": [{"name": "validation.gatekeeper.sh"}]}], True),
        ([{"action": "deny", "enforcementPoints": [{"name": "*"}]}], True),
        ([{"action": "deny", "enforcementPoints": [{"name": "audit.gatekeeper.sh"}]}], False),
        ([{"action": "warn", "enforcementPoints": [{"name": "*"}]}], False),
        ([{"action": "deny", "enforcementPoints": 1}, "nonsense"], False),
        (None, False),
    ],
)
def test_a_scoped_constraint_refuses_where_it_denies_at_the_webhook(
    tmp_path: Path, scoped: object, refused: bool
) -> None:
    gator = Gator(lambda *_: True)
    asked = constraint(enforcementAction="scoped", scopedEnforcementActions=scoped)
    found = ask(tmp_path, gator, template(), asked)
    assert {evidence.observed == "Gatekeeper refuses it" for evidence in found} == {refused}
    assert set(gator.actions) == {"deny"}


def test_without_an_answer_there_is_no_verdict(tmp_path: Path) -> None:
    gator = Gator(lambda *_: True)

    def run(words: Sequence[str], files: Mapping[str, bytes]) -> Ran:
        cases = json.loads(files["suite.yaml"])["tests"][0]["cases"]
        return Ran(1 if cases else 0, "evaluation failed")

    gator.run = run  # type: ignore[method-assign]
    with pytest.raises(CannotTell, match="gator gives no answer: evaluation failed"):
        ask(tmp_path, gator, template(), constraint())


def test_what_gatekeeper_does_not_take_is_told(tmp_path: Path) -> None:
    (found,) = ask(tmp_path, Gator(lambda *_: True, works=False), template(), constraint())
    assert (found.met, found.observed) == (False, "it does not: it does not compile")


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([template()], "holds no constraint"),
        ([template("Other"), constraint()], "no ConstraintTemplate makes the kind NoDebug of the constraint one"),
        ([template(), template(), constraint()], "two templates make the kind NoDebug"),
        ([template(), constraint(), constraint()], "the constraint NoDebug one is there twice"),
        ([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}], "v1 Pod is neither"),
        ([{"apiVersion": "v1", "kind": "Pod"}], "the Pod has no metadata.name"),
        (["text"], "must be an object"),
        ([template(code="x := http . send({})"), constraint()], "asks other servers (http.send)"),
        ([template(code='x := http["send"]({})'), constraint()], "asks other servers (http.send)"),
        ([template(code="x := data.inventory.cluster"), constraint()], "asks for data.inventory"),
        ([template(code="x := time.now_ns()"), constraint()], "goes by the clock or by chance"),
        ([template(), *(constraint(f"c{number}") for number in range(21))], "more than 20 constraints"),
    ],
)
def test_a_file_that_cannot_be_right_is_not_met(tmp_path: Path, documents: list[object], said: str) -> None:
    (found,) = ask(tmp_path, Gator(lambda *_: True), *documents)
    assert not found.met
    assert said in found.observed


def test_a_file_that_is_no_yaml_is_not_met(tmp_path: Path) -> None:
    (found,) = ask(tmp_path, Gator(lambda *_: True), text="a: b: c")
    assert not found.met
    assert "your file: line 1" in found.observed
