from pathlib import Path

import pytest
from tests.checker.fake_cluster import role, rule

from ckslab_checker import author, engine
from ckslab_checker.facts import context_for, start_facts
from ckslab_checker.outcome import Outcome
from ckslab_checker.probes import PROBES
from ckslab_labs.lab import Lab
from ckslab_labs.scenario.loader import load_scenario
from ckslab_labs.scenario.model import Scenario

pytestmark = pytest.mark.plane


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    return load_scenario(author.new(tmp_path, "sample"), PROBES)


def changed(before: dict[bytes, bytes], after: dict[bytes, bytes]) -> set[bytes]:
    """Keys of etcd that differ, but for those of nodes, which report their health."""
    return {k for k in before.keys() | after.keys() if before.get(k) != after.get(k) and b"/minions/" not in k}


def test_a_check_of_a_learners_cluster_leaves_it_as_it_was(lab: Lab, scenario: Scenario) -> None:
    session = lab.run(scenario)
    engine.check(scenario, context_for(scenario, lab, session, live=True), provider="embedded")  # makes what is lazy
    before = lab.capture()
    report = engine.check(scenario, context_for(scenario, lab, session, live=True), provider="embedded")
    assert report.outcome is Outcome.FAILED  # nobody has fixed anything
    assert all(check.evidence for check in report.checks)
    assert changed(dict(before.keys), dict(lab.capture().keys)) == set()


def test_a_context_knows_the_untouched_start(lab: Lab, scenario: Scenario) -> None:
    session = lab.run(scenario)
    start = start_facts(lab.objects)
    assert lab.objects.create(role("later", rule("get", "pods"))).ok
    context = context_for(scenario, lab, session, live=True)
    assert context.start is not None
    assert set(context.start.rbac) == {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    names = {kind: {item["metadata"]["name"] for item in start.rbac[kind]} for kind in start.rbac}
    assert {k: {item["metadata"]["name"] for item in context.start.rbac[k]} for k in context.start.rbac} == names
    assert context.files == session.files
    assert context.identities == scenario.identities


def test_what_is_done_for_real_can_be_undone_and_a_learners_cluster_is_never_restored(
    lab: Lab, scenario: Scenario
) -> None:
    session = lab.run(scenario)
    assert context_for(scenario, lab, session, live=True).checkpoint is None
    checkpoint = context_for(scenario, lab, session, live=False).checkpoint
    assert checkpoint is not None
    with checkpoint() as restore:
        for undo in (restore, lambda: None):  # in the end it is brought back anyway
            assert lab.objects.create(role("later", rule("get", "pods"))).ok
            undo()
    assert lab.objects.get("ClusterRole", "later").status == 404


def test_seeds_differ_unless_given(lab: Lab, scenario: Scenario) -> None:
    session = lab.run(scenario)
    seeds = {context_for(scenario, lab, session, live=True).seed for _ in range(5)}
    assert len(seeds) == 5
    assert context_for(scenario, lab, session, live=True, seed="mine").seed == "mine"
