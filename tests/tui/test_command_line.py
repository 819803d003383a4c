"""The command line as a whole: streams, exit codes, errors, and what is imported for what."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tui.fakes import ENTRY, OTHER, FakeService, report, result

from ckslab_checker.author import new
from ckslab_checker.outcome import Outcome, Report
from ckslab_labs import __version__
from ckslab_labs.errors import Busy, ExitCode, Infrastructure, InvalidInput, LabError
from ckslab_tui.cli.root import VERBS
from ckslab_tui.cli.run import run
from ckslab_tui.service import LabService
from ckslab_tui.views import Broken, Catalogue
from ckslab_tui.watching import GONE, Watcher

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


@pytest.fixture
def service(tmp_path: Path, monkeypatch: Patch) -> FakeService:
    """Stands in for the core: what the verbs call is answered by it."""
    fake = FakeService(tmp_path)
    for name in ("catalogue", "current", "check", "hint"):
        monkeypatch.setattr(LabService, name, lambda self, *args, name=name, **more: getattr(fake, name)(*args, **more))
    monkeypatch.setattr(LabService, "start", lambda self, id, tell, resume=False: fake.start(id, tell))
    monkeypatch.setattr(LabService, "reset", lambda self, tell: fake.reset())
    return fake


def passed() -> Report:
    return report(result(0, Outcome.PASSED), result(1, Outcome.PASSED))


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvalidInput, ExitCode.USAGE), (Infrastructure, ExitCode.UNKNOWN), (Busy, ExitCode.UNKNOWN)],
)
def test_an_error_says_what_was_attempted_seen_and_to_do_and_nothing_on_stdout(
    error: type[LabError], code: ExitCode, service: FakeService, capsys: Capture
) -> None:
    service.answer = error("ask the cluster", "it said \x1b[31mno", "Try again.")

    assert run(["check"]) == code
    assert capsys.readouterr() == ("", "ckslab: cannot ask the cluster: it said \ufffd[31mno\nTry again.\n")


def test_a_defect_of_ours_is_no_traceback_but_a_request_to_report_it(service: FakeService, capsys: Capture) -> None:
    service.answer = ZeroDivisionError("oh")

    assert run(["check"]) == ExitCode.UNKNOWN
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "ckslab: cannot go on: an error of ckslab's own (ZeroDivisionError: oh)",
        "Please report it, with what CKSLAB_DEBUG=1 prints for the same command.",
    ]


def test_with_ckslab_debug_a_defect_shows_where_it_is(service: FakeService, monkeypatch: Patch) -> None:
    monkeypatch.setenv("CKSLAB_DEBUG", "1")
    service.answer = ZeroDivisionError("oh")

    with pytest.raises(ZeroDivisionError):
        run(["check"])


def test_a_full_disk_is_told_as_one(service: FakeService, capsys: Capture) -> None:
    service.answer = OSError(28, "No space left on device")

    assert run(["check"]) == ExitCode.UNKNOWN
    assert capsys.readouterr().err.startswith("ckslab: cannot go on: [Errno 28] No space left on device\n")


def test_ctrl_c_is_130(service: FakeService, monkeypatch: Patch, capsys: Capture) -> None:
    def interrupted(self: LabService) -> Report:
        raise KeyboardInterrupt

    monkeypatch.setattr(LabService, "check", interrupted)

    assert run(["check"]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err.strip() == "ckslab: interrupted"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek"], "ckslab: no such command 'chek': did you mean 'check'?\nSee 'ckslab --help'.\n"),
        (["author", "tst"], "ckslab: no such command 'tst': did you mean 'test'?\nSee 'ckslab author --help'.\n"),
        (
            ["author", "xyz"],
            "ckslab: no such command 'xyz': there are new, lint, test, try.\nSee 'ckslab author --help'.\n",
        ),
        (
            ["bundle", "save", "b", "--image", "node:1"],
            "ckslab: --image is for --images\nSee 'ckslab bundle save --help'.\n",
        ),
        (
            ["list", "--outpu"],
            "ckslab: No such option '--outpu'. Did you mean '--output'?\nSee 'ckslab list --help'.\n",
        ),
        (["start"], "ckslab: Missing argument 'ID'.\nSee 'ckslab start --help'.\n"),
        (
            ["--plane", "x", "list"],
            "ckslab: options stand after the command: ckslab list --plane NAME\nSee 'ckslab --help'.\n",
        ),
        (
            ["author", "test"],
            "ckslab: give either the id of a scenario or --all\nSee 'ckslab author test --help'.\n",
        ),
        (
            ["check", "--output", "xml"],
            "ckslab: Invalid value for '--output' / '-o': 'xml' is not one of 'text', 'json', 'junit'.\n"
            "See 'ckslab check --help'.\n",
        ),
    ],
)
def test_wrong_use_is_2_with_the_nearest_right_one(arguments: list[str], said: str, capsys: Capture) -> None:
    assert run(arguments) == ExitCode.USAGE
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start", "debug-rbac-update-kep"], 'Did you mean "debug-rbac-update-kept"?'),
        (["check", "--plane", "Not A Name"], "cannot use the plane 'Not A Name'"),
        (["list", "--pack", "/nowhere"], "cannot use the pack /nowhere: there is no such folder"),
        (["check"], "no scenario is open on plane default\nRun `ckslab list`, then `ckslab start ID`."),
        (["task"], "no scenario is open on plane default"),
        (["hint"], "no scenario is open on plane default"),
        (["reset"], "no scenario is open on plane default"),
        (["shell"], "no scenario is open on plane default"),
        (["solution"], "no scenario is open on plane default"),
        (["solution", "debug-rbac-update-kept"], "its checks do not pass yet\nGo on, or add --yes to see it now."),
        (
            ["start", "debug-rbac-update-kept", "--image", "node:1"],
            "cannot use the node image node:1 on the embedded provider: its nodes are simulated\n"
            "Add --provider kind, or leave out the option.\n",
        ),
        (
            ["start", "debug-rbac-update-kept", "--provider", "embedded", "--image", "node:1", "--keep"],
            "cannot use the node image node:1 and --keep on the embedded provider: its nodes are simulated\n",
        ),
        (["bundle", "load", "/nowhere"], "cannot load the bundle /nowhere: No such file or directory\n"),
        (["bundle", "save", "."], "cannot save a bundle as .: it is a folder\n"),
        (["author", "new", "Bad Id", "--pack", "."], "an id is made of lower-case letters, digits and hyphens"),
        (["author", "lint", "debug-rbac-update-kep"], 'Did you mean "debug-rbac-update-kept"?'),
    ],
)
def test_invalid_input_is_2_with_a_remedy(arguments: list[str], said: str, capsys: Capture) -> None:
    assert run(arguments) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m ckslab_tui completion zsh | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    assert done.stderr == ""
    assert done.stdout.strip() == "0"


def test_without_a_terminal_the_app_says_what_to_use_instead() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ckslab_tui"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )

    assert done.returncode == ExitCode.USAGE
    assert done.stderr == (
        "ckslab: cannot open the app: input or output is not a terminal\n"
        "Use the commands instead: see 'ckslab --help'.\n"
    )


# --- imports --------------------------------------------------------------------------------------------------------


def imported_by(*arguments: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after one command."""
    program = (
        "import json, sys\n"
        "from ckslab_tui.cli.run import run\n"
        f"run({list(arguments)!r})\n"
        "sys.stderr.write('MODULES ' + json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.rpartition("MODULES ")[2]))


@pytest.mark.parametrize("arguments", [("check",), ("list",), ("task",), ("start", "no-such")])
def test_no_verb_imports_textual(arguments: tuple[str, ...]) -> None:
    assert not {"textual", "rich"} & imported_by(*arguments)


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("check", "--help"), ("serve", "--help"), ("completion", "bash")]
)
def test_talk_about_itself_imports_no_core(arguments: tuple[str, ...]) -> None:
    heavy = {"textual", "aiohttp", "pydantic", "kubernetes", "urllib3", "yaml", "cryptography", "ckslab_labs.lab"}

    assert not heavy & imported_by(*arguments)


