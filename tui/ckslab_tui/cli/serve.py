"""``ckslab serve``: the app in a browser."""

import sys
from typing import TYPE_CHECKING

import click

from ckslab_tui.cli.options import Settings, with_settings, words_of
from ckslab_tui.cli.streams import result, talk

if TYPE_CHECKING:
    from ckslab_tui.serving.door import Door

EVERYBODY = """Whoever has this address has a shell of yours on this machine. Nothing is encrypted: whoever sees the
network's traffic sees the address, and all that is typed. Others than this machine use its name or address in
place of the one above. Safer: no --host, and a tunnel from the other machine: ssh -L {port}:127.0.0.1:{port} ..."""


@click.command("serve", short_help="Open the app in a browser.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The port; 0: any that is free."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@with_settings
def command(port: int, host: str, settings: Settings) -> int:
    """Serve the app to one browser, until Ctrl-C.

    Prints the address to open. It holds a token, new each time: whoever has it has a shell of yours. Only this machine
    can reach it, unless --host says otherwise.
    """
    from ckslab_labs.errors import ExitCode, InvalidInput

    try:
        from ckslab_tui.serving.door import Door
        from ckslab_tui.serving.server import serve
    except ModuleNotFoundError as error:
        remedy = "Install it beside ckslab: pip install 'ckslab[serve]', or pip install textual-serve."
        raise InvalidInput("serve the app", f"the Python package {error.name} is not there", remedy) from error
    app = (sys.executable, "-P", "-m", "ckslab_tui.app.page", *words_of(settings))
    serve(app, door := Door(host), port, lambda address: tell(door, address))
    return ExitCode.PASSED


def tell(door: "Door", address: str) -> None:
    """Print the address, and who can come by it."""
    result(address)
    if not door.local:
        talk(EVERYBODY.format(port=address.rsplit(":", 1)[1].partition("/")[0]))
    talk("Open it in a browser. Ctrl-C ends it; your scenario stays open.")
