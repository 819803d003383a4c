"""The main paths on a real control plane, on the command line and in the app: from the start to the pass and back."""

import asyncio
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.tui.driving import open_task, settle, shown, until
from textual.pilot import Pilot

import ckslab_checker.engine
import ckslab_labs.lab
from ckslab_checker.outcome import Outcome, Report
from ckslab_checker.play import play
from ckslab_labs.binaries.catalog import DEFAULT_KUBERNETES, KUBERNETES
from ckslab_labs.cluster.objects import Manifest
from ckslab_labs.errors import Busy, ExitCode, InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.progress.store import ProgressFile
from ckslab_labs.providers.embedded import processes
from ckslab_labs.providers.embedded.components import APISERVER, ETCD
from ckslab_labs.scenario.model import Action
from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.confirm import ConfirmWindow
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.main import LabApp
from ckslab_tui.app.menu import Menu
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.app.terminal import TerminalPane
from ckslab_tui.cli.options import Settings
from ckslab_tui.cli.run import run
from ckslab_tui.service import LabService
from ckslab_tui.views import Task
from ckslab_tui.watching import GONE, KINDS, Watcher

pytestmark = pytest.mark.plane

SCENARIO = "debug-rbac-update-kept"
PLANE = ("--plane", "shared")
OTHERS = "another scenario was opened on plane shared"

MARK: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mark", "namespace": "default"}}