def test_list_imports_no_client_of_kubernetes() -> None:
    assert not {"kubernetes", "urllib3", "cryptography"} & imported_by("list")


# --- verbs ----------------------------------------------------------------------------------------------------------


def test_the_version_is_printed(capsys: Capture) -> None:
    assert run(["--version"]) == ExitCode.PASSED
    assert capsys.readouterr() == (f"ckslab {__version__}\n", "")


@pytest.mark.parametrize(
    "verb", [*VERBS, "author new", "author lint", "author test", "author try", "bundle save", "bundle load"]
)
def test_every_verb_has_help(verb: str, capsys: Capture) -> None:
    assert run([*verb.split(), "--help"]) == ExitCode.PASSED
    assert capsys.readouterr().out.startswith(f"Usage: ckslab {verb} ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str, capsys: Capture) -> None:
    assert run(["completion", shell]) == ExitCode.PASSED
    assert "_CKSLAB_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["start", "solution", "progress"])
def test_scenario_ids_are_completed(verb: str) -> None:
    environment = {"_CKSLAB_COMPLETE": "bash_complete", "COMP_WORDS": f"ckslab {verb} debug-rbac-up", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", "from ckslab_tui.__main__ import main; main()"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.stdout == "plain,debug-rbac-update-kept\n"


def test_list_shows_scenarios_by_domain_and_which_was_begun(service: FakeService, capsys: Capture) -> None:
    service.listed = Catalogue((ENTRY, OTHER), open=OTHER.id, aside=frozenset({ENTRY.id}))

    assert run(["list"]) == ExitCode.PASSED
    assert capsys.readouterr().out == (
        "Cluster Hardening\n"
        "~ open-door  exam      7 min  api                     Anybody can open the door\n"
        "\n"
        "System Hardening\n"
        "> old-key    hard     12 min  api, nodes              An old key still works\n"
        "\n"
        "> is open · ~ is put aside: `ckslab start ID --resume` goes on with it\n"
    )


def test_list_as_json_holds_every_fact(service: FakeService, capsys: Capture) -> None:
    assert run(["list", "--output", "json"]) == ExitCode.PASSED
    document = json.loads(capsys.readouterr().out)

    assert (document["open"], document["aside"]) == (None, [])
    assert document["scenarios"][0] == {
        "id": "open-door",
        "title": "Anybody can open the door",
        "domain": "cluster-hardening",
        "competencies": ["rbac"],
        "difficulty": "exam",
        "minutes": 7,
        "points": 3,
        "requires": ["api"],
        "version": 1,
    }


def test_list_reports_broken_scenarios_beside_the_others(service: FakeService, capsys: Capture) -> None:
    service.listed = Catalogue((ENTRY,), (Broken("packs/bad", ("scenario.yaml: is missing", "task.md: is missing")),))

    assert run(["list"]) == ExitCode.PASSED
    out, err = capsys.readouterr()
    assert "open-door" in out
    assert err == "packs/bad does not load:\n  scenario.yaml: is missing\n  task.md: is missing\n"


def test_list_without_any_scenario_is_2(service: FakeService, capsys: Capture) -> None:
    service.listed = Catalogue((), (Broken("packs/bad", ("scenario.yaml: is missing",)),))

    assert run(["list"]) == ExitCode.USAGE
    assert "cannot list scenarios: none of 1 loads" in capsys.readouterr().err


def test_start_tells_progress_on_stderr_and_the_task_on_stdout(service: FakeService, capsys: Capture) -> None:
    assert run(["start", "open-door"]) == ExitCode.PASSED
    out, err = capsys.readouterr()

    assert out.startswith("Anybody can open the door\nopen-door · exam · 7 min · 3 points\n\n# Shut the door\n")
    assert f"export KUBECONFIG={service.folder}\n" in out
    assert [line.partition("s  ")[2] for line in err.splitlines()[:3]] == [
        "one thing",
        "another thing",
        "open-door is ready",
    ]
    assert "Next: ckslab shell --plane fake · ckslab check --plane fake" in err


def test_start_and_task_as_json_say_where_everything_is(service: FakeService, capsys: Capture) -> None:
    for arguments in (["start", "open-door", "-o", "json"], ["task", "-o", "json"]):
        assert run(arguments) == ExitCode.PASSED
        document = json.loads(capsys.readouterr().out)
        assert document["id"] == "open-door"
        assert document["kubeconfig"] == document["files"] == str(service.folder)
        assert [check["id"] for check in document["checks"]] == ["nobody-enters", "owner-enters"]


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (Outcome.PASSED, ExitCode.PASSED),
        (Outcome.FAILED, ExitCode.FAILED),
        (Outcome.ERROR, ExitCode.UNKNOWN),
        (Outcome.SKIPPED, ExitCode.UNKNOWN),
    ],
)
@pytest.mark.parametrize("output", ["text", "json", "junit"])
def test_the_exit_code_of_a_check_is_its_outcome(
    first: Outcome, code: ExitCode, output: str, service: FakeService, capsys: Capture
) -> None:
    service.answer = report(result(0, first), result(1, Outcome.PASSED))

    assert run(["check", "--output", output]) == code
    assert capsys.readouterr().out


