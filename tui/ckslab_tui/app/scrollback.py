"""Lines that have left a terminal's screen at its top, and how far back somebody looks at them."""

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

LINES = 1000
"""That are kept: some megabytes at most, of wide lines in many colours."""

Line = TypeVar("Line")


class Scrollback(Generic[Line]):
    """So many lines at most. One who looks back goes on seeing the same lines while others are added."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=LINES)
        self.back = 0
        """How many lines one looks back; 0 at the bottom, where the program writes."""

    def add(self, lines: Iterable[Line]) -> None:
        """Take lines that leave the screen, the upper ones first."""
        for line in lines:
            self._lines.append(line)
            if self.back:
                self.scroll(1)

    def scroll(self, lines: int) -> bool:
        """Look further back, or less far; whether that changes anything."""
        before, self.back = self.back, max(0, min(self.back + lines, len(self._lines)))
        return self.back != before

    def to_end(self) -> bool:
        """Look back no longer; whether that changes anything."""
        return self.scroll(-self.back)

    def above(self, distance: int) -> Line:
        """The line that is so many above the first one of the screen, from 1; at most ``back``."""
        return self._lines[-distance]

    def clear(self) -> None:
        """Forget all of them."""
        self._lines.clear()
        self.back = 0
