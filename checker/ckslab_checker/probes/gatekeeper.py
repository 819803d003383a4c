"""Does Gatekeeper refuse it? gator reviews requests by the learner's templates and constraints.

Nothing is read in a template's code or in what a constraint matches; gator decides both as Gatekeeper's webhook does
(https://open-policy-agent.github.io/gatekeeper/website/docs/gator/#the-gator-verify-subcommand). Only whether a
constraint denies, or merely says that it would, is read here: gator counts violations of either
(https://open-policy-agent.github.io/gatekeeper/website/docs/enforcement-points/). The requests are those that the
webhook of an installation gets: to create and to update, of pods' subresources too.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from pydantic import Field, field_validator

from ckslab_checker.answers import AnswerFile, WrongForm, as_yaml, read_answer
from ckslab_checker.asking import called
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence
from ckslab_checker.reviewed import ADMINISTRATORS, Manifest, Other, Reviewed
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability, Identity
from ckslab_labs.scenario.documents import at, listed
from ckslab_labs.scenario.model import ProbeSpec
from ckslab_labs.tools import Ran, Tool

TOOL = "gator"
TEMPLATES = "templates.gatekeeper.sh/"
CONSTRAINTS = "constraints.gatekeeper.sh/"
WEBHOOK = ("validation.gatekeeper.sh", "*")
"""The enforcement points at which a request is refused."""

MOST = 20
"""Constraints in a file."""
_REFUSED = {
    re.compile(r"\bhttp\s*(\.\s*send\b|\[)"): "asks other servers (http.send), which Gatekeeper's manifests forbid",
    re.compile(r"\bdata\s*(\.\s*inventory\b|\[\W*inventory\b)"): "asks for data.inventory, which is empty unless told",
    re.compile(r"\b(time\s*\.\s*now_ns|rand\s*\.\s*intn|opa\s*\.\s*runtime)\b"): "goes by the clock or by chance",
}
"""What gator would do, and Gatekeeper would not or otherwise, in a template's code; and what is said of it."""
_OTHERWISE = re.compile(r"^ *--- FAIL: review-(\d+)\s", re.MULTILINE)
"""How gator names a request that is not as expected."""


class Gatekeeper(ProbeSpec):
    """``gatekeeper: {file, requests, denied}``."""

    kind: ClassVar[str] = "gatekeeper"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API})
    tools: ClassVar[frozenset[str]] = frozenset({TOOL})
    file: AnswerFile
    """The learner's ConstraintTemplates and constraints."""
    denied: bool
    """Whether each of the requests must be refused; each is made by others as well, also for another object."""
    requests: tuple[Reviewed, ...] = Field(min_length=1, strict=False)

    @field_validator("requests")
    @classmethod
    def _as_the_webhook_gets_them(cls, requests: tuple[Reviewed, ...]) -> tuple[Reviewed, ...]:
        if any(each.operation == "DELETE" for each in requests):
            raise ValueError("the webhook of an installation gets CREATE and UPDATE")
        return requests

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        asked = f"Does Gatekeeper take what {self.file} holds?"
        gator = ctx.tool(TOOL)
        try:
            pairs = _pairs(as_yaml(read_answer(ctx.files / self.file), self.file))
        except WrongForm as problem:
            return [Evidence(asked, "it does", f"your file: {problem}", met=False)]
        policies = [_Policy(gator, *pair) for pair in pairs]
        if said := ctx.once(f"gator's objection to {self.file}", partial(_objection, policies)):
            return [Evidence(asked, "it does", f"it does not: {said}", met=False)]
        made = [(each, identity, other) for each in self.requests for identity, other in self._asked(ctx, each, pairs)]
        reviews = [_review(each, identity, other) for each, identity, other in made]
        enforced = [policy for policy in policies if policy.denies]
        found = [policy.denied(reviews, self.denied) for policy in enforced]
        denied = [any(each) for each in zip(*found, strict=True)] if found else [False] * len(reviews)
        return [self._judge(each, identity, refused) for (each, identity, _), refused in zip(made, denied, strict=True)]

    def _asked(
        self, ctx: Context, reviewed: Reviewed, pairs: Sequence[tuple[Manifest, Manifest]]
    ) -> list[tuple[Identity, Other | None]]:
        """Who asks, for which object: the one that is named, and those whom no policy can name."""
        stranger, name = Identity.of_user(ctx.member), f"o{ctx.seed}"
        return [
            (ctx.identities[reviewed.as_], None),
            (stranger, Other(name, {})),
            (stranger, Other(name, _labels(pairs))),
            (Identity.of_user(ctx.member, (ADMINISTRATORS,)), None),
            (Identity.of_service_account("kube-system", name), None),
        ]

    def _judge(self, reviewed: Reviewed, identity: Identity, refused: bool) -> Evidence:
        words = {True: "Gatekeeper refuses it", False: "Gatekeeper lets it through"}
        asked = clean_line(f"{reviewed} as {called(identity)}")
        return Evidence(asked, words[self.denied], words[refused], met=refused is self.denied)