def test_check_as_json_is_the_report(service: FakeService, capsys: Capture) -> None:
    service.answer = passed()
    run(["check", "--output", "json"])

    assert json.loads(capsys.readouterr().out) == service.answer.as_dict()


@pytest.mark.parametrize(("option", "colored"), [([], False), (["--color"], True), (["--no-color"], False)])
def test_colour_is_for_terminals_or_for_who_asks(
    option: list[str], colored: bool, service: FakeService, capsys: Capture
) -> None:
    run(["check", *option])

    assert ("\x1b[" in capsys.readouterr().out) is colored


def test_watch_reports_each_new_outcome_and_ends_with_the_pass(
    service: FakeService, monkeypatch: Patch, capsys: Capture
) -> None:
    failed = report(result(0, Outcome.FAILED), result(1, Outcome.PASSED))
    answers = [failed, failed, passed()]
    monkeypatch.setattr(LabService, "check", lambda self, asked: answers.pop(0))
    changes = iter(range(100))
    monkeypatch.setattr(Watcher, "look", lambda self: next(changes))

    assert run(["check", "--watch"]) == ExitCode.PASSED
    assert not answers
    assert capsys.readouterr().out.count("Strangers cannot enter") == 2


def test_watch_goes_on_when_the_api_server_does_not_answer_for_a_while(
    service: FakeService, monkeypatch: Patch, capsys: Capture
) -> None:
    down = Infrastructure("start kube-apiserver of plane default", "unknown flag --x", "Mend it.")
    answers: list[Report | Infrastructure] = [
        report(result(0, Outcome.FAILED), result(1, Outcome.PASSED)),
        down,
        passed(),
    ]

    def check(_: LabService, asked: bool) -> Report:
        answer = answers.pop(0)
        if isinstance(answer, Infrastructure):
            raise answer
        return answer

    monkeypatch.setattr(LabService, "check", check)
    changes = iter(["one", GONE, GONE, GONE, "two", "three"])
    monkeypatch.setattr(Watcher, "look", lambda self: next(changes))
    monkeypatch.setattr("ckslab_tui.watching.PAUSE", 0)

    assert run(["check", "--watch"]) == ExitCode.PASSED
    assert "unknown flag --x" in capsys.readouterr().err
    answers[:] = [down]
    changes = iter(["one"])
    assert run(["check", "--watch"]) == ExitCode.UNKNOWN


