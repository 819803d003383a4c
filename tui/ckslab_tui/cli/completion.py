"""``ckslab completion``: the script that makes a shell complete ckslab's commands, by Click's own mechanism."""

import click

from ckslab_tui.cli.streams import result


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    For bash: add  eval "$(ckslab completion bash)"  to ~/.bashrc.
    """
    from click.shell_completion import get_completion_class

    from ckslab_tui.cli.root import ckslab

    maker = get_completion_class(shell)
    assert maker is not None
    result(maker(ckslab, {}, "ckslab", "_CKSLAB_COMPLETE").source())