_APP = {"app": "seen"}
_POD = {"containers": [{"name": "one", "image": "none"}]}
_TEMPLATE = {"selector": {"matchLabels": _APP}, "template": {"metadata": {"labels": _APP}, "spec": _POD}}
_JOB = {"template": {"spec": {**_POD, "restartPolicy": "Never"}}}
_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
_RULES = {
    "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
}
_MUTATION = {"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'test', path: '/x'}]"}}
BODIES: dict[str, Manifest] = {
    "Pod": {"spec": _POD},
    "Deployment": {"spec": _TEMPLATE},
    "StatefulSet": {"spec": _TEMPLATE},
    "DaemonSet": {"spec": _TEMPLATE},
    "Job": {"spec": _JOB},
    "CronJob": {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": _JOB}}},
    "Service": {"spec": {"ports": [{"port": 80}]}},
    "NetworkPolicy": {"spec": {"podSelector": {}}},
    "RoleBinding": {"roleRef": _ROLE},
    "ClusterRoleBinding": {"roleRef": _ROLE},
    "ValidatingAdmissionPolicy": {"spec": {"matchConstraints": _RULES, "validations": [{"expression": "true"}]}},
    "ValidatingAdmissionPolicyBinding": {"spec": {"policyName": "none", "validationActions": ["Warn"]}},
    "MutatingAdmissionPolicy": {
        "spec": {"matchConstraints": _RULES, "mutations": [_MUTATION], "reinvocationPolicy": "Never"}
    },
    "MutatingAdmissionPolicyBinding": {"spec": {"policyName": "none"}},
}
"""What an object of a kind must say to be accepted."""

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def service(lab: Lab) -> LabService:
    """The service on the shared plane, which holds no session, and of a learner without progress."""
    lab.sessions.set_open(None)
    ProgressFile().delete()
    return LabService(Settings(plane=lab.plane.name, kubernetes=os.environ.get("CKSLAB_TEST_KUBERNETES")))


def fix(service: LabService) -> None:
    """What a learner does, through the API."""
    scenario = service.scenarios().get(SCENARIO)
    session = service.lab.session()
    play([Action(apply="solution/")], scenario.folder, service.lab.objects, {}, session.files)


def test_from_start_to_the_pass_and_back_on_the_command_line(service: LabService, capsys: Capture) -> None:
    assert run(["start", SCENARIO, *PLANE]) == ExitCode.PASSED
    out, err = capsys.readouterr()
    assert "What must keep working" in out
    assert f"{SCENARIO} is ready" in err

    assert run(["check", *PLANE, "--output", "json"]) == ExitCode.FAILED
    document = json.loads(capsys.readouterr().out)
    assert (document["outcome"], document["points"]) == ("failed", 0)
    assert all(check["evidence"] for check in document["checks"])

    fix(service)
    assert run(["check", *PLANE]) == ExitCode.PASSED
    assert run(["solution", *PLANE]) == ExitCode.PASSED
    assert run(["reset", *PLANE]) == ExitCode.PASSED
    assert run(["check", *PLANE]) == ExitCode.FAILED


def test_checks_are_attempts_with_the_time_of_work_and_the_help_that_was_had(
    service: LabService, capsys: Capture
) -> None:
    run(["start", SCENARIO, *PLANE])
    run(["hint", *PLANE])
    run(["check", *PLANE])
    run(["solution", *PLANE, "--yes"])
    time.sleep(2)
    run(["start", "who-can-debug", *PLANE])
    time.sleep(3)
    run(["start", SCENARIO, "--resume", *PLANE])
    fix(service)
    asked = time.time()
    run(["check", *PLANE])
    capsys.readouterr()
    assert run(["progress", "--history", "-o", "json"]) == ExitCode.PASSED
    first, second = json.loads(capsys.readouterr().out)["attempts"]

    assert (first["scenario"], first["provider"], first["outcome"], first["points"]) == (
        SCENARIO,
        "embedded",
        "failed",
        0,
    )
    assert (first["hints"], first["solution"], second["solution"]) == (1, False, True)
    assert (second["outcome"], second["points"], second["max_points"]) == ("passed", 4, 4)
    assert second["started"] == first["started"]
    began = datetime.datetime.fromisoformat(second["started"]).timestamp()
    assert 2 <= second["seconds"] <= asked + 1 - began - 3  # without the time that it was put aside

    run(["reset", *PLANE])
    run(["check", *PLANE])
    third = ProgressFile().attempts()[-1]
    assert third.started > second["started"]
    assert third.seconds < asked + 1 - began
    entry = next(each for each in service.catalogue().entries if each.id == SCENARIO)
    standing = service.catalogue().standing(entry)
    assert (standing.state, standing.best_seconds, standing.attempts) == ("passed", second["seconds"], 3)


def test_a_verdict_is_had_though_progress_cannot_be_written(service: LabService, capsys: Capture) -> None:
    run(["start", SCENARIO, *PLANE])
    file = ProgressFile()
    file.delete()
    file.path.write_text("no database")
    try:
        capsys.readouterr()
        assert run(["check", *PLANE, "-o", "json"]) == ExitCode.FAILED
        out, err = capsys.readouterr()
    finally:
        file.delete()

    assert json.loads(out)["outcome"] == "failed"
    assert err.startswith("This attempt is not in your progress: cannot read your progress: ")


def test_hints_are_counted_from_the_first_to_the_last(service: LabService, capsys: Capture) -> None:
    run(["start", SCENARIO, *PLANE])
    capsys.readouterr()
    numbers = []
    for _ in range(5):
        assert run(["hint", *PLANE, "-o", "json"]) == ExitCode.PASSED
        numbers.append(json.loads(capsys.readouterr().out)["hint"])

    assert numbers == [1, 2, 3, 4, 4]
    assert run(["hint", "9", *PLANE]) == ExitCode.USAGE
    assert "has hints 1 to 4" in capsys.readouterr().err


def test_the_shell_reaches_the_cluster_as_the_learner(service: LabService, capfd: pytest.CaptureFixture[str]) -> None:
    run(["start", SCENARIO, *PLANE])
    capfd.readouterr()

    assert (
        run(["shell", *PLANE, "-c", "k get role -n production -o name && kubectl auth whoami -o name"])
        == ExitCode.PASSED
    )
    assert "role.rbac.authorization.k8s.io/app-team" in capfd.readouterr().out
    assert run(["shell", *PLANE, "-c", "k get no-such-thing"]) == ExitCode.FAILED


def test_checking_is_no_change_and_a_fix_is_one(service: LabService) -> None:
    run(["start", SCENARIO, *PLANE])
    watcher = Watcher(service.lab)
    before = watcher.look()
    service.check()
    after_check = watcher.look()
    fix(service)

    assert before is not GONE
    assert after_check == before
    assert watcher.look() != before


def test_a_change_of_the_learners_files_is_one_too(service: LabService) -> None:
    run(["start", SCENARIO, *PLANE])
    watcher = Watcher(service.lab)
    before = watcher.look()
    (service.lab.session().files / "answer.yaml").write_text("subjects: []\n")

    assert watcher.look() != before


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_any_kind_that_learners_edit_is_seen_at_the_next_look(
    service: LabService, lab: Lab, kind: str
) -> None:
    if not lab.objects.serves(kind):
        assert lab.plane.kubernetes != KUBERNETES[DEFAULT_KUBERNETES].version
        pytest.skip(f"this version of Kubernetes serves no {kind} unless told to")
    run(["start", SCENARIO, *PLANE])
    watcher = Watcher(service.lab)
    resource = lab.objects.resource(kind)
    version = f"{resource.group}/{resource.version}" if resource.group else resource.version
    metadata = {"name": "seen", **({"namespace": "default"} if resource.namespaced else {})}
    before = watcher.look()
    made = lab.objects.create({"apiVersion": version, "kind": kind, "metadata": metadata, **BODIES.get(kind, {})})

    assert made.ok, made.message
    assert watcher.look() != before


def test_authors_try_a_fix_from_outside_the_suite_and_never_on_an_open_session(
    service: LabService, tmp_path: Path, capsys: Capture
) -> None:
    solution = service.scenarios().get(SCENARIO).folder / "solution"
    shutil.copytree(solution, tmp_path / "right")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "fix.yaml").write_text("do: [{delete: configmap/nobody -n production}]\n")

    assert run(["author", "try", SCENARIO, str(tmp_path / "right"), *PLANE]) == ExitCode.PASSED
    assert run(["author", "try", SCENARIO, str(tmp_path / "nothing"), *PLANE]) == ExitCode.USAGE
    run(["start", SCENARIO, *PLANE])
    capsys.readouterr()
    assert run(["author", "try", SCENARIO, str(tmp_path / "right"), *PLANE]) == ExitCode.USAGE
    assert f"{SCENARIO} is open on it, and would be lost" in capsys.readouterr().err