def test_a_hint_is_text_on_stdout_and_its_number_on_stderr(service: FakeService, capsys: Capture) -> None:
    assert run(["hint"]) == ExitCode.PASSED
    assert capsys.readouterr() == ("## Look\n\nat the `door`\n", "Hint 1 of 2\n")


def test_the_solution_is_shown_with_yes_before_a_pass(capsys: Capture) -> None:
    assert run(["solution", "debug-rbac-update-kept", "--yes"]) == ExitCode.PASSED
    out = capsys.readouterr().out

    assert out.startswith("# solution/")
    assert "kind: Role" in out
    assert "# Two requests lead to a debug container" in out


def test_stopping_a_plane_that_does_not_run_says_so(capsys: Capture) -> None:
    assert run(["stop", "--plane", "nobody"]) == ExitCode.PASSED
    assert capsys.readouterr().out == "plane nobody was not running\n"


def test_a_new_scenario_can_be_linted_at_once(tmp_path: Path, capsys: Capture) -> None:
    assert run(["author", "new", "mine", "--pack", str(tmp_path / "pack")]) == ExitCode.PASSED
    assert capsys.readouterr().out == f"{tmp_path}/pack/mine\n"
    assert run(["author", "lint", "pack/mine", "--pack", str(tmp_path / "pack")]) == ExitCode.FAILED
    assert "TODO" in capsys.readouterr().out


