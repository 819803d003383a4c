"""A kind cluster's life, where a Docker engine answers and a node image is at hand; nothing is measured elsewhere.

``CKSLAB_BENCH_LONG`` adds what takes many minutes: the node image from nothing, twenty clusters one after the other,
and whole suites.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from time import monotonic

from tests.kind.node_image import __main__ as node_image

from bench.planes import work_of_a_learner
from bench.result import Result, times
from ckslab_checker.catalogue import catalogue
from ckslab_checker.suite import run_suite
from ckslab_labs.cluster.port import Capability
from ckslab_labs.lab import Lab
from ckslab_labs.providers.embedded.provider import Embedded
from ckslab_labs.providers.kind.life import NETWORK
from ckslab_labs.providers.kind.provider import IMAGE_VARIABLE, Kind
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.snapshot.snapshot import restore_keys

LONG = "CKSLAB_BENCH_LONG"
SCENARIO = "debug-rbac-update-kept"
NAME = "bench-kind"


def measure() -> list[Result]:
    """Create, reset and delete; with ``CKSLAB_BENCH_LONG`` the image, many rounds and the suites."""
    image = node_image_at_hand()
    if image is None:
        print("kind: left out, as no Docker engine answers or no node image is there", file=sys.stderr)
        return []
    os.environ[IMAGE_VARIABLE] = image
    long = os.environ.get(LONG)
    results = [Result("kind: node image, already made", times(_node_image, 3), limit=5)]
    lab = Lab(NAME, provider="kind")
    work = partial(work_of_a_learner, lab)
    scenario = catalogue().get(SCENARIO)
    try:
        results += [
            Result("kind: create, until the API answers", [_creation(lab) for _ in range(3)], limit=25),
            Result("kind: every pod ready, from nothing", times(lambda: lab.start(scenario), 3, lab.stop), limit=60),
            Result("kind: reset, API only", _restores(lab), limit=0.15),
            Result("kind: reset, containers followed", times(lambda: lab.reset(scenario), 5, work), limit=5),
        ]
        if long:
            results.append(Result("kind: suites of every scenario that a plane runs", [_suites(lab)], limit=600))
    finally:
        lab.stop()
    if long:
        results += [
            Result("kind: a round of create and delete, no leak", times(lambda: _round(lab), 20)),
            Result("kind: node image from nothing", [_image_from_nothing()], limit=900),
        ]
    return results


def node_image_at_hand() -> str | None:
    """The node image to measure with: one that is named, or the harness's where it is made."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        return None
    name = os.environ.get(IMAGE_VARIABLE) or node_image.image_name()
    return name if node_image.is_there(name) else None


def scenarios_of_a_plane() -> list[Scenario]:
    """Those that both providers can run."""
    both = Embedded.offers & Kind.offers
    return [each for each in catalogue().read()[0] if both.issuperset(each.spec.requires)]


def _node_image(cache: str | None = None) -> None:
    env = {**os.environ, **({"XDG_CACHE_HOME": cache} if cache else {})}
    subprocess.run([sys.executable, "-m", "tests.kind.node_image"], check=True, capture_output=True, env=env)


def _image_from_nothing() -> float:
    with tempfile.TemporaryDirectory(prefix="ckslab-cold-") as cache:
        subprocess.run(["docker", "image", "rm", "--force", node_image.image_name()], check=True, capture_output=True)
        (seconds,) = times(lambda: _node_image(cache), 1)
    return seconds


def _creation(lab: Lab) -> float:
    """Seconds until the API server of a new cluster answers: what kind itself does, as our progress tells."""
    answered: list[float] = []
    lab.stop()
    began = monotonic()
    lab.prepare([Capability.API], lambda step: answered.append(monotonic()) if "system pods" in step else None)
    return answered[0] - began


def _restores(lab: Lab) -> list[float]:
    kind = lab.provider
    assert isinstance(kind, Kind)
    kept = kind.capture().keys
    return times(lambda: restore_keys(kept, kind.stored, settle=0.0), 20, partial(work_of_a_learner, lab))


def _suites(lab: Lab) -> float:
    began = monotonic()
    for scenario in scenarios_of_a_plane():
        if not run_suite(scenario, [lab]).ok:
            raise SystemExit(f"{scenario.id}: its suite fails on kind")
    return monotonic() - began


def _round(lab: Lab) -> None:
    lab.prepare([Capability.API])
    lab.stop()
    for what in (["container", "ls", "--all"], ["network", "ls"], ["volume", "ls"]):
        listed = subprocess.run(["docker", *what], check=True, capture_output=True, text=True).stdout
        if NAME in listed or (what[0] == "network" and NETWORK in listed):
            raise SystemExit(f"a {what[0]} was left behind:\n{listed}")
