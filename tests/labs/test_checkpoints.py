"""A learner's checkpoint on a real plane: cluster and files come back to it, as often as wanted, and on a new plane."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.labs.helpers import eventually, running
from tests.labs.test_lab import CA_CONFIGMAP, MARK, OTHER_SETUP, has_mark

from ckslab_labs.checkpoints import TOO_LARGE, keep_checkpoint, return_to_checkpoint
from ckslab_labs.errors import InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded import processes
from ckslab_labs.scenario.model import Scenario

pytestmark = pytest.mark.plane
Make = Callable[..., Scenario]


def undo_mark(lab: Lab) -> None:
    lab.objects.delete("ConfigMap", "mark", "production")


def test_cluster_and_files_come_back_as_often_as_wanted(second: Lab, make_scenario: Make) -> None:
    scenario = make_scenario()
    session = second.start(scenario).used_hint(2)
    assert session.checkpoint_kept() is None
    second.objects.create(MARK)
    answer = session.files / "answer.yaml"
    answer.write_text("kept")
    keep_checkpoint(second)
    assert session.checkpoint.stat().st_mode & 0o777 == 0o600
    assert session.checkpoint_kept() is not None
    for text in ("worse", "worst"):
        undo_mark(second)
        second.objects.delete("Role", "reader", "production")
        answer.write_text(text)
        told: list[str] = []
        after = return_to_checkpoint(second, scenario, told.append)
        assert has_mark(second)
        assert second.objects.get("Role", "reader", "production").ok
        assert answer.read_text() == "kept"
        (line,) = told
        moved = Path(line.removeprefix("your earlier files are kept in "))
        assert (moved / "answer.yaml").read_text() == text
        assert (after.started, after.hints) == (session.started, 2)
    second.reset(scenario)
    assert not has_mark(second)
    return_to_checkpoint(second, scenario)
    assert has_mark(second)


def test_it_is_there_after_another_scenario_and_on_a_new_plane_and_ended_by_a_fresh_start(
    second: Lab, make_scenario: Make
) -> None:
    scenario = make_scenario(name="kept")
    session = second.start(scenario)
    second.objects.create(MARK)
    keep_checkpoint(second)
    undo_mark(second)
    second.start(make_scenario(name="other", setup=OTHER_SETUP))
    with pytest.raises(InvalidInput, match="none of other was kept"):
        return_to_checkpoint(second, scenario)
    second.start(scenario, resume=True)
    second.stop()
    second.start(scenario, resume=True)
    assert not has_mark(second)
    return_to_checkpoint(second, scenario)
    assert has_mark(second)
    authority = (second.plane.layout.pki / "ca.crt").read_text()
    maps = second.objects.list("ConfigMap")
    assert {item["data"]["ca.crt"] for item in maps if item["metadata"]["name"] == CA_CONFIGMAP} == {authority}
    assert second.plane.cluster_as("learner").request("GET", "/api/v1/namespaces").ok
    second.start(scenario)
    assert session.checkpoint_kept() is None
    with pytest.raises(InvalidInput) as caught:
        return_to_checkpoint(second, scenario)
    assert str(caught.value) == (
        "cannot return to a checkpoint: none of kept was kept. "
        "`ckslab checkpoint` keeps one, `ckslab reset` leads back to the start."
    )


def test_a_manifest_that_does_not_run_and_a_dead_plane_are_no_hindrance(second: Lab, make_scenario: Make) -> None:
    scenario = make_scenario(name="broken")
    second.start(scenario)
    second.objects.create(MARK)
    keep_checkpoint(second)
    undo_mark(second)
    manifest = second.plane.layout.kubernetes_dir / "manifests" / "kube-apiserver.yaml"
    sound = manifest.read_text()
    manifest.write_text(sound.replace("- --", "- --no-such-", 1))
    eventually(lambda: "kube-apiserver" not in running(second))
    for pid in processes.of_plane(second.plane.layout.root):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: running(second) == {})
    return_to_checkpoint(second, scenario)
    assert has_mark(second)
    assert manifest.read_text() == sound


def test_where_the_provider_cannot_keep_a_state_it_is_refused(
    second: Lab, make_scenario: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = second.start(make_scenario(name="unkept"))
    monkeypatch.setattr(second.provider, "keep", lambda progress: None)
    with pytest.raises(InvalidInput, match="the state of a cluster of embedded cannot be kept"):
        keep_checkpoint(second)
    assert session.checkpoint_kept() is None


def test_files_that_are_too_large_to_keep_are_told_and_stay_as_they_are(second: Lab, make_scenario: Make) -> None:
    scenario = make_scenario(name="large")
    session = second.start(scenario)
    second.objects.create(MARK)
    with (session.files / "huge").open("wb") as file:
        file.truncate(2**30)
    told: list[str] = []
    keep_checkpoint(second, told.append)
    assert told == [TOO_LARGE]
    undo_mark(second)
    return_to_checkpoint(second, scenario)
    assert has_mark(second)
    assert (session.files / "huge").stat().st_size == 2**30
