"""The ``ckslab`` command and its verbs; without a verb it opens the app.

Textual is imported only where the app is opened: ``ckslab --version`` and the verbs must stay quick.
"""

import click
from click.core import ParameterSource

from ckslab_labs import __version__
from ckslab_tui.cli.lazy import LazyGroup
from ckslab_tui.cli.options import Settings, with_settings

VERBS = (
    "list",
    "start",
    "task",
    "check",
    "hint",
    "solution",
    "checkpoint",
    "reset",
    "shell",
    "stop",
    "exam",
    "progress",
    "serve",
    "demo",
    "doctor",
    "setup",
    "bundle",
    "author",
    "completion",
)


@click.group(
    cls=LazyGroup,
    verbs=VERBS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@with_settings
@click.pass_context
def ckslab(ctx: click.Context, settings: Settings) -> int | None:
    """A CKS training lab: real, misconfigured Kubernetes control planes, and a checker that proves the fix.

    Without a command it opens the terminal app. Exit codes: 0 passed, 1 some check failed, 2 invalid use or input,
    3 could not tell, 130 interrupted.
    """
    verb = ctx.invoked_subcommand
    if verb is None:
        from ckslab_tui.app.main import open_app

        return open_app(settings)
    given = [name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(f"options stand after the command: ckslab {verb} --plane NAME", ctx)
    return None