def test_two_starts_at_once_on_one_plane_both_end_well(service: LabService) -> None:
    command = [sys.executable, "-m", "ckslab_tui", "start", SCENARIO, *PLANE]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate()[1] for each in both]

    assert [each.returncode for each in both] == [0, 0], said
    assert service.current().entry.id == SCENARIO


def test_a_dead_plane_is_brought_back_by_the_next_command(service: LabService) -> None:
    run(["start", SCENARIO, *PLANE])
    fix(service)
    for pid in processes.of_plane(service.lab.plane.layout.root):
        os.kill(pid, signal.SIGKILL)

    assert run(["check", *PLANE]) == ExitCode.PASSED


def test_the_demo_goes_from_failed_to_passed_and_leaves_nothing(capsys: Capture) -> None:
    assert run(["demo", "--output", "json"]) == ExitCode.PASSED
    document = json.loads(capsys.readouterr().out)
    plane = Lab("demo").plane

    assert document["ok"] is True
    assert [each["outcome"] for each in document["reports"]] == ["failed", "failed", "passed"]
    assert len(document["steps"]) == 8
    assert not plane.exists
    assert not processes.of_plane(plane.layout.root)
    assert ProgressFile().attempts() == []


def test_a_demo_that_is_interrupted_leaves_nothing_either() -> None:
    root = Lab("demo").plane.layout.root
    demo = subprocess.Popen(
        [sys.executable, "-m", "ckslab_tui", "demo"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while not processes.of_plane(root):
        assert demo.poll() is None
        time.sleep(0.05)
    demo.send_signal(signal.SIGINT)
    demo.communicate()

    assert demo.returncode == ExitCode.INTERRUPTED
    assert not processes.of_plane(root)
    assert not root.exists()


@pytest.mark.asyncio
async def test_from_the_catalogue_to_the_pass_and_back_in_the_app(service: LabService) -> None:
    async with LabApp(service).run_test(size=(100, 34)) as pilot:
        await settle(pilot)
        menu = pilot.app.screen.query_one(Menu)
        menu.highlighted = menu.get_option_index(SCENARIO)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen), 60)
        screen = pilot.app.screen
        assert isinstance(screen, TaskScreen)

        await pilot.press("c")
        await until(pilot, lambda: screen.report is not None, 60)
        await settle(pilot)
        assert outcome(screen) == "failed"
        assert "✘ failed" in shown(pilot)
        assert "observed" in shown(pilot)

        await asyncio.to_thread(fix, service)
        await until(pilot, lambda: outcome(screen) == "passed", 20)
        await until(pilot, lambda: "✔ passed" in shown(pilot))
        await pilot.press("k")
        await settle(pilot)

        await pilot.press("r")
        assert isinstance(pilot.app.screen, ConfirmWindow)
        await pilot.press("y")
        await until(pilot, lambda: outcome(screen) != "passed", 60)
        await until(pilot, lambda: outcome(screen) == "failed", 60)

        await settle(pilot)
        await pilot.press("u", "y")
        await until(pilot, lambda: outcome(screen) == "passed", 60)

        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(pilot.app.screen, CatalogueScreen)
        assert pilot.app.screen.listed.open == SCENARIO
        assert [attempt.outcome for attempt in ProgressFile().attempts()] == ["failed", "passed", "passed"]
        await until(pilot, lambda: "▸ ✔ passed" in shown(pilot))
        assert "on the cluster now" in shown(pilot)
        assert "3 attempts" in shown(pilot)


