"""The shell beside a task: its own cluster, kubectl and cache; the user's own files stay as they are."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from ckslab_labs.errors import InvalidInput
from ckslab_tui.shell import Shell, prepare


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    """A kubectl that says how it was called, and completes one word."""
    path = tmp_path / "tools" / "kubectl"
    path.parent.mkdir()
    path.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = completion ]; then echo "__start_kubectl() { COMPREPLY=(get); }"; exit; fi\n'
        'echo "${0##*/} $* $KUBECONFIG $KUBECACHEDIR"\n'
    )
    path.chmod(0o755)
    return path


def shell(tmp_path: Path, kubectl: Path, command: str | None = None) -> Shell:
    session = tmp_path / "session"
    session.mkdir(exist_ok=True)
    return prepare(
        session,
        kubeconfig=tmp_path / "a config.yaml",
        kubectl=kubectl,
        files=session / "files",
        prompt="open-door",
        command=command,
    )


def output(shell: Shell, text: str = "") -> str:
    done = subprocess.run(
        shell.argv, env=dict(shell.environment), input=text, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("name", ["kubectl", "k"])
def test_one_command_finds_kubectl_by_both_names_with_config_and_cache_of_the_session(
    name: str, tmp_path: Path, kubectl: Path
) -> None:
    said = output(shell(tmp_path, kubectl, f"{name} get pods"))

    assert said == f"{name} get pods {tmp_path}/a config.yaml {tmp_path}/session/kube-cache\n"


def test_an_interactive_bash_has_them_too_whatever_the_users_own_file_sets(tmp_path: Path, kubectl: Path) -> None:
    home = Path(os.environ["HOME"])
    (home / ".bashrc").write_text(
        "export KUBECONFIG=/mine PATH=/usr/bin:/bin; PS1='mine$ '; alias mine='echo my alias'\n"
    )
    said = output(shell(tmp_path, kubectl), 'k get\nmine\necho "prompt $PS1"\necho "$CKSLAB_FILES"\n')

    assert said.splitlines() == [
        f"k get {tmp_path}/a config.yaml {tmp_path}/session/kube-cache",
        "my alias",
        "prompt (open-door) mine$ ",
        f"{tmp_path}/session/files",
    ]


def test_k_is_completed_like_kubectl(tmp_path: Path, kubectl: Path) -> None:
    assert output(shell(tmp_path, kubectl), "complete -p k\n") == "complete -o default -F __start_kubectl k\n"


def test_nothing_is_written_into_the_home(tmp_path: Path, kubectl: Path) -> None:
    output(shell(tmp_path, kubectl), "k get\n")
    home = Path(os.environ["HOME"])

    assert not [path for path in home.rglob("*") if path.is_file() and "state" not in path.parts]


def test_a_second_shell_follows_a_plane_that_was_made_anew(tmp_path: Path, kubectl: Path) -> None:
    shell(tmp_path, kubectl)
    newer = kubectl.rename(kubectl.with_name("kubectl-newer"))

    assert output(shell(tmp_path, newer, "k version")).startswith("k version")


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("exit 7", 7), ("kill -TERM $$", 128 + signal.SIGTERM)])
def test_the_exit_code_is_the_commands(command: str, code: int, tmp_path: Path, kubectl: Path) -> None:
    assert shell(tmp_path, kubectl, command).run() == code


def test_ctrl_c_is_the_shells_and_not_ours(tmp_path: Path, kubectl: Path) -> None:
    interrupting = f"kill -INT {os.getpid()}; sleep 0.1; exit 3"

    assert shell(tmp_path, kubectl, interrupting).run() == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_shell_that_does_not_exist_is_named(tmp_path: Path, kubectl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/no/such/shell")

    with pytest.raises(InvalidInput, match="there is no program /no/such/shell"):
        shell(tmp_path, kubectl)
