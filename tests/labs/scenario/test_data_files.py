"""The two data files that ship with the package: the curriculum and the list of images."""

from ckslab_labs.scenario.curriculum import curriculum
from ckslab_labs.scenario.images import image_list, known
from ckslab_labs.scenario.model import Scenario


def test_the_curriculum_has_the_weights_of_the_pdf() -> None:
    assert {domain.id: domain.weight for domain in curriculum().domains} == {
        "cluster-setup": 15,
        "cluster-hardening": 15,
        "system-hardening": 10,
        "microservice-vulnerabilities": 20,
        "supply-chain-security": 20,
        "runtime-security": 20,
    }


def test_the_curriculum_has_26_bullets_with_ids_of_their_own() -> None:
    ids = curriculum().competency_ids()
    assert (len(ids), len(set(ids))) == (26, 26)
    assert not set(ids) & set(curriculum().domain_ids())


def test_a_bullet_is_in_the_curriculums_own_words() -> None:
    texts = {bullet.id: bullet.text for domain in curriculum().domains for bullet in domain.bullets}
    assert texts["rbac"] == "Use Role Based Access Controls to minimize exposure"
    assert texts["audit-logs"] == "Use Kubernetes audit logs to monitor access"


def test_the_facts_of_the_exam_are_there() -> None:
    exam = curriculum().exam
    assert (curriculum().version, exam.minutes, exam.tasks.least, exam.tasks.most) == ("v1.34", 120, 15, 20)


def test_a_scenarios_pass_mark_is_that_of_the_exam() -> None:
    assert curriculum().exam.pass_percent == Scenario.pass_percent


def test_every_image_has_a_fixed_tag() -> None:
    assert known() == {"registry.k8s.io/pause:3.10.1", "nginx:1.29.1-alpine", "busybox:1.37.0"}
    assert not any(image.endswith(":latest") for image in known())
    assert image_list().pull_policy == "IfNotPresent"
