"""What the engine makes of probes; the probes here ask nobody, and the cluster settles at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.checker.fake_cluster import FakeCluster, role

from ckslab_checker import barrier, engine
from ckslab_checker.asking import OutOfDate
from ckslab_checker.context import Context
from ckslab_checker.outcome import CannotTell, Evidence, Outcome, Report
from ckslab_labs.cluster.port import Capability, Response
from ckslab_labs.errors import Infrastructure, InvalidInput, Unreachable
from ckslab_labs.scenario.model import Check, Metadata, ProbeSpec, Scenario, Spec

Answer = Callable[[Context], list[Evidence]]

MET = Evidence("may they?", "denied", "denied", met=True)
NOT_MET = Evidence("may they?", "denied", "allowed", met=False)


class Scripted(ProbeSpec):
    """A probe that does as it is told."""

    kind: ClassVar[str] = "scripted"
    asks_admission: ClassVar[bool] = False
    answer: Any
    namespace: str | tuple[str, ...] | None = None

    def ask(self, ctx: Context) -> list[Evidence]:
        found: list[Evidence] = self.answer(ctx)
        return found


class Real(Scripted):
    asks_admission: ClassVar[bool] = True


class OnNodes(Scripted):
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.NODES, Capability.KUBELET})


def says(*evidence: Evidence) -> Scripted:
    return Scripted(answer=lambda _: list(evidence))


def raises(error: BaseException) -> Scripted:
    def answer(_: Context) -> list[Evidence]:
        raise error

    return Scripted(answer=answer)


def scenario(*probes: ProbeSpec) -> Scenario:
    checks = tuple(
        Check(id=f"check-{n}", title=f"Check {n}", why="because", points=2, probe=p) for n, p in enumerate(probes)
    )
    return Scenario(
        folder=Path("/nonexistent"),
        metadata=Metadata(id="sample", title="t", domain="d", competencies=("c",), version=3),
        spec=Spec(difficulty="exam", minutes=1, requires=(Capability.API,), checks=checks),
    )


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """How the cluster was asked to settle."""
    calls: list[dict[str, Any]] = []

    def settle(_: Context, **how: Any) -> tuple[str, ...]:
        calls.append(how)
        return ()

    monkeypatch.setattr(barrier, "settle", settle)
    return calls


def context(cluster: FakeCluster | None = None, **others: Any) -> Context:
    return Context(cluster or FakeCluster([]), {}, Path("/nonexistent"), None, **{"live": False, "seed": "s", **others})


def run(*probes: ProbeSpec, ctx: Context | None = None) -> Report:
    return engine.check(scenario(*probes), ctx or context(), provider="fake")


@pytest.mark.usefixtures("settled")
def test_evidence_becomes_an_outcome() -> None:
    report = run(says(MET), says(MET, NOT_MET), says(MET, MET))
    assert [check.outcome for check in report.checks] == [Outcome.PASSED, Outcome.FAILED, Outcome.PASSED]
    assert [check.points for check in report.checks] == [2, 0, 2]
    assert (report.scenario, report.version, report.provider) == ("sample", 3, "fake")
    assert (report.outcome, report.points, report.max_points) == (Outcome.FAILED, 4, 6)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    ("probe", "error"),
    [
        (says(), "a fault of the checker: nothing was asked"),
        (raises(CannotTell("no such pod")), "no such pod"),
        (raises(Unreachable("GET /x", "no answer", "Try again.")), "cannot GET /x: no answer. Try again."),
        (raises(InvalidInput("ask as eve", "nobody", "Correct it.")), "cannot ask as eve: nobody. Correct it."),
        (raises(KeyError("spec")), "a fault of the checker: KeyError: 'spec'"),
    ],
)
def test_the_lack_of_an_answer_is_an_error_and_never_a_verdict(probe: ProbeSpec, error: str) -> None:
    report = run(probe, says(MET))
    assert [check.outcome for check in report.checks] == [Outcome.ERROR, Outcome.PASSED]
    assert report.checks[0].error == error
    assert report.points is None


@pytest.mark.usefixtures("settled")
def test_an_interrupt_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        run(raises(KeyboardInterrupt()))


@pytest.mark.usefixtures("settled")
def test_a_question_that_the_cluster_cannot_answer_is_skipped_with_the_reason() -> None:
    report = run(OnNodes(answer=lambda _: [MET]), says(MET))
    assert report.checks[0].outcome is Outcome.SKIPPED
    assert report.checks[0].error == "this cluster cannot answer: it lacks kubelet, nodes"
    assert (report.outcome, report.points) == (Outcome.SKIPPED, None)


@pytest.mark.usefixtures("settled")
def test_what_enters_a_report_is_cleaned() -> None:
    report = run(says(Evidence("a\x1b[31m", "b\u202e", "c\x07", met=True)), raises(CannotTell("d\x9b")))
    assert report.checks[0].evidence == (Evidence("a\ufffd[31m", "b\ufffd", "c\ufffd", met=True),)
    assert report.checks[1].error == "d\ufffd"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Infrastructure("settle", "it does not", "Wait."), "cannot settle: it does not. Wait."),
        (CannotTell("tampered with"), "tampered with"),
    ],
)
def test_a_cluster_that_does_not_settle_has_no_verdict(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def settle(*_: Any, **__: Any) -> tuple[str, ...]:
        raise error

    monkeypatch.setattr(barrier, "settle", settle)
    report = run(says(MET), says(MET))
    assert [(check.outcome, check.error) for check in report.checks] == [(Outcome.ERROR, told)] * 2


def test_a_note_of_the_barrier_is_told_with_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "settle", lambda *_, **__: ("waited 3 s",))
    assert [check.notes for check in run(says(MET), says(NOT_MET)).checks] == [("waited 3 s",)] * 2


@pytest.mark.parametrize(("probe", "admission"), [(says(MET), False), (Real(answer=lambda _: [MET]), True)])
def test_only_kinds_that_the_checks_depend_on_are_settled(
    settled: list[dict[str, Any]], probe: ProbeSpec, admission: bool
) -> None:
    run(probe)
    assert settled == [{"admission": admission, "policies": True, "everything": False, "leave": False}]


def test_a_refusal_that_is_out_of_date_is_asked_again_once_everything_has_settled(
    settled: list[dict[str, Any]],
) -> None:
    answers: list[Any] = [OutOfDate("refused by gone"), [MET]]

    def answer(_: Context) -> list[Evidence]:
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        found: list[Evidence] = given
        return found

    assert run(Scripted(answer=answer)).outcome is Outcome.PASSED
    assert [asked["everything"] for asked in settled] == [False, True]


@pytest.mark.usefixtures("settled")
def test_a_refusal_that_stays_out_of_date_is_an_error() -> None:
    assert run(raises(OutOfDate("refused by gone"))).checks[0].error == "refused by gone"


class Changing(FakeCluster):
    """A cluster in which a role appears with each question that is asked, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__([])
        self.times = times

    def change(self, _: Context) -> list[Evidence]:
        if self.times:
            self.times -= 1
            made = role(f"made-{self.times}")
            made["metadata"] |= {"uid": str(self.times), "resourceVersion": "1"}
            self.objects.append(made)
        return [MET]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(("times", "outcome"), [(0, Outcome.PASSED), (2, Outcome.PASSED), (3, Outcome.ERROR)])
