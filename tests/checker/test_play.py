from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.checker.fake_cluster import FakeCluster

import ckslab_checker.play as play_module
from ckslab_checker.play import PlayFailed, parse_object, play
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Cluster, Identity, Response
from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.model import Action

IDENTITIES = {"dana": Identity.of_user("dana", ("developers",))}
ROLE = "/apis/rbac.authorization.k8s.io/v1/namespaces/production/roles/developer"


class Recorder(FakeCluster):
    """Carries out what it is told to, and refuses what ``refuse`` names."""

    def __init__(self) -> None:
        super().__init__([])
        self.sent: list[tuple[str, str, str, str]] = []
        self.bodies: list[Any] = []
        self.refuse: dict[str, Response] = {}
        self.there = {ROLE: {"metadata": {"uid": "1", "resourceVersion": "7"}}}

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        as_: Identity | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Response:
        if method == "GET":
            return Response(200, self.there[path]) if path in self.there else super().request(method, path)
        self.sent.append((method, path.rsplit("/", 1)[-1], content_type, as_.user if as_ else ""))
        self.bodies.append(body)
        if method == "DELETE":
            self.there.pop(path, None)
        return self.refuse.get(method, Response(200, {}))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario's folder with a fix of two manifests and a learner's file."""
    made = tmp_path / "scenario"
    (made / "solution/files").mkdir(parents=True)
    for name in ("b", "a"):
        (made / f"solution/{name}.yaml").write_text(manifest(name))
    (made / "solution/files/answer.yaml").write_text("subjects: []\n")
    (made / "solution/notes.txt").write_text("not applied")
    return made


def manifest(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: production}}\n"


def run(cluster: Cluster, folder: Path, *steps: dict[str, Any]) -> Path:
    files = folder.parent / "files"
    files.mkdir(exist_ok=True)
    play([Action.model_validate(step) for step in steps], folder, Objects(cluster), IDENTITIES, files)
    return files


def test_a_folder_is_applied_in_name_order_and_its_files_are_put(recorder: Recorder, folder: Path) -> None:
    files = run(recorder, folder, {"apply": "solution/"})
    assert recorder.sent == [
        ("PATCH", "a", "application/apply-patch+yaml", ""),
        ("PATCH", "b", "application/apply-patch+yaml", ""),
    ]
    assert {path.name: path.read_text() for path in files.iterdir()} == {"answer.yaml": "subjects: []\n"}


def test_a_single_file_is_applied(recorder: Recorder, folder: Path) -> None:
    run(recorder, folder, {"apply": "solution/b.yaml"})
    assert [name for _, name, _, _ in recorder.sent] == ["b"]


def test_a_step_is_played_as_an_identity(recorder: Recorder, folder: Path) -> None:
    run(recorder, folder, {"apply": "solution/b.yaml", "as": "dana"})
    assert recorder.sent == [("PATCH", "b", "application/apply-patch+yaml", "dana")]


def test_replace_puts_over_the_version_that_is_there(recorder: Recorder, folder: Path) -> None:
    path = "/api/v1/namespaces/production/configmaps/a"
    recorder.there[path] = {"metadata": {"uid": "2", "resourceVersion": "9"}}
    run(recorder, folder, {"replace": "solution/a.yaml"})
    assert [method for method, *_ in recorder.sent] == ["PUT"]
    assert recorder.bodies[0]["metadata"]["resourceVersion"] == "9"


def test_replace_of_what_is_not_there_is_refused(recorder: Recorder, folder: Path) -> None:
    with pytest.raises(PlayFailed) as caught:
        run(recorder, folder, {"replace": "solution/a.yaml"})
    assert caught.value.attempted == "replace ConfigMap/a -n production"
    assert recorder.sent == []


@pytest.mark.parametrize("word", ["role/developer", "Role/developer", "roles.rbac.authorization.k8s.io/developer"])
def test_delete_knows_kinds_plurals_and_groups(recorder: Recorder, folder: Path, word: str) -> None:
    run(recorder, folder, {"delete": f"{word} -n production"})
    assert recorder.sent == [("DELETE", "developer", "application/json", "")]


def test_delete_waits_until_the_very_object_is_gone(
    recorder: Recorder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play_module, "GONE_SECONDS", 0.1)
    recorder.refuse["DELETE"] = Response(200, {})
    monkeypatch.setattr(recorder, "there", _Stays({ROLE: {"metadata": {"uid": "1"}}}))
    with pytest.raises(PlayFailed) as caught:
        run(recorder, folder, {"delete": "role/developer -n production"})
    assert caught.value.seen == ("it is still there after 0.1 s, with finalizers or without a controller to end it")


class _Stays(dict[str, Any]):
    def pop(self, *_: Any) -> None:
        return None


def test_patch_sends_what_it_is_told_to(recorder: Recorder, folder: Path) -> None:
    patch = [{"op": "remove", "path": "/rules/0"}]
    step = {"object": "role/developer -n production", "type": "json", "patch": patch}
    run(recorder, folder, {"patch": step})
    assert recorder.sent == [("PATCH", "developer", "application/json-patch+json", "")]
    assert recorder.bodies == [patch]


def test_patch_reaches_a_subresource(recorder: Recorder, folder: Path) -> None:
    step = {"object": "pod/web", "type": "strategic", "patch": {"spec": {}}, "subresource": "ephemeralcontainers"}
    run(recorder, folder, {"patch": step})
    assert recorder.sent[0][1:3] == ("ephemeralcontainers", "application/strategic-merge-patch+json")


def test_put_file_puts_one_file_under_another_name(recorder: Recorder, folder: Path) -> None:
    step = {"from": "solution/files/answer.yaml", "to": "deep/other.yaml"}
    files = run(recorder, folder, {"put-file": step})
    assert (files / "deep/other.yaml").read_text() == "subjects: []\n"
    assert recorder.sent == []


def test_a_refusal_tells_verb_object_identity_and_the_servers_message(
    recorder: Recorder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play_module, "GRANTED_SECONDS", 0)
    recorder.refuse["PATCH"] = Response(403, {"message": "configmaps \x1b is forbidden"})
    with pytest.raises(PlayFailed) as caught:
        run(recorder, folder, {"apply": "solution/a.yaml", "as": "dana"})
    assert (caught.value.attempted, caught.value.seen) == (
        "apply ConfigMap/a -n production as dana",
        "the API server answered 403: configmaps \ufffd is forbidden",
    )


def test_a_refusal_ends_the_fix(recorder: Recorder, folder: Path) -> None:
    recorder.refuse["PATCH"] = Response(422, {"message": "invalid"})
    with pytest.raises(PlayFailed):
        run(recorder, folder, {"apply": "solution/"}, {"delete": "role/developer -n production"})
    assert len(recorder.sent) == 1


@pytest.mark.parametrize(
    "step",
    [
        {"apply": "../outside.yaml"},
        {"apply": "/etc/hostname"},
        {"apply": "solution/missing.yaml"},
        {"apply": "link.yaml"},
        {"put-file": {"from": "../outside.yaml", "to": "x"}},
        {"put-file": {"from": "solution/a.yaml", "to": "../x"}},
        {"put-file": {"from": "solution/a.yaml", "to": "/tmp/x"}},
        {"put-file": {"from": "solution/a.yaml", "to": "answer.yaml/x"}},
        {"apply": "solution/a.yaml", "as": "nobody"},
        {"delete": "widget/x"},
    ],
)
def test_what_leads_out_of_the_folder_or_is_not_known_is_refused(
    recorder: Recorder, folder: Path, step: dict[str, Any]
) -> None:
    (folder.parent / "outside.yaml").write_text(manifest("x"))
    (folder / "link.yaml").symlink_to(folder.parent / "outside.yaml")
    (folder.parent / "files").mkdir()
    (folder.parent / "files/answer.yaml").write_text("subjects: []\n")
    with pytest.raises(InvalidInput):
        run(recorder, folder, step)
    assert recorder.sent == []


def test_an_object_is_named_as_after_kubectl_delete() -> None:
    assert parse_object("role/developer -n production") == ("role", "developer", "production")
    assert parse_object("clusterrole/system:x") == ("clusterrole", "system:x", "default")


@pytest.mark.plane
def test_every_verb_works_on_a_real_api_server(cluster: Cluster, objects: Objects, folder: Path) -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: production}\n"
    (folder / "solution/0.yaml").write_text(namespace)
    merge = {"object": "configmap/a -n production", "type": "merge", "patch": {"data": {"k": "v"}}}
    run(cluster, folder, {"apply": "solution/"}, {"patch": merge})
    assert objects.get("configmap", "a", "production").body["data"] == {"k": "v"}
    run(cluster, folder, {"replace": "solution/a.yaml"}, {"delete": "cm/b -n production"})
    assert "data" not in objects.get("configmap", "a", "production").body
    assert objects.get("configmap", "b", "production").status == 404


@pytest.mark.plane
def test_a_grant_of_an_earlier_step_is_waited_for(cluster: Cluster, folder: Path) -> None:
    (folder / "0.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: production}\n")
    (folder / "1.yaml").write_text(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
        "metadata: {name: dana, namespace: production}\n"
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n"
        "subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: dana}]\n"
    )
    run(cluster, folder, {"apply": "0.yaml"}, {"apply": "1.yaml"}, {"apply": "solution/a.yaml", "as": "dana"})
    assert Objects(cluster).get("configmap", "a", "production").ok


@pytest.mark.plane
def test_a_real_refusal_ends_a_fix(
    cluster: Cluster, objects: Objects, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play_module, "GRANTED_SECONDS", 0.1)
    assert objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "production"}}).ok
    with pytest.raises(PlayFailed, match='User "dana" cannot patch resource "configmaps"'):
        run(cluster, folder, {"apply": "solution/a.yaml", "as": "dana"})