class _Policy:
    """A constraint with its template."""

    def __init__(self, gator: Tool, template: Manifest, constraint: Manifest) -> None:
        self._gator = gator
        self._template = template
        self._constraint, self.denies = _as_denying(constraint)

    def denied(self, reviews: Sequence[Manifest], expected: bool) -> Sequence[bool]:
        """Whether it is violated by each of the requests; quick where all are as expected.

        gator names those that are not, and is asked whether exactly these are otherwise. Its exit code decides, as what
        it says may be a template's words; where it objects again, each request is asked about by itself.
        """
        answers = [expected] * len(reviews)
        ran = self._verify(reviews, answers)
        if ran.code == 0:
            return answers
        otherwise = set(_OTHERWISE.findall(ran.said))
        answers = [expected is not (str(number) in otherwise) for number in range(len(reviews))]
        if otherwise and self._verify(reviews, answers).code == 0:
            return answers
        return [self._is_denied(review, expected) for review in reviews]

    def _is_denied(self, review: Manifest, expected: bool) -> bool:
        said = ""
        for answer in (expected, not expected):
            ran = self._verify([review], [answer])
            if ran.code == 0:
                return answer
            said = ran.said
        raise CannotTell(f"gator gives no answer: {clean_line(said, 500)}")

    def objection(self) -> str | None:
        """What gator says against taking it at all; None: nothing."""
        ran = self._verify([], [])
        return None if ran.code == 0 else clean_line(ran.said, 500)

    def _verify(self, reviews: Sequence[Manifest], denied: Sequence[bool]) -> Ran:
        """Ask gator whether exactly these of the requests are violations; then it ends well."""
        namespaces = {review["request"]["namespace"] for review in reviews}
        files = {"template.yaml": self._template, "constraint.yaml": self._constraint}
        files |= {f"namespace-{name}.yaml": _namespace(name) for name in namespaces}
        files |= {f"review-{number}.yaml": review for number, review in enumerate(reviews)}
        cases = [
            {
                "name": f"review-{number}",
                "object": f"review-{number}.yaml",
                "inventory": [f"namespace-{review['request']['namespace']}.yaml"],
                "assertions": [{"violations": "yes" if violated else "no"}],
            }
            for number, (review, violated) in enumerate(zip(reviews, denied, strict=True))
        ]
        test = {"name": "policy", "template": "template.yaml", "constraint": "constraint.yaml", "cases": cases}
        files["suite.yaml"] = {"apiVersion": "test.gatekeeper.sh/v1alpha1", "kind": "Suite", "tests": [test]}
        written = {name: json.dumps(content).encode() for name, content in files.items()}
        return self._gator.run(["verify", "suite.yaml"], written)


def _objection(policies: Sequence[_Policy]) -> str | None:
    """What gator says against the first of the policies that it does not take."""
    return next(filter(None, (policy.objection() for policy in policies)), None)


