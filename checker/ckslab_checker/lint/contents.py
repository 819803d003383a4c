"""Rules about what a scenario is made of: probes, capabilities, images and files."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ckslab_checker.lint.entry import Entry
from ckslab_checker.probes.node_file import NodeFile
from ckslab_checker.probes.object import ObjectSays
from ckslab_labs.scenario.images import known
from ckslab_labs.scenario.model import Action

ACCESS_PROBES = ("can-i", "debug-container")
"""Probes that ask what an identity may do."""
REASON_WORDS = 5
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def requires_what_its_probes_need(entry: Entry) -> Iterator[tuple[str, str]]:
    """Or a check would be skipped on a cluster that the scenario claims to run on."""
    requires = set(entry.scenario.spec.requires)
    for check in entry.scenario.spec.checks:
        if missing := sorted(check.probe.needs - requires):
            yield "scenario.yaml", f"{check.id} needs {', '.join(missing)}; add it to spec.requires"


def access_is_not_gained_elsewhere(entry: Entry) -> Iterator[tuple[str, str]]:
    """A power taken from somebody must not come back as another, or to somebody else."""
    checks = entry.scenario.spec.checks
    takes = [check for check in checks if check.probe.kind in ACCESS_PROBES and _denies(check.probe)]
    if takes and not any(check.probe.kind == "no-new-powers" for check in checks):
        yield "scenario.yaml", f"{takes[0].id} takes a power away; add a check with no-new-powers: {{}} and keeps: true"


def _denies(probe: object) -> bool:
    return str(getattr(probe, "expect", "")) in ("denied", "denied-by-rbac")


def objects_are_the_last_resort(entry: Entry) -> Iterator[tuple[str, str]]:
    """Whoever looks at an object instead of asking for its effect says why nothing else can tell."""
    for check in entry.scenario.spec.checks:
        if isinstance(check.probe, ObjectSays | NodeFile) and len(check.probe.because.split()) < REASON_WORDS:
            yield "scenario.yaml", f"{check.id}: because must say, in a sentence, why no effect can be asked for"


def images_are_of_the_list(entry: Entry) -> Iterator[tuple[str, str]]:
    """A lab must run without a registry; the list is what gets bundled."""
    sources = [*entry.manifests("setup", "solution", "cases")]
    sources += [("scenario.yaml", check.probe.model_dump()) for check in entry.scenario.spec.checks]
    sources += [("suite.yaml", case.model_dump()) for case in entry.suite.cases]
    for file, value in sources:
        for container in _containers(value):
            if container["image"] not in known():
                yield file, f"the image {container['image']} is not in labs/ckslab_labs/images.yaml"
            if container.get("imagePullPolicy", "IfNotPresent") != "IfNotPresent":
                yield file, f"the image {container['image']} must be pulled IfNotPresent"


def _containers(value: Any) -> Iterator[dict[str, Any]]:
    """Every container with an image, however deep: in pods, templates, patches."""
    if isinstance(value, dict):
        for key in _CONTAINERS:
            listed = value.get(key)
            yield from (c for c in listed if isinstance(c, dict) and "image" in c) if isinstance(listed, list) else ()
        for inner in value.values():
            yield from _containers(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _containers(inner)


def every_file_is_used(entry: Entry) -> Iterator[tuple[str, str]]:
    """A file under cases/ that no case plays is proof of nothing."""
    played = {path for case in entry.suite.cases for action in case.do for path in _played(action)}
    for name, _ in entry.files("cases"):
        above = {name, *map(str, PurePosixPath(name).parents)}
        if not above & played:
            yield name, "no case plays it; remove it, or add its case"


def _played(action: Action) -> Iterator[str]:
    files = [
        action.put_file["from"] if action.put_file else None,
        action.node_file.get("from") if action.node_file else None,
    ]
    yield from (str(PurePosixPath(path)) for path in (action.apply, action.replace, *files) if path)
