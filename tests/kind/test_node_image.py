"""``--image`` and ``--keep``: what a node is made from, and what is left of one that cannot be made."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.providers.kind.life import give_images, state
from ckslab_labs.providers.kind.place import Place
from ckslab_labs.providers.kind.tools import docker
from ckslab_labs.scenario.model import Scenario

BROKEN = "ckslab/broken-node:test"
PLANE = "kind-broken"


@pytest.fixture
def broken(image: str, tmp_path: Path) -> Iterator[str]:
    """An image from which no node can be made: there is nothing in it."""
    (tmp_path / "empty").mkdir()
    archive = subprocess.run(["tar", "-C", tmp_path / "empty", "-c", "."], capture_output=True, check=True).stdout
    command = ["docker", "import", "--change", 'ENTRYPOINT ["/nothing"]', "-", BROKEN]
    subprocess.run(command, input=archive, check=True, capture_output=True)
    yield BROKEN
    Lab(PLANE, provider="kind").provider.stop()
    docker("rmi", BROKEN, attempted="clean up")


def test_an_image_of_the_engine_is_put_on_the_node(kind_lab: Lab, broken: str, scenario: Scenario) -> None:
    kind_lab.start(scenario)
    place = Place(kind_lab.name)
    heard: list[str] = []
    give_images(place, [broken], heard.append)
    assert heard == [f"putting {broken} on the node"]
    words = ("exec", place.container, "crictl", "images", "--output=json")
    images = json.loads(docker(*words, attempted="look at the node's images"))["images"]
    assert f"docker.io/{broken}" in {name for image in images for name in image["repoTags"]}


def start(lab: Lab, scenario: Scenario) -> Infrastructure:
    with pytest.raises(Infrastructure) as caught:
        lab.start(scenario)
    return caught.value


def test_of_a_node_that_cannot_be_made_only_logs_are_left(broken: str, scenario: Scenario) -> None:
    place = Place(PLANE)
    error = start(Lab(PLANE, provider="kind", image=broken), scenario)
    assert error.attempted == f"create the kind cluster {place.cluster}"
    assert error.remedy.startswith(f"The logs are in {place.logs}. Try it by hand: ")
    assert state(place) == ""


def test_a_node_that_cannot_be_made_is_kept_until_a_stop(broken: str, scenario: Scenario) -> None:
    place = Place(PLANE)
    error = start(Lab(PLANE, provider="kind", image=broken, retain=True), scenario)
    assert error.remedy.startswith(
        f"The logs are in {place.logs}. The node is kept: look at it with `docker logs {place.container}` or "
        f"`docker exec -it {place.container} bash`; `ckslab stop --plane {PLANE}` removes it. Try it by hand: "
    )
    assert state(place) == "created"
    Lab(PLANE).stop()
    assert state(place) == ""
    assert not place.folder.exists()


def test_a_cluster_that_is_there_is_not_taken_for_one_of_another_image(
    kind_lab: Lab, image: str, scenario: Scenario
) -> None:
    kind_lab.start(scenario)
    Lab(kind_lab.name, image=image).start(scenario)
    with pytest.raises(InvalidInput) as caught:
        Lab(kind_lab.name, image="nobody/has-it:1").start(scenario)
    assert str(caught.value) == (
        f"cannot use the node image nobody/has-it:1: {Place(kind_lab.name).cluster} is there already, made from "
        f"another. Run `ckslab stop --plane {kind_lab.name}` first, or choose another --plane."
    )
