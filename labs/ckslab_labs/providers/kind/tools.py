"""Runs docker and kind. Whoever calls gets their output, or one error with the command to try by hand."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ckslab_labs.binaries.build import Progress, build
from ckslab_labs.binaries.catalog import KIND
from ckslab_labs.binaries.locate import version_of
from ckslab_labs.errors import Infrastructure

SECONDS = 60.0
"""For what takes a moment; making a cluster is given more."""


def run(words: Sequence[str], attempted: str, *, seconds: float = SECONDS, env: Mapping[str, str] | None = None) -> str:
    """Run a program and return its standard output as text; see ``run_bytes``."""
    return run_bytes(words, attempted, seconds=seconds, env=env).decode("utf-8", "replace")


def run_bytes(
    words: Sequence[str],
    attempted: str,
    *,
    seconds: float = SECONDS,
    env: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> bytes:
    """Run a program and return its standard output.

    Args:
        words: the command line.
        attempted: what it is for, as a clause, for the error.
        seconds: after which it is killed.
        env: its whole environment, when it is not ours.
        given: its standard input.

    Raises:
        Infrastructure: it is not there, failed, or took too long; with its last words.

    """
    command = shlex.join(words)
    try:
        done = subprocess.run(
            words,
            input=given,
            capture_output=True,
            timeout=seconds,
            env=None if env is None else dict(env),
        )
    except subprocess.TimeoutExpired:
        raise Infrastructure(attempted, f"no end after {seconds:g} s", f"Try it by hand: {command}") from None
    except OSError as error:
        raise Infrastructure(
            attempted, f"{words[0]}: {error.strerror}", "See `ckslab doctor --provider kind`."
        ) from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit status {done.returncode}"]
        raise Infrastructure(attempted, " | ".join(lines[-3:])[-600:], f"Try it by hand: {command}")
    return done.stdout


def docker(*words: str, attempted: str, seconds: float = SECONDS) -> str:
    """Run docker; as ``run``."""
    return run(["docker", *words], attempted, seconds=seconds)


def docker_bytes(*words: str, attempted: str, given: bytes = b"") -> bytes:
    """Run docker; as ``run_bytes``."""
    return run_bytes(["docker", *words], attempted, given=given)


def find_kind(progress: Progress) -> Path:
    """The kind on PATH where it is of the version that our node images are for, else one of our own, built once.

    Raises:
        Infrastructure: it could not be built.

    """
    (binary,) = KIND.binaries
    found = shutil.which("kind")
    if found and version_of(Path(found), binary) == KIND.version:
        return Path(found)
    return build(KIND, [binary.name], progress)[binary.name]
