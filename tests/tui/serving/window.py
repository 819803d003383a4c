"""A window of a real browser with the page in it, read by an emulator that is fed what the page is sent."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, WebSocket
from tests.tui.serving.visitor import unheard

from ckslab_tui.app.emulator import Emulator


class Window:
    """The page in a window.

    Args:
        page: an empty page.
        address: what is opened in it.

    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.asked_for: list[str] = []
        """Every address that was asked for."""
        self.complaints: list[str] = []
        """What the browser found wrong, such as what the policy of the page forbids."""
        self._emulator = Emulator(80, 24, unheard)
        page.on("request", lambda request: self.asked_for.append(request.url))
        page.on("websocket", self._connected)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.goto(address)

    @property
    def text(self) -> str:
        """What is shown."""
        return self._emulator.text

    def reload(self) -> None:
        """Load the page again; what was shown is not taken for what will be."""
        self._emulator = Emulator(80, 24, unheard)
        self.page.reload()

    def type(self, text: str) -> None:
        """Press keys, wherever the focus is."""
        self.page.keyboard.type(text)

    def sees(self, text: str, seconds: float = 60) -> None:
        """Wait until a text is shown."""
        self.until(lambda: text in self.text, f"to see {text!r}", seconds)

    def click(self, text: str) -> None:
        """Click on a text that is shown."""
        self.sees(text)
        y, line = next((y, line) for y, line in enumerate(self.text.splitlines()) if text in line)
        box = self.page.locator(".xterm-screen").bounding_box()
        assert box is not None
        board = self._emulator.board
        cell = box["width"] / board.width, box["height"] / board.height
        self.page.mouse.click(box["x"] + (line.index(text) + 0.5) * cell[0], box["y"] + (y + 0.5) * cell[1])

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Wait until something holds, while the browser's events come in."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited {what}; there is\n{self.text}"
            self.page.wait_for_timeout(50)

    def _connected(self, socket: WebSocket) -> None:
        self.asked_for.append(socket.url)
        size = parse_qs(urlsplit(socket.url).query)
        self._emulator = Emulator(int(size["width"][0]), int(size["height"][0]), unheard)
        socket.on("framereceived", self._received)
        socket.on("framesent", self._sent)

    def _received(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self._emulator.feed(frame)

    def _sent(self, frame: str | bytes) -> None:
        message: Any = json.loads(frame)
        if message[0] == "resize":
            self._emulator.resize(message[1]["width"], message[1]["height"])
