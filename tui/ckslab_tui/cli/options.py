"""The options that verbs have in common, and the value that they make.

Options stand after the verb (``ckslab check --plane exam``). Nothing is looked up here: a plane or a pack that does not
exist is reported by the core, which knows what there is.
"""

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

Function = Callable[..., Any]

KUBERNETES = ("1.36", "1.35")
PROVIDERS = ("embedded", "kind", "existing")


@dataclass(frozen=True)
class Settings:
    """What the common options say."""

    plane: str = "default"
    packs: tuple[Path, ...] = ()
    kubernetes: str | None = None
    """For a plane that is made; ``None`` is the default, or what the plane runs."""
    provider: str | None = None
    """For a cluster that is made; ``None`` is what is there, or the first that can do what is asked for."""
    image: str | None = None
    """For a kind cluster that is made; ``None`` is the node image of the version."""
    keep: bool = False
    """Leave what is there of a kind cluster that cannot be made."""


def words_of(settings: Settings) -> tuple[str, ...]:
    """The words of a command line that say the same, for a process of ours that is told so."""
    said = [("--plane", settings.plane), *(("--pack", str(pack.absolute())) for pack in settings.packs)]
    said += [("--kubernetes", settings.kubernetes)] if settings.kubernetes else []
    said += [("--provider", settings.provider)] if settings.provider else []
    return tuple(word for option in said for word in option)


def settings_on(plane: str) -> Callable[[Function], Function]:
    """Give a command ``--plane``, ``--pack``, ``--kubernetes`` and ``--provider``, as its argument ``settings``.

    Args:
        plane: the plane when none is named.

    """

    def decorate(function: Function) -> Function:
        @click.option(
            "--plane", default=plane, show_default=True, envvar="CKSLAB_PLANE_NAME", help="The control plane to use."
        )
        @click.option(
            "--pack",
            "packs",
            multiple=True,
            type=click.Path(path_type=Path),
            help="A folder of scenarios of your own; may be repeated (also CKSLAB_PACKS).",
        )
        @click.option(
            "--kubernetes",
            type=click.Choice(KUBERNETES),
            help=f"The Kubernetes version of a new plane [default: {KUBERNETES[0]}].",
        )
        @click.option(
            "--provider",
            type=click.Choice(("auto", *PROVIDERS)),
            default="auto",
            envvar="CKSLAB_PROVIDER",
            help="Who makes a new cluster [default: embedded, where that is enough].",
        )
        @functools.wraps(function)
        def command(
            *args: Any, plane: str, packs: tuple[Path, ...], kubernetes: str | None, provider: str, **kwargs: Any
        ) -> Any:
            chosen = None if provider == "auto" else provider
            return function(*args, settings=Settings(plane, packs, kubernetes, chosen), **kwargs)

        return command

    return decorate


with_settings = settings_on("default")


def with_output(*formats: str) -> Callable[[Function], Function]:
    """Give a command ``--output``, as its argument ``output``; text is the default."""
    return click.option(
        "--output",
        "-o",
        type=click.Choice(("text", *formats)),
        default="text",
        show_default=True,
        help="The format of the result on stdout.",
    )


def with_color(function: Function) -> Function:
    """Give a command ``--color/--no-color``, as its argument ``color``, decided."""

    @click.option(
        "--color/--no-color", default=None, help="Colour the result [default: on a terminal, unless NO_COLOR]."
    )
    @functools.wraps(function)
    def command(*args: Any, color: bool | None, **kwargs: Any) -> Any:
        return function(*args, color=wants_color(sys.stdout) if color is None else color, **kwargs)

    return command


def wants_color(stream: TextIO) -> bool:
    """Whether to colour without being told: https://no-color.org, and only on a terminal that can."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
