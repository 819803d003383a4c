"""Which of several reasons a person is told."""

from pathlib import Path

import pytest

from ckslab_labs.errors import Infrastructure
from ckslab_labs.providers.embedded.components import APISERVER, ETCD
from ckslab_labs.providers.embedded.plane import Plane
from ckslab_labs.providers.embedded.steering import PlaneStatus


def test_a_manifest_that_cannot_be_read_is_told_before_the_lack_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the kubelet's listing has dropped the pod, no manifest asks for it: true, and of no use to the learner."""
    status = PlaneStatus(
        running=True,
        components={APISERVER: {"state": "crash-loop", "reason": "no manifest asks for it", "failures": 2}},
        problems={"kube-apiserver.yaml": "kube-apiserver.yaml: it is not valid YAML (line 9)"},
    )
    plane = Plane("broken", tmp_path)
    monkeypatch.setattr(plane.steering, "status", lambda: status)
    with pytest.raises(Infrastructure) as error:
        plane._await_ready([ETCD, APISERVER], last=True)
    assert error.value.seen == "kube-apiserver.yaml: it is not valid YAML (line 9); no manifest asks for it"
