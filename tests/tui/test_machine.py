"""What this machine can run, and the process that makes it ready."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.fakes import ENTRY, OTHER

from ckslab_labs.binaries.doctor import Finding
from ckslab_labs.errors import Infrastructure
from ckslab_labs.providers.embedded.provider import Embedded
from ckslab_tui.cli.options import Settings
from ckslab_tui.machine import ThisMachine, run, unfit

OK = Finding("go", True, "go1.26")
NO_DOCKER = Finding("docker", False, "no engine answers", "Install Docker.")
NO_GO = Finding("go", False, "there is no Go", "Install Go.")
OFFERS = {"embedded": frozenset({"api", "nodes"}), "kind": frozenset({"api", "nodes", "kubelet"})}
REAL = replace(ENTRY, id="real", requires=("api", "kubelet"))
MOON = replace(ENTRY, id="moon", requires=("api", "moon"))


def test_what_some_provider_can_run_here_is_fit() -> None:
    assert unfit([ENTRY, OTHER, REAL], OFFERS, {"embedded": [OK], "kind": [OK]}) == {}
    assert unfit([ENTRY, OTHER], OFFERS, {"embedded": [OK], "kind": [NO_DOCKER]}) == {}
    assert unfit([ENTRY, OTHER], OFFERS, {"embedded": [NO_GO], "kind": [OK]}) == {}


def test_what_only_a_provider_can_run_that_lacks_something_is_told_with_the_remedy() -> None:
    assert unfit([ENTRY, REAL], OFFERS, {"embedded": [OK], "kind": [OK, NO_DOCKER]}) == {
        "real": "it needs kubelet of the kind provider. docker: no engine answers → Install Docker."
    }
    assert unfit([ENTRY], OFFERS, {"embedded": [NO_GO], "kind": [NO_DOCKER]}) == {
        "open-door": "it needs a cluster of the embedded provider. go: there is no Go → Install Go."
    }


def test_what_no_provider_offers_is_told_as_that() -> None:
    facts = {"embedded": [OK], "kind": [OK]}
    assert unfit([MOON], OFFERS, facts) == {"moon": "it needs moon, which embedded or kind does not have"}
    assert unfit([REAL], {"embedded": OFFERS["embedded"]}, facts) == {
        "real": "it needs kubelet, which embedded does not have"
    }


def test_a_look_at_this_machine_says_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen = ThisMachine(Settings(provider="embedded")).look([replace(ENTRY, requires=tuple(Embedded.offers)), REAL])

    assert seen.to_build == ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")
    assert seen.minutes > 5
    assert {"platform", "go", "space", "state"} <= {fact.name for fact in seen.facts["embedded"]}
    assert "docker" in {fact.name for fact in seen.facts["kind"]}
    assert seen.unfit["real"] == "it needs kubelet, which embedded does not have"


# --- the process -----------------------------------------------------------------------------------------------------


class Enough(Exception):
    """Somebody gives up."""


def python(program: str) -> list[str]:
    return [sys.executable, "-u", "-c", program]


def test_what_a_set_up_says_is_told_line_by_line() -> None:
    told: list[str] = []
    run(python("import sys; sys.stderr.write('one\\ntwo\\n\\nthree'); print('a result')"), told.append)

    assert [line for line in told if line] == ["one", "two", "three"]


def test_a_set_up_that_says_nothing_gives_a_sign_all_the_same() -> None:
    told: list[str] = []
    run(python("import time; time.sleep(1)"), told.append)

    assert told
    assert set(told) == {""}


def test_a_set_up_that_fails_is_an_error_with_its_last_words() -> None:
    program = "import sys; sys.exit('   0.10 s  building\\nckslab: cannot build: the disk is full\\nFree some space.')"
    with pytest.raises(Infrastructure) as caught:
        run(python(program), lambda line: None)

    assert caught.value.seen == "ckslab: cannot build: the disk is full\nFree some space."


def test_a_set_up_that_is_killed_is_an_error_too() -> None:
    with pytest.raises(Infrastructure) as caught:
        run(python("import os; os.kill(os.getpid(), 9)"), lambda line: None)

    assert caught.value.seen == "exit code -9"


@pytest.mark.parametrize("deaf", [False, True])
def test_giving_up_interrupts_the_set_up_and_waits_for_its_end(
    tmp_path: Path, deaf: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckslab_tui.machine.GRACE", 1.0)
    mark = tmp_path / "mark"
    program = (
        f"import os, pathlib, signal, sys, time\nmark = pathlib.Path({str(mark)!r})\n"
        + ("signal.signal(signal.SIGINT, signal.SIG_IGN)\n" if deaf else "")
        + "sys.stderr.write(f'{os.getpid()}\\n')\ntry:\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    mark.write_text('unwound')\n    raise\n"
    )
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if not line:
            raise Enough

    began = time.monotonic()
    with pytest.raises(Enough):
        run(python(program), tell)

    assert time.monotonic() - began < 30
    assert mark.exists() is not deaf
    with pytest.raises(ProcessLookupError):
        os.kill(int(told[0]), 0)


TALKER = """\
import os, sys, time
while True:
    sys.stderr.write(f"{os.getpid()}\\n")
    time.sleep(0.1)
"""


def test_a_set_up_ends_with_who_waits_for_it() -> None:
    program = (
        "import sys; from ckslab_tui.machine import run\n"
        f"run([sys.executable, '-u', '-c', {TALKER!r}], lambda line: print(line, flush=True))"
    )
    with subprocess.Popen(python(program), stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        pid = next(line.strip() for line in waiting.stdout if line.strip())
        waiting.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