def test_everything_is_asked_again_where_somebody_changes_what_matters(times: int, outcome: Outcome) -> None:
    cluster = Changing(times)
    report = run(Scripted(answer=cluster.change), ctx=context(cluster, live=True))
    assert report.outcome is outcome
    if outcome is Outcome.ERROR:
        assert report.checks[0].error == "the cluster was changed while it was being checked, 3 times in a row"


@pytest.mark.usefixtures("settled")
def test_what_the_checker_writes_itself_is_no_change() -> None:
    class OfOurs(Changing):
        def change(self, _: Context) -> list[Evidence]:
            for name in ("ckslab", "ckslab-barrier-1"):
                made = role(name)
                made["metadata"] |= {"uid": name, "resourceVersion": str(len(self.objects))}
                self.objects.append(made)
            return [MET]

    cluster = OfOurs(1)
    assert run(Scripted(answer=cluster.change), ctx=context(cluster, live=True)).outcome is Outcome.PASSED


class Writable(FakeCluster):
    """Accepts every write, and tells in which order things happened."""

    def __init__(self, puts_aside: bool = False) -> None:
        super().__init__([])
        self.log: list[str] = []
        self.puts_aside = puts_aside

    def request(self, method: str, path: str, body: Any = None, **others: Any) -> Response:
        return Response(200, {}) if method != "GET" else super().request(method, path, body, **others)

    def write(self, path: str, **query: str) -> Answer:
        def answer(ctx: Context) -> list[Evidence]:
            self.log.append(f"write {path}")
            ctx.cluster.request("POST", path, {}, query=query)
            return [MET]

        return answer

    @contextmanager
    def checkpoint(self) -> Iterator[Callable[[], bool]]:
        def restore() -> bool:
            self.log.append("restore")
            return self.puts_aside

        self.log.append("keep")
        yield restore
        self.log.append("leave")

    def run(self, *probes: ProbeSpec) -> Sequence[str]:
        report = run(*probes, ctx=context(self, checkpoint=self.checkpoint))
        assert report.outcome is Outcome.PASSED
        return self.log


