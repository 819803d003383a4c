"""A shell beside the task: kubectl of the cluster's version, ``k``, completion, and a kubeconfig and cache of its own.

Everything it needs is written into the session's folder and goes with it. The user's kubeconfig, kubectl cache and
start-up files are read by the shell as always, and never written by us.
"""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ckslab_labs.errors import InvalidInput
from ckslab_labs.files import write_atomic
from ckslab_labs.paths import private_dir

BASHRC = r"""# Written by ckslab for this session; changes are lost.
[ -r ~/.bashrc ] && . ~/.bashrc
export PATH={bin}:"$PATH" KUBECONFIG={kubeconfig} KUBECACHEDIR={cache}
HISTFILE={history}
for file in /usr/share/bash-completion/bash_completion /etc/bash_completion; do
  if ! declare -F _get_comp_words_by_ref >/dev/null && [ -r "$file" ]; then . "$file"; fi
done
declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {{
  cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" words=("${{COMP_WORDS[@]}}") cword=$COMP_CWORD
}}
. <(kubectl completion bash 2>/dev/null)
declare -F __start_kubectl >/dev/null && complete -o default -F __start_kubectl k
PS1="({prompt}) ${{PS1:-\$ }}"
"""


@dataclass(frozen=True)
class Shell:
    """A shell, or one command in it, ready to be run."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def note(self) -> str:
        """What a person should know who is in it."""
        return f"kubectl and k work on this cluster. Files to edit: {self.environment['CKSLAB_FILES']}"

    def run(self) -> int:
        """Run it on this terminal until it ends.

        Ctrl-C belongs to what runs inside, so it is ignored here meanwhile.

        Returns:
            its exit code; 128 + the signal's number where a signal ended it, as shells report it.

        """
        process = subprocess.Popen(self.argv, env=dict(self.environment))
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # after the start: the child must not inherit it
        try:
            code = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
        return code if code >= 0 else 128 - code


def prepare(
    folder: Path, *, kubeconfig: Path, kubectl: Path, files: Path, prompt: str, command: str | None = None
) -> Shell:
    """Write down what the shell needs.

    Args:
        folder: the session's; everything is written there.
        kubeconfig: the learner's.
        kubectl: of the cluster's version; first on PATH, also as ``k``.
        files: the learner's files, told to the shell as ``CKSLAB_FILES``.
        prompt: put before the user's own prompt.
        command: run this one command instead of an interactive shell.

    Raises:
        InvalidInput: ``$SHELL`` is no program, or the folder cannot be written.

    """
    tools, cache = private_dir(folder / "bin"), private_dir(folder / "kube-cache")
    for name in ("kubectl", "k"):
        _link(tools / name, kubectl)
    places = {
        "bin": _quoted(tools),
        "kubeconfig": _quoted(kubeconfig),
        "cache": _quoted(cache),
        "history": _quoted(folder / "history"),
    }
    write_atomic(folder / "bashrc", BASHRC.format(prompt=prompt, **places).encode())
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "KUBECACHEDIR": str(cache),
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "CKSLAB_FILES": str(files),
    }
    return Shell(_argv(folder / "bashrc", command), environment)


def _argv(bashrc: Path, command: str | None) -> tuple[str, ...]:
    wanted = os.environ.get("SHELL") or "bash"
    program = shutil.which(wanted)
    if program is None:
        raise InvalidInput("open a shell", f"there is no program {wanted}", "Set SHELL to your shell, e.g. /bin/bash.")
    if command is not None:
        return (program, "-c", command)
    return (program, "--rcfile", str(bashrc), "-i") if Path(program).name == "bash" else (program, "-i")


def _link(path: Path, target: Path) -> None:
    if not path.is_symlink() or path.readlink() != target:
        path.unlink(missing_ok=True)
        path.symlink_to(target)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