def test_lint_finds_what_does_not_load(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "pack" / "empty").mkdir(parents=True)

    assert run(["author", "lint", "pack/empty", "--pack", str(tmp_path / "pack"), "-o", "json"]) == ExitCode.FAILED
    findings = json.loads(capsys.readouterr().out)["scenarios"][0]["findings"]
    assert {"rule": "format", "file": "scenario.yaml", "message": "is missing"} in findings


def test_list_needs_no_home_to_write_to(tmp_path: Path, monkeypatch: Patch, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    assert run(["list"]) == ExitCode.PASSED
    assert run(["start", "debug-rbac-update-kept"]) == ExitCode.USAGE
    assert f"cannot use the folder {tmp_path}/file/ckslab: Not a directory\n" in capsys.readouterr().err


def test_a_scenario_that_needs_what_the_plane_lacks_is_refused_before_anything_starts(
    tmp_path: Path, capsys: Capture
) -> None:
    scenario = new(tmp_path / "pack", "real-pods") / "scenario.yaml"
    scenario.write_text(scenario.read_text().replace("requires: [api", "requires: [kubelet, api"))

    pack = ["--pack", str(tmp_path / "pack")]
    assert run(["start", "pack/real-pods", "--provider", "embedded", *pack]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "cannot run pack/real-pods on the embedded provider: it requires kubelet" in err


def test_a_broken_scenario_is_refused_with_all_that_is_wrong_with_it(tmp_path: Path, capsys: Capture) -> None:
    folder = new(tmp_path / "pack", "broken")
    (folder / "why.md").unlink()
    (folder / "scenario.yaml").write_text((folder / "scenario.yaml").read_text().replace("difficulty:", "dificulty:"))

    assert run(["start", "pack/broken", "--pack", str(tmp_path / "pack")]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "why.md: is missing" in err
    assert 'did you mean "difficulty"?' in err


def test_doctor_says_what_is_there(capsys: Capture) -> None:
    run(["doctor", "--output", "json"])
    document = json.loads(capsys.readouterr().out)

    assert {"platform", "go", "space", "etcd", "kube-apiserver", "state"} <= {
        each["name"] for each in document["findings"]
    }
    assert document["ok"] == all(each["ok"] for each in document["findings"])
