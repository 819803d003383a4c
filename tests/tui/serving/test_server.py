"""The server on a real port: what it gives to whom, and one app with one page before it."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aiohttp import ClientSession, WSServerHandshakeError
from tests.tui.serving.visitor import fake_page, gone, processes_of, until, visit

from ckslab_tui.serving import program
from ckslab_tui.serving.door import Door
from ckslab_tui.serving.seat import CLOSED, FAILED, IN_USE, LEFT, TAKEN_OVER
from ckslab_tui.serving.server import OURS, opened

pytestmark = pytest.mark.asyncio

TASK = "Anybody can open the door"


def served(folder: Path, *words: str, away: float = 300) -> AbstractAsyncContextManager[str]:
    return opened(fake_page(folder, *words), Door("127.0.0.1"), 0, away)


@pytest_asyncio.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """Of the app with a task open and bash beside it; nothing may be left of it."""
    async with served(tmp_path, "open") as address:
        yield address
    await until(*gone(tmp_path))


def origin(address: str) -> str:
    return "/".join(address.split("/")[:3])


def pids(folder: Path) -> list[int]:
    """Of the app."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder).encode() in words and b"tests.tui.serving.fake_page" in words:
            found.append(int(path.name))
    return found


# --- who gets what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/", "/wrong/", "/static/js/textual.js", "/page/page.js", "/download/x", "/socket", "/favicon.ico", "/x/../page/"],
)
async def test_without_the_token_nothing_is_given(address: str, path: str, tmp_path: Path) -> None:
    async with ClientSession() as session, session.get(f"{origin(address)}{path}") as answer:
        assert answer.status == 403
        assert await answer.text() == "The address is not complete: open the one that ckslab serve has printed.\n"
    assert not processes_of(tmp_path)


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
async def test_the_page_is_not_given_by_another_name_or_to_another_page(address: str, headers: dict[str, str]) -> None:
    async with ClientSession() as session, session.get(address, headers=headers) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"X": "no origin"}, {"Host": "evil.example"}]
)
async def test_no_app_is_begun_for_a_foreign_socket(address: str, headers: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        async with visit(address, headers=headers):
            pass
    assert refused.value.status == 403
    assert not processes_of(tmp_path)


@pytest.mark.parametrize("path", ["", "page/page.js", "static/js/textual.js", "no-such", "../wrong/"])
async def test_every_answer_keeps_the_address_secret_and_the_page_unframed(address: str, path: str) -> None:
    async with ClientSession() as session, session.get(f"{address}{path}") as answer:
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert set(re.findall(r"\w+://\S+", policy)) == {f"ws://{urlsplit(address).netloc};"}


async def test_the_page_is_given_with_all_that_it_links(address: str) -> None:
    async with ClientSession() as session:
        async with session.get(address.rstrip("/")) as answer:
            assert str(answer.url) == address
            html = await answer.text()
        styles = (OURS / "page.css").read_text()
        links = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', html)
        fonts = [link.removeprefix("../") for link in re.findall(r'url\("([^"]+)"\)', styles)]
        assert len(links) == 4
        assert len(fonts) == 2
        for link in links + fonts:
            async with session.get(f"{address}{link}") as answer:
                assert answer.status == 200, link


async def test_the_page_names_no_other_host() -> None:
    for path in OURS.iterdir():
        assert not re.findall(r"(?:https?:|wss?:|[\"'(])//\w[^\s\"']*", path.read_text()), path.name


@pytest.mark.parametrize("path", ["static/", "static/js/", "page/", "page/../../server.py", "static/%2e%2e/server.py"])
async def test_folders_are_not_listed_and_not_left(address: str, path: str) -> None:
    async with ClientSession() as session, session.get(f"{address}{path}") as answer:
        assert answer.status in (403, 404)
        assert "server.py" not in await answer.text()


# --- the app --------------------------------------------------------------------------------------------------------


async def test_a_page_shows_the_task_that_is_open_and_what_is_typed_goes_into_its_terminal(
    address: str, tmp_path: Path
) -> None:
    async with visit(address) as page:
        await page.sees(TASK)
        await page.is_in_the_terminal()
        await page.type("echo $((6*7)) rows=$ROWS columns=$COLUMNS driver=$TEXTUAL_DRIVER. $(tput lines)\r")
        await page.sees("42 rows= columns=")
        assert "driver=. 36" in page.text


async def test_esc_is_not_lost_before_what_is_typed_at_once(address: str) -> None:
    async with visit(address) as page:
        await page.is_in_the_terminal()
        await page.type("cat -v\r")
        await page.type("\x1b:w\r")
        await page.sees("^[:w")


async def test_without_a_task_that_is_open_it_begins_with_the_catalogue(tmp_path: Path) -> None:
    async with served(tmp_path) as address, visit(address) as page:
        await page.sees("2 scenarios")
        await page.type("\r")
        await page.is_in_the_terminal()


async def test_a_reload_shows_the_same_app_with_all_that_was_on_its_screen(address: str, tmp_path: Path) -> None:
    async with visit(address) as page:
        await page.is_in_the_terminal()
        await page.type("hidden=mine; echo so far\r")
        await page.sees("so far")
        await page.leave()
    before = pids(tmp_path)
    async with visit(address) as page:
        await page.sees("so far")
        assert TASK in page.text
        await page.type("echo $hidden again\r")
        await page.sees("mine again")
    assert pids(tmp_path) == before != []


async def test_a_page_of_another_size_has_the_app_in_its_size(address: str) -> None:
    async with visit(address) as page:
        await page.is_in_the_terminal()
        await page.leave()
    async with visit(address, size=(80, 24)) as page:
        await page.sees("Solution")
        assert "here$" not in page.text
        await page.leave()
    async with visit(address) as page:
        await page.is_in_the_terminal()
        await page.type("echo and $((1+1))\r")
        await page.sees("and 2")


async def test_a_second_page_is_refused_and_the_first_goes_on(address: str, tmp_path: Path) -> None:
    async with visit(address) as first:
        await first.is_in_the_terminal()
        async with visit(address) as second:
            assert await second.hung_up() == IN_USE
            assert second.text.strip() == ""
        await first.type("echo still $((1+1))\r")
        await first.sees("still 2")
        assert len(pids(tmp_path)) == 1


async def test_a_second_page_takes_over_where_its_user_says_so(address: str) -> None:
    async with visit(address) as first:
        await first.is_in_the_terminal()
        async with visit(address, "&take") as second:
            assert await first.hung_up() == TAKEN_OVER
            await second.is_in_the_terminal()
            await second.type("echo now $((1+1))\r")
            await second.sees("now 2")


async def test_a_page_that_comes_while_another_one_goes_is_let_in(address: str) -> None:
    async with visit(address) as first:
        await first.is_in_the_terminal()
        async with visit(address) as second:
            await first.leave()
            await second.is_in_the_terminal()


async def test_what_no_page_would_send_is_dropped(address: str) -> None:
    async with visit(address) as page:
        await page.is_in_the_terminal()
        for text in ("", "no json", "[]", "{}", "null", '["stdin"]', '["stdin", 5]', '["stdin", null]', "[" * 100_000):
            await page.socket.send_str(text)
        await page.socket.send_str('["stdin", "echo \\ud800"]')
        await page.socket.send_bytes(b"\0\xff")
        for size in ({}, {"width": "a", "height": 1}, {"width": None}, [1, 2], {"width": 10**9, "height": 40}):
            await page.send("resize", size)
        await page.send("resize", {"width": 140, "height": 40})
        await page.send("ping", "5")
        await page.type("\recho fine $((1+1))\r")
        await page.sees("fine 2")
        assert ["pong", "5"] in page.messages


@pytest.mark.parametrize("size", [(-5, 0), (10**9, 10**9)])
async def test_a_size_that_cannot_be_ends_nothing(address: str, size: tuple[int, int], tmp_path: Path) -> None:
    url = f"{address}socket?width={size[0]}&height={size[1]}"
    async with ClientSession() as session, session.ws_connect(url, headers={"Origin": origin(address)}) as socket:
        assert (await asyncio.wait_for(socket.receive(), 30)).data
        await socket.send_str(json.dumps(["ping", "1"]))
        assert len(pids(tmp_path)) == 1


async def test_a_file_that_the_app_hands_out_is_downloaded_and_never_shown(address: str) -> None:
    async with visit(address) as page:
        await page.is_in_the_terminal()
        await page.type("\x1b[17~")
        await page.type("\x10")
        await page.sees("Search for commands")
        others = "Into the terminal, and out of it"
        await page.sees(others)
        await page.type("screenshot")
        await until(lambda: "Save an SVG" in page.text and others not in page.text, lambda: page.text)
        await page.type("\r")
        await until(lambda: any("deliver_file_start" in str(m) for m in page.messages), lambda: page.text)
        key = next(m[1] for m in page.messages if isinstance(m, list) and m[0] == "deliver_file_start")
        async with ClientSession() as session:
            async with session.get(f"{origin(address)}/download/{key}") as answer:
                assert answer.status == 403
            async with session.get(f"{address}download/{key}") as answer:
                assert answer.headers["Content-Disposition"].startswith('attachment; filename="ckslab')
                assert answer.content_type == "application/octet-stream"
                assert "<svg" in await answer.text()
            async with session.get(f"{address}download/{key}") as answer:
                assert answer.status == 404


# --- how it ends ----------------------------------------------------------------------------------------------------


async def test_an_app_without_a_page_ends_after_a_while_with_all_that_it_began(tmp_path: Path) -> None:
    async with served(tmp_path, "open", away=0.1) as address:
        async with visit(address) as page:
            await page.is_in_the_terminal()
            await page.type("sleep 1234 & nohup sleep 1235 &\r")
            await until(lambda: len(processes_of(tmp_path)) == 4, lambda: str(processes_of(tmp_path)))
            await page.leave()
        await until(*gone(tmp_path))
        async with visit(address) as page:
            await page.sees(TASK)
    await until(*gone(tmp_path))


async def test_an_app_that_is_left_says_so_and_begins_again(address: str) -> None:
    async with visit(address) as page:
        await page.is_in_the_terminal()
        await page.type("\x1b[17~qq")
        assert await page.hung_up() == LEFT
    async with visit(address) as page:
        await page.is_in_the_terminal()


async def test_an_app_that_is_killed_is_told_and_begins_again(address: str, tmp_path: Path) -> None:
    async with visit(address) as page:
        await page.is_in_the_terminal()
        for pid in pids(tmp_path):
            os.kill(pid, signal.SIGKILL)
        assert await page.hung_up() == FAILED
    async with visit(address) as page:
        await page.is_in_the_terminal()


async def test_an_app_that_cannot_begin_is_told_here_and_in_the_page(capfd: pytest.CaptureFixture[str]) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no room')")
    async with opened(command, Door("127.0.0.1"), 0) as address, visit(address) as page:
        assert await page.hung_up() == FAILED
    told = capfd.readouterr()
    assert "no room" in told.err
    assert told.out == ""


async def test_the_server_ends_with_its_page_and_leaves_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with AsyncExitStack() as visits:
        async with served(tmp_path, "open") as address:
            page = await visits.enter_async_context(visit(address))
            await page.is_in_the_terminal()
        assert not processes_of(tmp_path)
        assert await page.hung_up() == CLOSED
    assert capfd.readouterr() == ("", "")


async def test_an_app_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PATIENCE", 0.1)
    stubborn = "import time; print('__GANGLION__', flush=True)\nwhile True: time.sleep(1)"
    command = (sys.executable, "-c", stubborn, str(tmp_path))
    async with opened(command, Door("127.0.0.1"), 0) as address, visit(address):
        await until(lambda: bool(processes_of(tmp_path)), lambda: "it does not run")
    await until(*gone(tmp_path))