PODS, SECRETS = "/api/v1/namespaces/red/pods", "/api/v1/namespaces/blue/secrets"


@pytest.mark.usefixtures("settled")
def test_what_a_check_did_for_real_is_undone_before_one_that_could_see_it() -> None:
    cluster = Writable()
    red, blue = Real(answer=cluster.write(PODS), namespace="red"), Real(answer=cluster.write(SECRETS), namespace="blue")
    log = cluster.run(red, blue, blue.model_copy(), red.model_copy())
    assert log == [
        "keep",
        f"write {PODS}",
        f"write {SECRETS}",
        "restore",
        f"write {SECRETS}",
        f"write {PODS}",
        "leave",
    ]


@pytest.mark.usefixtures("settled")
def test_a_check_of_several_namespaces_sees_what_is_left_in_any_of_them() -> None:
    cluster = Writable()
    red, both = (Real(answer=cluster.write(PODS), namespace=where) for where in ("red", ("blue", "red")))
    assert cluster.run(red, both) == ["keep", f"write {PODS}", "restore", f"write {PODS}", "leave"]


@pytest.mark.usefixtures("settled")
def test_what_has_no_namespace_is_seen_by_all() -> None:
    cluster = Writable()
    nodes = Real(answer=cluster.write("/api/v1/nodes"))
    red = Real(answer=cluster.write(PODS), namespace="red")
    assert cluster.run(nodes, red) == ["keep", "write /api/v1/nodes", "restore", f"write {PODS}", "leave"]


@pytest.mark.usefixtures("settled")
def test_dry_runs_and_reviews_leave_nothing_behind() -> None:
    cluster = Writable()
    reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    probes = [Real(answer=cluster.write(PODS, dryRun="All")), Real(answer=cluster.write(reviews))]
    assert "restore" not in cluster.run(*probes, Real(answer=cluster.write(PODS)))


def test_the_cluster_settles_again_once_roles_have_been_undone(settled: list[dict[str, Any]]) -> None:
    cluster = Writable()
    roles = Real(answer=cluster.write("/apis/rbac.authorization.k8s.io/v1/namespaces/red/roles"), namespace="red")
    cluster.run(roles, roles.model_copy())
    how = {"admission": True, "everything": False, "leave": True}
    assert settled == [{**how, "policies": True}, {**how, "policies": False}]


@pytest.mark.parametrize(
    ("path", "policies"),
    [
        ("/api/v1/namespaces", [True, False]),
        ("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", [True, True]),
        (PODS, [True]),
    ],
)
def test_only_policies_that_were_changed_are_waited_for_again(
    path: str, policies: list[bool], settled: list[dict[str, Any]]
) -> None:
    """They are compiled on a tick of a second; nothing else is."""
    cluster = Writable()
    written = Real(answer=cluster.write(path))
    cluster.run(written, written.model_copy())
    assert [how["policies"] for how in settled] == policies


@pytest.mark.parametrize(("puts_aside", "times"), [(False, 1), (True, 2)])
def test_the_cluster_settles_again_once_admission_control_was_put_aside(
    puts_aside: bool, times: int, settled: list[dict[str, Any]]
) -> None:
    """It may take a second until it is in force again, in which nothing that it stops would be stopped."""
    cluster = Writable(puts_aside)
    pods = Real(answer=cluster.write(PODS), namespace="red")
    cluster.run(pods, pods.model_copy())
    assert len(settled) == times


@pytest.mark.usefixtures("settled")
def test_checks_that_only_ask_come_first_and_are_reported_in_their_place() -> None:
    cluster = Writable()

    def look(_: Context) -> list[Evidence]:
        cluster.log.append("look")
        return [MET]

    real = Real(answer=cluster.write(PODS))
    report = run(real, Scripted(answer=look), ctx=context(cluster, checkpoint=cluster.checkpoint))
    assert cluster.log == ["keep", "look", f"write {PODS}", "leave"]
    assert [check.id for check in report.checks] == ["check-0", "check-1"]


@pytest.mark.usefixtures("settled")
def test_progress_tells_the_titles() -> None:
    titles: list[str] = []
    engine.check(scenario(says(MET), says(MET)), context(), provider="fake", progress=titles.append)
    assert titles == ["Check 0", "Check 1"]


def test_what_one_check_found_is_at_hand_for_the_next_and_forgotten_in_the_next_round() -> None:
    ctx = context()
    found = iter(range(9))
    assert [ctx.once("x", lambda: next(found)), ctx.once("x", lambda: next(found))] == [0, 0]
    assert replace(ctx).once("x", lambda: next(found)) == 1
