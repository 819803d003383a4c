"""A page without a browser: a WebSocket, and an emulator that shows what comes over it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from ckslab_tui.app.emulator import Emulator

SIZE = (140, 40)
_SERVES = (
    "import sys; from ckslab_tui.serving.door import Door; from ckslab_tui.serving.server import serve\n"
    "serve(sys.argv[1:], Door('127.0.0.1'), 0, lambda address: print(address, flush=True))"
)
WITH_A_FAKE = (sys.executable, "-c", _SERVES)
"""The command of a server that prints its address; the app's command follows."""


def fake_page(folder: Path, *words: str) -> tuple[str, ...]:
    """The command of an app whose processes have the folder in their arguments or environment."""
    return (sys.executable, "-m", "tests.tui.serving.fake_page", str(folder), *words)


def unheard(data: bytes) -> None:
    """An emulator's answers go nowhere."""


def processes_of(folder: Path) -> list[str]:
    """The arguments of every process that has to do with a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            about = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
            if str(folder).encode() in about:
                found.append((path / "cmdline").read_text().replace("\0", " "))
    return found


class Visitor:
    """What a page is sent, and what it sends."""

    def __init__(self, socket: ClientWebSocketResponse, size: tuple[int, int]) -> None:
        self.socket = socket
        self.emulator = Emulator(*size, unheard)
        self.messages: list[object] = []
        self.reading = asyncio.create_task(self._read())

    @property
    def text(self) -> str:
        return self.emulator.text

    async def send(self, *message: object) -> None:
        await self.socket.send_str(json.dumps(message))

    async def type(self, text: str) -> None:
        await self.send("stdin", text)

    async def sees(self, text: str, seconds: float = 60) -> None:
        await until(lambda: text in self.text, lambda: f"{text!r} is not in\n{self.text}", seconds)

    async def is_in_the_terminal(self) -> None:
        """Wait until bash is at its prompt, and keys go to it."""
        await self.sees("here$")
        await self.sees("F6 leaves it")

    async def hung_up(self) -> int | None:
        """Wait until it is hung up on, and tell by which code."""
        await asyncio.wait_for(self.reading, 60)
        return self.socket.close_code

    async def leave(self) -> None:
        await self.socket.close()
        await self.reading

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.BINARY:
                self.emulator.feed(message.data)
            elif message.type is WSMsgType.TEXT:
                self.messages.append(json.loads(message.data))


async def until(condition: Callable[[], bool], seen: Callable[[], str], seconds: float = 60) -> None:
    """Wait until something holds."""
    for _ in range(int(seconds * 50)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"did not come true: {seen()}")


@asynccontextmanager
async def visit(
    address: str, query: str = "", size: tuple[int, int] = SIZE, headers: dict[str, str] | None = None
) -> AsyncIterator[Visitor]:
    """Open the page's socket as its script does."""
    origin = "/".join(address.split("/")[:3])
    url = f"{address}socket?width={size[0]}&height={size[1]}{query}"
    async with ClientSession() as session, session.ws_connect(url, headers=headers or {"Origin": origin}) as socket:
        yield Visitor(socket, size)


def gone(folder: Path) -> tuple[Callable[[], bool], Callable[[], str]]:
    """For ``until``: nothing of an app is left."""
    return (lambda: not processes_of(folder), lambda: "\n".join(processes_of(folder)))
