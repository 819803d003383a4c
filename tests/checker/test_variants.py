"""What a policy's texts could mean, made into names, marks, members and accounts to try."""

from ckslab_checker import variants
from ckslab_labs.cluster.port import Identity

DANA = Identity.of_user("dana", ("developers",))
FAY = Identity.of_user("fay", ("developers",))
ELI = Identity.of_user("eli", ("contractors", "developers"))
OLGA = Identity.of_user("olga", ("break-glass",))
MODEL = {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def test_a_text_is_tried_as_the_whole_the_beginning_and_the_end_of_a_name() -> None:
    assert variants.names(["test-", "no name"], "zz") == ["test", "test-zz", "zz-test"]


def test_every_text_that_could_be_a_key_is_a_label_with_each_value() -> None:
    marks = list(variants.marks(["debug", "yes", "not a key"]))
    assert {"debug": "yes", "yes": "yes"} in marks
    assert {"debug": "", "yes": ""} in marks
    assert list(variants.marks(["not a key"])) == []


def test_pods_differ_from_the_model_in_one_respect_each() -> None:
    pods = list(variants.pods(MODEL, ["sandbox"], "zz"))
    assert len({pod["metadata"]["name"] for pod in pods}) == len(pods)
    assert {"sandbox", "sandbox-zz", "zz-sandbox"} <= {pod["metadata"]["name"] for pod in pods}
    assert any(pod["metadata"].get("ownerReferences") for pod in pods)
    assert any(pod["metadata"].get("labels") == {"app": "zz"} for pod in pods)
    assert any(pod["spec"].get("nodeName") == "zz" for pod in pods)
    assert any(len(pod["spec"]["containers"]) > 1 and pod["spec"].get("initContainers") for pod in pods)


def test_images_are_tried_alone_and_in_pairs() -> None:
    images = [each.get("image") for each in variants.containers(["tools.example.com/", "@sha256:"], "zz")]
    assert "tools.example.com/zz" in images
    assert f"tools.example.com/x@sha256:{'0' * 64}" in images


def test_other_members_are_asked_and_so_are_those_whom_a_policy_may_mean() -> None:
    asked = list(variants.requesters(DANA, [DANA, FAY, ELI, OLGA], ["lead-", "team-leads"], "zz"))
    assert FAY in asked
    assert ELI not in asked
    assert OLGA not in asked
    assert Identity("lead-zz", DANA.groups) in asked
    assert Identity("dana", (*DANA.groups, "team-leads")) in asked


def test_who_is_in_no_group_of_people_is_no_member() -> None:
    root = Identity("root", ("system:masters",))
    assert [each.user for each in variants.requesters(DANA, [DANA, root], [], "zz")] == ["dana"]


def test_an_exception_for_those_who_may_is_no_hole() -> None:
    asked = list(variants.requesters(DANA, [DANA, OLGA], ["break-glass", "olga", "break-", "system:masters"], "zz"))
    assert [(each.user, each.groups) for each in asked] == [(DANA.user, DANA.groups)]


def test_they_are_asked_as_one_of_whom_more_is_known() -> None:
    known = next(variants.requesters(DANA, [], [], "zz"))
    assert known.uid
    assert known.extra
    assert (known.user, known.groups) == (DANA.user, DANA.groups)


def test_a_container_may_have_whatever_one_can_have() -> None:
    names = {name for container in variants.containers([], "zz") for name in container}
    assert {"env", "envFrom", "command", "args", "workingDir", "imagePullPolicy", "stdinOnce"} <= names
    assert {"terminationMessagePath", "terminationMessagePolicy", "tty", "securityContext"} <= names


def test_service_accounts_are_tried_by_every_part_that_a_text_spells() -> None:
    texts = ["system:serviceaccount:ops:robot", "system:serviceaccounts:jobs", ":trusted-", ":debugger"]
    asked = set(variants.accounts(texts, "zz"))
    for pair in [("ops", "robot"), ("jobs", "zz"), ("zz", "debugger"), ("zz", "zz-debugger")]:
        assert Identity.of_service_account(*pair) in asked
    assert any(identity.user.endswith(":trusted-zz") for identity in asked)
