"""The HTTP server: a page, its scripts, its WebSocket and the files that the app hands out, behind one door.

textual-serve's own server is not used: it gives everything to everybody, begins an app for every page, and its page
loads a font from elsewhere.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import NoReturn

import textual_serve
from aiohttp import web
from aiohttp.helpers import content_disposition_header

from ckslab_labs.errors import InvalidInput
from ckslab_tui.serving.door import HEADERS, Door, Refused, content_policy
from ckslab_tui.serving.seat import AWAY, Seat

OURS = Path(str(files("ckslab_tui.serving") / "page"))
THEIRS = Path(textual_serve.__file__).parent / "static"
"""xterm.js with what talks to the app, its style sheet and a font."""
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104, so said by the user
"""Where all addresses of this machine are listened on, and one of them."""
GOODBYE = 2.0
"""Seconds that a page gets to hang up, too."""
HEARTBEAT = 15.0
"""Seconds between two questions whether a page is still there."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_server(door: Door, seat: Seat) -> web.Application:
    """The server's routes."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        asks, origin = request.headers.get("Host"), request.headers.get("Origin")
        wants_socket = "Upgrade" in request.headers
        try:
            door.check(request.path, asks, origin, socket=wants_socket)
        except Refused as refused:
            return web.Response(status=403, text=f"{refused}\n")
        return await handler(request)

    async def page(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(OURS / "index.html")

    async def with_slash(request: web.Request) -> NoReturn:
        raise web.HTTPFound(f"/{door.token}/")

    async def socket(request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=GOODBYE)
        await response.prepare(request)
        width, height = (_number(request, name, default) for name, default in (("width", 80), ("height", 24)))
        await seat.show(response, width, height, take="take" in request.query)
        return response

    async def download(request: web.Request) -> web.StreamResponse:
        return await _download(request, seat)

    server = web.Application(middlewares=[guard])
    server.on_response_prepare.append(_secure)
    base = f"/{door.token}"
    server.router.add_get(base, with_slash)
    server.router.add_get(f"{base}/", page)
    server.router.add_get(f"{base}/socket", socket)
    server.router.add_get(f"{base}/download/{{key}}", download)
    server.router.add_static(f"{base}/page", OURS)
    server.router.add_static(f"{base}/static", THEIRS)
    return server


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = content_policy(request.headers.get("Host", ""))


async def _download(request: web.Request, seat: Seat) -> web.StreamResponse:
    """A file that the app hands out; never shown in the browser, where it would be a page of ours."""
    key = request.match_info["key"]
    try:
        about = await seat.downloads.get_download_metadata(key)
    except KeyError:
        raise web.HTTPNotFound(text="There is no such file.\n") from None
    response = web.StreamResponse()
    response.content_type = "application/octet-stream"
    response.headers["Content-Disposition"] = content_disposition_header("attachment", filename=about.file_name)
    await response.prepare(request)
    async for chunk in seat.downloads.download(key):
        await response.write(chunk)
    await response.write_eof()
    return response


def _number(request: web.Request, name: str, default: int) -> int:
    try:
        return int(request.query.get(name, default))
    except ValueError:
        return default


@asynccontextmanager
async def opened(command: Sequence[str], door: Door, port: int, away: float = AWAY) -> AsyncIterator[str]:
    """Serve an app; nothing of it is left at the end.

    Args:
        command: begins the app.
        door: who gets in, and where to listen.
        port: 0 for any that is free.
        away: seconds that the app waits without a page.

    Returns:
        the address for the learner.

    Raises:
        InvalidInput: it cannot listen there.

    """
    seat = Seat(command, away)
    runner = web.AppRunner(make_server(door, seat), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        yield f"http://{_url_host(door.host)}:{await _listen(runner, door.host, port)}/{door.token}/"
    finally:
        await seat.close()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> int:
    """Open the port.

    Returns:
        its number.

    """
    try:
        if not host:  # it would mean every address
            raise ValueError("no address is given")
        await web.TCPSite(runner, host, port).start()
    except (OSError, ValueError) as error:
        seen = getattr(error, "strerror", None) or str(error)
        remedy = "Choose another port with --port (0: any that is free), or an address of this machine with --host."
        raise InvalidInput(f"listen on {host} port {port}", seen, remedy) from error
    return int(runner.addresses[0][1])


def _url_host(host: str) -> str:
    """What stands for a host in an address that this machine can open."""
    host = EVERY_ADDRESS.get(host, host)
    return f"[{host}]" if ":" in host else host


def serve(command: Sequence[str], door: Door, port: int, ready: Callable[[str], None]) -> None:
    """Serve an app until a signal ends that; ``ready`` is told the address, once it can be opened.

    Raises:
        InvalidInput: it cannot listen there.

    """
    asyncio.run(_until_signalled(command, door, port, ready))


async def _until_signalled(command: Sequence[str], door: Door, port: int, ready: Callable[[str], None]) -> None:
    over = asyncio.Event()
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(sent, over.set)
    async with opened(command, door, port) as address:
        ready(address)
        await over.wait()