def test_the_apps_set_up_is_that_of_the_command(service: LabService) -> None:
    told: list[str] = []
    service.machine.set_up(told.append)
    fitness = service.machine.look(service.catalogue().entries)

    assert fitness.to_build == ()
    assert all(fact.ok for fact in fitness.facts["embedded"] if fact.name not in ("go", "space"))
    assert SCENARIO not in fitness.unfit


def outcome(screen: TaskScreen) -> str:
    return screen.report.outcome if screen.report else ""


@pytest.mark.asyncio
async def test_what_is_done_in_the_terminal_is_seen_beside_it(service: LabService) -> None:
    service.start(SCENARIO, lambda text: None)
    solution = service.scenarios().get(SCENARIO).folder / "solution"
    async with open_task(service, (160, 45)) as (pilot, screen):
        pane = screen.query_one(TerminalPane)
        await until(pilot, lambda: f"({SCENARIO})" in pane.text, 60)
        pane.paste(f"k apply -f {solution}; k config view -o jsonpath='{{.users[0].name}}'; echo; complete -p k")
        await pilot.press("enter")
        await until(pilot, lambda: outcome(screen) == "passed", 30)
        await until(pilot, lambda: "complete -o default -F __start_kubectl k" in pane.text)


@pytest.mark.skipif(shutil.which("vi") is None, reason="no vi here")
@pytest.mark.asyncio
async def test_kubectl_edit_works_in_the_terminal(service: LabService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_EDITOR", "vi")
    service.start(SCENARIO, lambda text: None)
    async with open_task(service, (160, 45)) as (pilot, screen):
        pane = screen.query_one(TerminalPane)
        await until(pilot, lambda: f"({SCENARIO})" in pane.text, 60)
        await pilot.press(*"k edit role app-team -n production", "enter")
        await until(pilot, lambda: "# Please edit the object below" in pane.text, 20)
        await pilot.press(*":%s/ephemeralcontainers/status/", "enter", *":wq", "enter")
        await until(pilot, lambda: "app-team edited" in pane.text, 20)
        await until(pilot, lambda: screen.report is not None, 20)


@pytest.mark.asyncio
async def test_a_change_of_an_answer_file_is_checked_by_itself(service: LabService) -> None:
    service.start("who-can-debug", lambda text: None)
    async with open_task(service) as (pilot, screen):
        await pilot.press("c")
        await until(pilot, lambda: screen.report is not None, 60)
        await settle(pilot)
        before = screen.report
        answer = next(path for path in service.lab.session().files.rglob("*") if path.is_file())
        answer.write_text(answer.read_text() + "\n# mine\n")
        await until(pilot, lambda: screen.report is not before, 20)


@pytest.mark.asyncio
async def test_a_plane_that_dies_under_the_screen_is_brought_back_with_what_was_done(service: LabService) -> None:
    service.start(SCENARIO, lambda text: None)
    fix(service)
    async with open_task(service) as (pilot, screen):
        await pilot.press("c")
        await until(pilot, lambda: outcome(screen) == "passed", 60)
        before = screen.report
        for pid in processes.of_plane(service.lab.plane.layout.root):
            os.kill(pid, signal.SIGKILL)
        # A check that was under way when it died may have come to an error; the next one comes by itself.
        await until(pilot, lambda: screen.report is not before and outcome(screen) == "passed", 60)

        assert pilot.app.screen is screen


@pytest.mark.asyncio
async def test_an_api_server_that_cannot_start_is_told_on_the_screen_and_mended_from_it(
    service: LabService, lab: Lab
) -> None:
    service.start(SCENARIO, lambda text: None)
    manifest = lab.plane.layout.manifests / "kube-apiserver.yaml"
    sound = manifest.read_text()
    async with open_task(service) as (pilot, screen):
        await pilot.press("c")
        await until(pilot, lambda: outcome(screen) == "failed", 60)
        manifest.write_text(sound.replace("--authorization-mode", "--authorization-mod"))
        try:
            await until(pilot, lambda: "unknown flag: --authorization-mod" in screen.trouble, 60)
            assert pilot.app.screen is screen
            assert outcome(screen) == "failed"
        finally:
            manifest.write_text(sound)
        await until(pilot, lambda: not screen.trouble, 60)


@pytest.mark.asyncio
async def test_a_plane_that_is_stopped_under_the_screen_is_told(service: LabService, lab: Lab) -> None:
    service.start(SCENARIO, lambda text: None)
    async with open_task(service) as (pilot, screen):
        lab.sessions.set_open(None)
        await until(pilot, lambda: "no scenario is open on plane shared" in screen.trouble, 20)
        assert pilot.app.screen is screen


@pytest.mark.asyncio
async def test_two_apps_on_one_plane_leave_each_others_work_alone(service: LabService, lab: Lab) -> None:
    other = LabService(Settings(plane=lab.plane.name, kubernetes=os.environ.get("CKSLAB_TEST_KUBERNETES")))
    service.start(SCENARIO, lambda text: None)
    fix(service)
    async with open_task(service) as (first, screen), LabApp(other).run_test(size=(100, 30)) as second:
        await first.press("c")
        await until(first, lambda: outcome(screen) == "passed", 30)
        await choose(second, "who-can-debug")
        answer = other.lab.session().files / "answer.yaml"
        answer.write_text("somebody\n")

        await until(first, lambda: OTHERS in screen.trouble, 30)
        await settle(first)
        for keys in (("r", "y"), ("k",), ("h", "y"), ("c",), ("s",)):
            for key in keys:
                await first.press(key)
                await first.pause()
            await until(first, lambda: isinstance(first.app.screen, ErrorWindow), 30)
            assert OTHERS in shown(first)
            await first.press("escape")
            await settle(first)
        assert other.current().entry.id == "who-can-debug"
        assert other.current().checkpoint is None
        assert (other.lab.session().hints, answer.read_text()) == (0, "somebody\n")

        await first.press("q")
        await choose(first, SCENARIO)
        again = first.app.screen
        assert isinstance(again, TaskScreen)
        await first.press("c")
        await until(first, lambda: outcome(again) == "passed", 60)
        late = second.app.screen
        assert isinstance(late, TaskScreen)
        await until(second, lambda: OTHERS in late.trouble, 30)


@pytest.mark.parametrize("before", [True, False], ids=["kept here before", "nothing kept here"])
@pytest.mark.parametrize("call", [LabService.keep_checkpoint, LabService.return_to_checkpoint])
def test_what_another_app_has_kept_is_not_replaced_or_returned_to_unseen(
    service: LabService, lab: Lab, call: Callable[[LabService], Task], before: bool
) -> None:
    other = LabService(Settings(plane=lab.plane.name, kubernetes=os.environ.get("CKSLAB_TEST_KUBERNETES")))
    service.start(SCENARIO, lambda text: None)
    if before:
        service.keep_checkpoint()
        assert call(service).checkpoint  # its own it knows
    kept = other.keep_checkpoint().checkpoint
    with pytest.raises(InvalidInput, match="another was kept elsewhere, at "):
        call(service)
    assert other.current().checkpoint == kept
    assert (call(service).checkpoint == kept) is (call is LabService.return_to_checkpoint)


async def choose(pilot: Pilot[None], scenario: str) -> None:
    """Open a scenario from the catalogue."""
    await settle(pilot)
    menu = pilot.app.screen.query_one(Menu)
    menu.highlighted = menu.get_option_index(scenario)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen), 60)


