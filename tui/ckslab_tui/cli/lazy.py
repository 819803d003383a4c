"""A group of verbs that imports a verb's module when the verb is used, so that no command pays for another.

Each verb is one module beside this one, named like the verb (with ``_`` for ``-``), which holds its Click command as
``command``.
"""

import importlib
from collections.abc import Sequence
from typing import Any

import click


class LazyGroup(click.Group):
    """A Click group over modules of this package.

    Args:
        verbs: names in the order of the help.
        prefix: of the modules' names (``author_`` for ``ckslab author ...``).

    """

    def __init__(self, *args: Any, verbs: Sequence[str] = (), prefix: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._verbs = tuple(verbs)
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order in which one meets them."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, imported now."""
        if cmd_name not in self._verbs:
            return None
        module = f"{self._prefix}{cmd_name}".replace("-", "_")
        command: click.Command = importlib.import_module(f"ckslab_tui.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; an unknown one is answered with the nearest there is."""
        name = args[0]
        if name in self._verbs or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        import difflib

        near = difflib.get_close_matches(name, self._verbs, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(self._verbs)}."
        raise click.UsageError(f"no such command '{name}': {hint}", ctx)
