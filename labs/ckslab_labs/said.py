"""What a program says, line by line, while it runs."""

import os
import selectors
from collections.abc import Iterator
from typing import IO


def lines(stream: IO[bytes], pause: float) -> Iterator[str]:
    """The lines that a program writes to a pipe, but empty ones, until it closes it.

    Args:
        stream: our end of the pipe.
        pause: seconds; after so many without a word there is an empty line.

    """
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(pause):
                yield ""
                continue
            chunk = os.read(stream.fileno(), 65536)
            *whole, pending = (pending + (chunk or b"\n")).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole if line.strip())
            if not chunk:
                return
