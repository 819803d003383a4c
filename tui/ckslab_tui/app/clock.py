"""The clock of a task: how long it has been open, beside how long it should take."""

from collections.abc import Callable
from datetime import UTC, datetime

from textual.widgets import Static

from ckslab_tui.app import words

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Clock(Static):
    """Counts until it is stopped.

    Args:
        began: when the task was opened.
        minutes: how long it should take.
        now: tells the time.

    """

    DEFAULT_CSS = "Clock { width: auto; height: 1; padding: 0 1; }"

    def __init__(self, began: datetime, minutes: int, now: Now) -> None:
        super().__init__(id="clock")
        self._began, self._minutes, self._now = began, minutes, now
        self._ended: datetime | None = None

    def on_mount(self) -> None:
        """Count."""
        self._show()
        self.set_interval(1, self._show)

    def begin(self, began: datetime) -> None:
        """Count again, from then on."""
        self._began, self._ended = began, None
        self._show()

    def end(self) -> None:
        """Stop where it is, once."""
        self._ended = self._ended or self._now()
        self._show()

    def _show(self) -> None:
        self.update(words.clock((self._ended or self._now()) - self._began, self._minutes))
