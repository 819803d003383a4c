"""The one seat before the app: at most one page shows it, and it waits for a while when there is none.

So a reload, or a connection that broke, costs nothing: the app has gone on, and draws its screen anew.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web
from textual_serve.download_manager import DownloadManager

from ckslab_tui.serving.program import Program

AWAY = 300.0
"""Seconds that the app waits for a page to come back; then it is ended. The scenario stays open on the plane."""
RELOADING = 2.0
"""Seconds until a page that is being left must have hung up."""
LARGEST = 1000
"""Columns or rows of a page that would be a mistake."""

LEFT, TAKEN_OVER, IN_USE, FAILED, CLOSED = 4000, 4001, 4002, 4003, 4004
"""Why a page is hung up on, as a WebSocket's close code; page.js says it in words."""


class Seat:
    """One app, and the page that shows it.

    Args:
        command: begins the app.
        away: seconds that the app waits without a page.

    """

    def __init__(self, command: Sequence[str], away: float = AWAY) -> None:
        self._command, self._away = command, away
        self.downloads = DownloadManager()
        self._program: Program | None = None
        self._page: web.WebSocketResponse | None = None
        self._free = asyncio.Event()
        self._free.set()
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None
        self._closed = False

    async def show(self, page: web.WebSocketResponse, width: int, height: int, *, take: bool) -> None:
        """Show the app in a page until the page has gone, or is refused.

        Args:
            page: a WebSocket that is open.
            width: columns of the page.
            height: rows of the page.
            take: whether another page has to give way.

        """
        try:
            await self._seat(page, _size(width), _size(height), take)
            async for message in page:
                if message.type is WSMsgType.TEXT:
                    await self._heard(page, message.data)
        finally:
            if self._page is page:
                self._page = None
                self._free.set()
                self._waiting = asyncio.create_task(self._wait_for_another())

    async def close(self) -> None:
        """Hang up, and end the app."""
        self._closed = True
        if self._waiting is not None:
            self._waiting.cancel()
        async with self._turn:
            if self._page is not None:
                await self._page.close(code=CLOSED)
            if self._program is not None:
                await self._program.end()

    async def _seat(self, page: web.WebSocketResponse, width: int, height: int, take: bool) -> None:
        async with self._turn:
            if self._closed:
                await page.close(code=CLOSED)
                return
            if self._page is not None and not take and not await self._has_gone():
                await page.close(code=IN_USE)
                return
            before, self._page = self._page, page
            self._free.clear()
            if before is not None:
                await before.close(code=TAKEN_OVER)
            if self._waiting is not None:
                self._waiting.cancel()
            if self._program is None:
                await self._begin(width, height)
            else:
                await self._program.attach(width, height)

    async def _has_gone(self) -> bool:
        """Whether the page that is shown is being left, as by a reload."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._free.wait(), RELOADING)
        return self._page is None

    async def _begin(self, width: int, height: int) -> None:
        self._program = Program(
            self._command, show=self._draw, say=self._say, ended=self._over, downloads=self.downloads
        )
        await self._program.start(width, height)

    async def _over(self, code: int) -> None:
        self._program = None
        if self._page is not None:
            await self._page.close(code=FAILED if code else LEFT)

    async def _wait_for_another(self) -> None:
        await asyncio.sleep(self._away)
        async with self._turn:
            if self._page is None and self._program is not None:
                await self._program.end()

    async def _draw(self, data: bytes) -> None:
        if self._page is not None:
            with suppress(ConnectionError):
                await self._page.send_bytes(data)

    async def _say(self, message: str) -> None:
        if self._page is not None:
            with suppress(ConnectionError):
                await self._page.send_str(message)

    async def _heard(self, page: web.WebSocketResponse, text: str) -> None:
        """Hand on what is typed and done in the page; what it would never send is dropped."""
        program = self._program
        if page is not self._page or program is None:
            return
        match _parsed(text):
            case ["stdin", str(typed)]:
                await program.send_bytes(typed.encode(errors="replace"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                await program.set_terminal_size(_size(width), _size(height))
            case ["ping", str(when)]:
                await self._say(json.dumps(["pong", when]))
            case ["focus"]:
                await program.focus()
            case ["blur"]:
                await program.blur()


def _size(cells: int) -> int:
    return min(max(1, cells), LARGEST)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
