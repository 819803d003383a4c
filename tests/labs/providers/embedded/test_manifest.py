"""Reading what a learner made of the manifest: whatever it holds, there is a pod or a reason, never a crash."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from ckslab_labs.providers.embedded.manifest import ManifestProblem, default_manifest, read_manifest

SEED = 20260
FUZZ_ROUNDS = 400
JUNK: tuple[Any, ...] = (None, 5, -1.5, True, "x", "", [], [1], {}, {1: "x", "a": 2}, {None: []}, [[{}]], "\u0000", "é")


def written(folder: Path, text: str) -> Path:
    path = folder / "kube-apiserver.yaml"
    path.write_text(text)
    return path


def problem_of(path: Path) -> str:
    with pytest.raises(ManifestProblem) as caught:
        read_manifest(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: Pod\nspec: [", "it is not valid YAML"),
        ("- a\n- b\n", "it is not a mapping"),
        ("", "it is not a mapping"),
        ("kind: Pod\nspec: {containers: []}\n", "it is not a Pod with one container"),
        ("kind: ConfigMap\nspec: {containers: [{}]}\n", "it is not a Pod with one container"),
        ("kind: Pod\nspec: {containers: [{command: [sh, -c, id]}]}\n", "this lab's node runs kube-apiserver only"),
        ("kind: Pod\nspec: {containers: [{command: kube-apiserver}]}\n", "command: it is not a list of strings"),
        ("kind: &a Pod\nspec: {containers: [*a]}\n", "YAML aliases are not read here; write the value out"),
        ("x: " + "[" * 30_000 + "]" * 30_000, "nested more than"),
        ("x: " + "{a: " * 20_000 + "}" * 20_000, "nested more than"),
        ("x: " + "y" * 200_000, "it is larger than 131072 bytes"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in problem_of(written(tmp_path, text))


@pytest.mark.parametrize("mounts", [5, {"name": "x"}, "x", [5]])
def test_mounts_that_are_no_list_of_mappings_are_refused(tmp_path: Path, mounts: object) -> None:
    pod = yaml.safe_load(default_manifest("1.36.3"))
    pod["spec"]["containers"][0]["volumeMounts"] = mounts
    assert "volumeMounts: it is not a" in problem_of(written(tmp_path, yaml.safe_dump(pod)))


def test_a_mount_without_its_volume_is_refused(tmp_path: Path) -> None:
    pod = yaml.safe_load(default_manifest("1.36.3"))
    del pod["spec"]["volumes"]
    expected = "volumeMounts: there is no hostPath volume named 'k8s-certs'"
    assert problem_of(written(tmp_path, yaml.safe_dump(pod))) == expected


def test_keys_that_are_no_text_do_not_keep_the_manifest_from_being_read(tmp_path: Path) -> None:
    pod = yaml.safe_load(default_manifest("1.36.3"))
    pod["metadata"]["labels"] = {1: "a", "b": "c"}
    assert read_manifest(written(tmp_path, yaml.safe_dump(pod))).file == "kube-apiserver.yaml"


def test_any_manifest_gives_a_pod_or_a_problem(tmp_path: Path) -> None:
    choices = random.Random(SEED)
    default = yaml.safe_load(default_manifest("1.36.3"))
    read = refused = 0
    for _ in range(FUZZ_ROUNDS):
        pod = copy.deepcopy(default)
        spots = list(_spots(pod))
        for _ in range(choices.randint(1, 3)):
            container, key = choices.choice(spots)
            container[key] = choices.choice(JUNK)
        path = written(tmp_path, yaml.dump(pod, Dumper=yaml.CSafeDumper))
        try:
            read += bool(read_manifest(path).uid)
        except ManifestProblem:
            refused += 1
    assert (read + refused, read > 0, refused > 0) == (FUZZ_ROUNDS, True, True)


def _spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a nested value that something else could be put into."""
    if not isinstance(value, dict | list):
        return []
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    return [(value, key) for key, _ in items] + [spot for _, inner in items for spot in _spots(inner)]
