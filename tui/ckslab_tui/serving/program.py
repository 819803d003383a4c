"""The app as a process of its own, which draws for a page and hears from it, by textual-serve's packets."""

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

PATIENCE = 5.0
"""Seconds that the app gets to end by itself, and to end its shells."""


class Program(AppService):
    """A running app.

    Args:
        command: what to run.
        show: takes what it draws.
        say: takes messages for the page, as JSON.
        ended: told its exit code, once.
        downloads: takes the files that it hands out.

    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        show: Callable[[bytes], Awaitable[None]],
        say: Callable[[str], Awaitable[None]],
        ended: Callable[[int], Awaitable[None]],
        downloads: DownloadManager,
    ) -> None:
        super().__init__("", write_bytes=show, write_str=say, close=self._leaving, download_manager=downloads)
        self._argv, self._ended = tuple(command), ended

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        # Not by a shell, which would stay between; in a session of its own, so that Ctrl-C is the server's alone.
        size = {"COLUMNS": str(width), "ROWS": str(height), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._process = await asyncio.create_subprocess_exec(
            *self._argv, stdin=PIPE, stdout=PIPE, env={**os.environ, **size}, start_new_session=True
        )
        self._stdin = self._process.stdin
        # Why it has failed goes to our stderr at once; AppService would print it on stdout in the end.
        self._process.stderr = nothing = asyncio.StreamReader()
        nothing.feed_eof()
        return self._process

    async def run(self) -> None:
        """Hand on what it writes until it has ended."""
        try:
            await super().run()
        finally:
            await self._ended(await self._gone())

    async def attach(self, width: int, height: int) -> None:
        """Have it draw all of its screen, for a page that has just come."""
        await self.send_meta({"type": "attach", "width": width, "height": height})

    async def end(self) -> None:
        """End it, and return when it is gone."""
        if self._task is None:
            return
        with suppress(TimeoutError):
            await self.send_meta({"type": "quit"})
            await asyncio.wait_for(asyncio.shield(self._task), PATIENCE)
        self._kill()
        await self._task

    async def _leaving(self) -> None:
        """It says so before it has ended its shells, and also when it has failed: the exit code is awaited."""

    async def _gone(self) -> int:
        """It says nothing any more: that is its end, whether it knows or not."""
        assert self._process is not None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), PATIENCE)
        self._kill()
        return await self._process.wait()

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
