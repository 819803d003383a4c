"""The app behind a page of ``ckslab serve``: ``python -m ckslab_tui.app.page [OPTIONS]``, run by the server.

It hears from its input what is typed, and writes what is to be drawn, in textual-serve's packets. It ends with its
input: a server that was killed leaves nothing behind.
"""

import asyncio
import os
import sys
from contextlib import suppress
from typing import NoReturn

import click
from textual import events, messages
from textual.driver import Driver
from textual.drivers import web_driver

from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.keys import Parser
from ckslab_tui.app.main import LabApp
from ckslab_tui.cli.options import Settings, with_settings
from ckslab_tui.service import LabService

MODES = "\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h\x1b[?2004h"
"""The second screen, no cursor, the mouse, pastes that are marked: as the driver has it when it begins."""


class PageDriver(web_driver.WebDriver):
    """Textual's driver for the web, for pages that come and go."""

    def start_application_mode(self) -> None:
        """Begin, with the focus where the app puts it; the page tells when it has none."""
        self._loop = asyncio.get_running_loop()
        super().start_application_mode()
        self._app.call_later(self._app.post_message, events.AppFocus())

    def run_input_thread(self) -> None:
        """Read until the input ends, and end the app then."""
        super().run_input_thread()
        with suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._app.post_message, messages.ExitApp())

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Draw everything where a page has come to show it."""
        if packet_type == "attach":
            self._app.post_message(events.AppFocus())  # a page that has none says so
            super().on_meta("resize", payload)
            self.write(MODES)
            self._loop.call_soon_threadsafe(self._draw_all)
        else:
            super().on_meta(packet_type, payload)

    def _draw_all(self) -> None:
        self._app.refresh(layout=True)


class PageApp(LabApp):
    """The app, which goes on with the scenario that is open."""

    def get_driver_class(self) -> type[Driver]:
        """Ours."""
        return PageDriver

    def first_screen(self) -> CatalogueScreen:
        """The catalogue, or the task that is open: whoever comes back later than the app waits finds it again."""
        return CatalogueScreen(self.service, goes_on=True)


def run_app(app: LabApp) -> NoReturn:
    """Run an app until the page or its server ends it, and end the process."""
    web_driver.XTermParser = Parser  # type: ignore[attr-defined]  # as in a terminal
    # They are the page's; the learner's shell has a size of its own.
    width, height = (int(os.environ.pop(name, default)) for name, default in (("COLUMNS", "80"), ("ROWS", "24")))
    app.run(size=(width, height))
    sys.exit(app.return_code)


@click.command()
@with_settings
def main(settings: Settings) -> None:
    """Run the app on a plane of this machine."""
    run_app(PageApp(LabService(settings)))


if __name__ == "__main__":
    main()
