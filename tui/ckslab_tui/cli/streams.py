"""Results on stdout, talk on stderr. Every verb writes through here."""

import json
import os
import sys
import time

import click


def result(text: str) -> None:
    """Print a result; whether it is coloured was decided by who made it.

    A reader that left (``ckslab check | head -1``) is no fault, and changes no exit code.
    """
    try:
        click.echo(text.rstrip("\n"), color=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def result_json(value: object) -> None:
    """Print a result as JSON, one document."""
    result(json.dumps(value, indent=2, ensure_ascii=False))


def talk(text: str = "") -> None:
    """Say something to the person, which is no result."""
    click.echo(text, err=True)


class Progress:
    """Tells on stderr what is being done, with the seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._start

    def __call__(self, message: str) -> None:
        """Say what is done now, or has just been done."""
        talk(f"{self.seconds:7.2f} s  {message}")
