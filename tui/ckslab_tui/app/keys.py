"""Esc is never lost: Textual drops the one of ``Esc :`` or ``Alt+.`` where both arrive at once, as from a quick hand.

In a form that costs nothing; in vi the command is written into the file. To be taken out when Textual tells of it.
"""

from collections.abc import Iterable

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver


class Parser(XTermParser):
    """Textual's reader of a terminal's input, which tells of the Esc before what no Alt is known for."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        keys = list(super()._sequence_to_key_events(sequence, alt))
        if alt and not any(key.key.startswith("alt+") for key in keys):
            yield events.Key("escape", "\x1b")
        yield from keys


def keep_escapes() -> None:
    """Have the terminal's input read by ``Parser``."""
    linux_driver.XTermParser = Parser  # type: ignore[attr-defined]  # it is made inside of the driver's own loop
