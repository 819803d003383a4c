"""A second API server with somebody's audit policy: what it logs, and that nothing of it stays."""

import gc
import warnings
from collections.abc import Mapping
from typing import Any

import pytest

from ckslab_labs.cluster.port import Identity, PolicyRefused
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded.auditing import PREFIX
from ckslab_labs.providers.embedded.processes import of_plane

pytestmark = pytest.mark.plane

HEAD = b"apiVersion: audit.k8s.io/v1\nkind: Policy\n"
BODIES = HEAD + b"rules: [{level: Request, resources: [{group: '', resources: [configmaps]}]}]"
DANA = Identity.of_user("dana", ("developers",))
OURS = Identity("somebody", ("system:masters",))
PATH = "/api/v1/namespaces/default/configmaps"
CONFIG_MAP: Mapping[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}


def run(lab: Lab, policy: bytes, who: Identity) -> list[dict[str, Any]]:
    """Make a ConfigMap as somebody, and return what was logged of it once it was answered."""
    auditor = lab.provider.auditor
    assert auditor is not None
    with auditor(policy) as trial:
        trial.cluster_as(who).request("POST", PATH, CONFIG_MAP)
        return [event for event in trial.events() if event["stage"] == "ResponseComplete"]


def left(lab: Lab) -> tuple[int, list[str]]:
    """Processes of the plane, and what lies in its scratch folder of trials."""
    return len(of_plane(lab.plane.layout.root)), [path.name for path in lab.plane.layout.run.glob("audit-*")]


def test_it_logs_who_asked_and_with_what(lab: Lab) -> None:
    (event,) = run(lab, BODIES, OURS)
    assert (event["user"]["username"], event["verb"], event["level"]) == ("somebody", "create", "Request")
    assert event["requestObject"]["metadata"]["name"] == "made"
    assert event["responseStatus"]["code"] == 201


def test_people_are_authenticated_and_not_impersonated(lab: Lab) -> None:
    (event,) = run(lab, BODIES, DANA)
    assert event["user"]["groups"] == ["developers", "system:authenticated"]
    assert "impersonatedUser" not in event
    assert event["responseStatus"]["code"] == 403


def test_the_plane_sees_nothing_of_it_and_nothing_is_left(lab: Lab) -> None:
    before = left(lab)
    assert len(run(lab, BODIES, OURS)) == 1
    assert lab.objects.get("ConfigMap", "made", "default").status == 404
    assert left(lab) == before
    assert lab.plane.etcd.clear(PREFIX) == 0


def test_what_a_killed_command_left_is_not_seen_by_the_next(lab: Lab) -> None:
    lab.plane.etcd.write({PREFIX + b"configmaps/default/made": b"left behind"})
    (lab.plane.layout.run / "audit-killed" / "files").mkdir(parents=True)
    (event,) = run(lab, BODIES, OURS)
    assert event["responseStatus"]["code"] == 201
    assert left(lab)[1] == []


def test_its_connections_are_closed_with_it(lab: Lab) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(lab, BODIES, OURS)
        gc.collect()


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (HEAD + b"rules: []", "with 0 rules"),
        (HEAD + b"rules: [{level: Full}]", 'Unsupported value: "Full"'),
        (b"", "unknown group version"),
        (b"\x00\xff", "control characters"),
        (b"#" * (1024 * 1024 + 1), "larger than"),
    ],
    ids=["no rules", "no such level", "empty", "binary", "huge"],
)
def test_a_policy_that_no_server_starts_with_is_refused_with_its_words(lab: Lab, policy: bytes, said: str) -> None:
    before = left(lab)
    with pytest.raises(PolicyRefused, match=said) as refused:
        run(lab, policy, OURS)
    assert str(lab.plane.layout.root) not in str(refused.value)
    assert left(lab) == before