def _review(reviewed: Reviewed, identity: Identity, other: Other | None) -> Manifest:
    """The ``AdmissionReview``: of what is given, or of another object that has nothing in common with it."""
    kind = {"group": reviewed.group, "version": reviewed.version, "kind": reviewed.kind}
    resource = {"group": reviewed.group, "version": reviewed.version, "resource": reviewed.resource}
    new, old = reviewed.objects(other)
    request = {
        "uid": str(uuid.uuid4()),
        "kind": kind,
        "resource": resource,
        "subResource": reviewed.subresource,
        "requestKind": kind,
        "requestResource": resource,
        "requestSubResource": reviewed.subresource,
        "name": other.name if other else reviewed.name,
        "namespace": reviewed.namespace,
        "operation": reviewed.operation,
        "userInfo": {"username": identity.user, "groups": list(identity.groups)},
        "object": new,
        "oldObject": old,
        "dryRun": False,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": f"{reviewed.operation.title()}Options"},
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def _namespace(name: str) -> Manifest:
    labels = {"kubernetes.io/metadata.name": name}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@dataclass
class _Sorted:
    templates: dict[str, Manifest]
    constraints: dict[tuple[str, str], Manifest]


def _pairs(documents: Sequence[object]) -> list[tuple[Manifest, Manifest]]:
    """Each constraint of the file, with its template.

    Raises:
        WrongForm: the file holds something else, something twice, or a constraint without a template.

    """
    found = _Sorted({}, {})
    for document in documents:
        if document is not None:  # what stands behind a last ---
            _sort(document, found)
    for kind, name in found.constraints:
        if kind not in found.templates:
            raise WrongForm(clean_line(f"no ConstraintTemplate makes the kind {kind} of the constraint {name}"))
    if not found.constraints:
        raise WrongForm("it holds no constraint")
    if len(found.constraints) > MOST:
        raise WrongForm(f"it holds more than {MOST} constraints")
    return [(found.templates[kind], constraint) for (kind, _), constraint in found.constraints.items()]


def _sort(document: object, found: _Sorted) -> None:
    if not isinstance(document, dict):
        raise WrongForm("every document in it must be an object of Kubernetes")
    version, kind, name = str(document.get("apiVersion")), str(document.get("kind")), at(document, "metadata", "name")
    if not isinstance(name, str):
        raise WrongForm(clean_line(f"the {kind} has no metadata.name"))
    if version.startswith(TEMPLATES) and kind == "ConstraintTemplate":
        made = str(at(document, "spec", "crd", "spec", "names", "kind"))
        for pattern, told in _REFUSED.items():
            if pattern.search(json.dumps(document)):
                raise WrongForm(clean_line(f"the template {name} {told}"))
        if found.templates.setdefault(made, document) is not document:
            raise WrongForm(clean_line(f"two templates make the kind {made}"))
    elif version.startswith(CONSTRAINTS):
        if found.constraints.setdefault((kind, name), document) is not document:
            raise WrongForm(clean_line(f"the constraint {kind} {name} is there twice"))
    else:
        raise WrongForm(clean_line(f"{version} {kind} is neither a ConstraintTemplate nor a constraint"))


def _labels(pairs: Sequence[tuple[Manifest, Manifest]]) -> dict[str, str]:
    """Labels by which constraints tell objects apart: an object that has them may be spared."""
    found: dict[str, str] = {}
    for _, constraint in pairs:
        selector = at(constraint, "spec", "match", "labelSelector")
        for each in listed(selector, "matchExpressions"):
            values = listed(each, "values")
            found[str(at(each, "key"))] = str(values[0]) if values else "true"
    return found


def _as_denying(constraint: Manifest) -> tuple[Manifest, bool]:
    """A constraint as gator is to see it, and whether the webhook refuses what violates it."""
    spec = constraint.get("spec")
    if not isinstance(spec, dict):
        return constraint, True
    action = spec.get("enforcementAction") or "deny"
    if action != "scoped":
        return constraint, action == "deny"
    points = [
        at(point, "name")
        for each in listed(spec, "scopedEnforcementActions")
        if at(each, "action") == "deny"
        for point in listed(each, "enforcementPoints")
    ]
    rest = {key: value for key, value in spec.items() if key != "scopedEnforcementActions"}
    return {**constraint, "spec": {**rest, "enforcementAction": "deny"}}, any(point in WEBHOOK for point in points)