def test_what_was_put_aside_meanwhile_is_gone_on_with(service: LabService, lab: Lab) -> None:
    service.start(SCENARIO, lambda text: None)
    fix(service)
    service.start("who-can-debug", lambda text: None)
    assert service.go_on(SCENARIO, lambda text: None).entry.id == SCENARIO
    assert service.check().outcome is Outcome.PASSED
    hints = service.hint().number
    assert service.go_on(SCENARIO, lambda text: None).hints_used == hints
    assert service.check().outcome is Outcome.PASSED


def test_nobody_is_kept_off_the_plane_while_tools_are_built(
    service: LabService, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def build(names: set[str], tell: object) -> None:
        with Lab(lab.plane.name).exclusive():
            built.append(names)

    monkeypatch.setattr("ckslab_labs.tools.make_ready", build)
    service.go_on(SCENARIO, lambda text: None)
    service.start(SCENARIO, lambda text: None)
    assert built == [set(), set()]


def test_a_check_asks_about_what_is_open_when_it_is_its_turn(service: LabService, lab: Lab) -> None:
    service.start(SCENARIO, lambda text: None)
    other = LabService(Settings(plane=lab.plane.name))
    reports: list[Report] = []
    command = LabService(Settings(plane=lab.plane.name))
    checking = threading.Thread(target=lambda: reports.append(command.check()))
    with other.lab.exclusive():  # as a command does that opens another scenario
        checking.start()
        time.sleep(0.5)
        other.start("who-can-debug", lambda text: None)
    checking.join(60)
    assert [(report.scenario, report.outcome) for report in reports] == [("who-can-debug", Outcome.FAILED)]


def test_nobody_opens_another_scenario_while_a_check_asks(
    service: LabService, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.start(SCENARIO, lambda text: None)

    def check(*_: object, **__: object) -> Report:
        monkeypatch.setattr(ckslab_labs.lab, "LOCK_SECONDS", 0.2)
        with pytest.raises(Busy):
            LabService(Settings(plane=lab.plane.name)).start("who-can-debug", lambda text: None)
        return Report(SCENARIO, 1, "embedded", 0.0, ())

    monkeypatch.setattr(ckslab_checker.engine, "check", check)
    service.check()
    assert service.current().entry.id == SCENARIO


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("after", [0.3, 0.7, 1.1])
def test_another_start_that_ends_at_any_moment_loses_nothing(
    service: LabService, lab: Lab, sent: signal.Signals, after: float
) -> None:
    session = lab.start(service.scenarios().get(SCENARIO))
    assert lab.objects.create(MARK).ok
    (session.files / "mine.txt").write_text("mine")
    ended = _ended("start", "who-can-debug", sent=sent, after=after)
    assert ended in (ExitCode.PASSED, ExitCode.INTERRUPTED, -sent)
    if lab.sessions.open() is None or lab.session().scenario_id != SCENARIO:
        assert run(["start", SCENARIO, "--resume", *PLANE]) == ExitCode.PASSED
    assert lab.attach().scenario_id == SCENARIO
    assert lab.objects.get("ConfigMap", "mark", "default").ok
    assert (session.files / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("verb", ["check", "reset"])
@pytest.mark.parametrize("after", [0.2, 0.5, 0.9])
def test_after_a_command_that_was_interrupted_the_next_one_is_right(
    service: LabService, lab: Lab, verb: str, after: float
) -> None:
    lab.start(service.scenarios().get(SCENARIO))
    fix(service)
    ended = _ended(verb, sent=signal.SIGINT, after=after)
    assert ended in (ExitCode.PASSED, ExitCode.INTERRUPTED, -signal.SIGINT)  # the last: before it could say so itself
    if verb == "check":
        assert run(["check", *PLANE]) == ExitCode.PASSED
    assert run(["reset", *PLANE]) == ExitCode.PASSED
    assert run(["check", *PLANE]) == ExitCode.FAILED


@pytest.mark.parametrize("component", [ETCD, APISERVER])
@pytest.mark.parametrize("verb", ["check", "reset"])
def test_a_component_that_is_killed_under_a_command_costs_no_verdict(
    service: LabService, lab: Lab, component: str, verb: str
) -> None:
    lab.start(service.scenarios().get(SCENARIO))
    pid = lab.status().components[component]["pid"]
    killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
    killer.start()
    ended = _ended(verb)
    killer.join()
    assert ended in (ExitCode.PASSED, ExitCode.FAILED, ExitCode.UNKNOWN)
    assert ended != ExitCode.PASSED or verb == "reset"
    assert run(["check", *PLANE]) == ExitCode.FAILED
    fix(service)
    assert run(["check", *PLANE]) == ExitCode.PASSED


def _ended(*words: str, sent: signal.Signals | None = None, after: float = 0) -> int:
    """The exit code of a command that gets a signal after so many seconds, if it still runs by then."""
    command = [sys.executable, "-m", "ckslab_tui", *words, *PLANE]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if sent is not None:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(sent)
    return process.wait(120)


def test_a_manifest_that_is_not_in_force_is_told_with_the_verdict(
    service: LabService, lab: Lab, capsys: Capture
) -> None:
    lab.start(service.scenarios().get(SCENARIO))
    manifest = lab.plane.layout.manifests / "kube-apiserver.yaml"
    copy = manifest.with_name("kube-apiserver.yaml.bak")
    broken = manifest.with_name("other.yaml")
    try:
        copy.write_bytes(manifest.read_bytes() + b"# a copy\n")
        broken.write_text("kind: Pod\n  name: x\n")
        until_told = time.monotonic() + 20
        while len(service.remarks()) < 2:
            assert time.monotonic() < until_told
            time.sleep(0.1)
        capsys.readouterr()
        assert run(["check", *PLANE]) == ExitCode.FAILED
        told = capsys.readouterr().err
    finally:
        copy.unlink(missing_ok=True)
        broken.unlink(missing_ok=True)
    assert "kube-apiserver.yaml.bak is not in force: the pod of kube-apiserver.yaml runs" in told
    assert "other.yaml is not in force: " in told
