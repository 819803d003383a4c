"""A kubeconfig that somebody gives is read strictly, and its cluster is asked only by whoever may ask."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.providers.existing.provider import contexts, open_cluster

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "mine", "context": {"cluster": "k", "user": "u"}}],
}


def written(folder: Path, value: object) -> Path:
    path = folder / "kubeconfig"
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(value))
    return path


def with_user(**user: object) -> dict[str, Any]:
    return {**CONFIG, "users": [{"name": "u", "user": user}]}


def test_the_contexts_of_a_kubeconfig_are_told(tmp_path: Path) -> None:
    assert contexts(written(tmp_path, CONFIG)) == {"mine": {"cluster": "k", "user": "u"}}


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (with_user(exec={"command": "touch"}), "its user u would run a program (exec)"),
        (with_user(**{"auth-provider": {"name": "gcp"}}), "its user u would run a program (auth-provider)"),
        (with_user(tokenFile="/etc/shadow"), "its user u would read a token from a file (tokenFile)"),
        ({"kind": "Config"}, "it has not the form of a kubeconfig"),
        (["a"], "it has not the form of a kubeconfig"),
        ({**CONFIG, "users": ["u"]}, "it has not the form of a kubeconfig"),
        ("a: [", "line 2, column 1: did not find expected node content"),
    ],
)
def test_a_kubeconfig_that_does_more_than_present_somebody_is_refused(tmp_path: Path, value: object, seen: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        contexts(written(tmp_path, value))
    assert seen in caught.value.seen


def test_a_missing_kubeconfig_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file or directory"):
        contexts(tmp_path / "none")


@pytest.mark.parametrize(("name", "remedy"), [("mien", "Did you mean mine?"), ("zzz", "There are: mine.")])
def test_an_unknown_context_is_told_with_what_there_is(tmp_path: Path, name: str, remedy: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_cluster(written(tmp_path, CONFIG), name)
    assert caught.value.remedy == remedy


@pytest.mark.plane
def test_a_clusters_capabilities_are_looked_at(lab: Lab) -> None:
    cluster = open_cluster(lab.provider.kubeconfig("learner"), "ckslab-shared")
    assert cluster.capabilities == {Capability.API, Capability.CONTROLLERS, Capability.NODES}
    assert cluster.request("GET", "/api/v1/namespaces").ok


@pytest.mark.plane
def test_whoever_may_not_ask_for_others_is_refused(lab: Lab, tmp_path: Path) -> None:
    """A denial of the impersonation must never pass for a denial of what was asked."""
    config = yaml.safe_load(lab.provider.kubeconfig("learner").read_text())
    account = "/api/v1/namespaces/default/serviceaccounts/default/token"
    spec = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = lab.cluster.request("POST", account, spec).body["status"]["token"]
    config["users"][0]["user"] = {"token": token}
    with pytest.raises(InvalidInput) as caught:
        open_cluster(written(tmp_path, config), "ckslab-shared")
    assert caught.value.seen == "its user may not impersonate users (the API server says no)"
