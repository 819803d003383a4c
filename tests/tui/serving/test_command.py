"""``ckslab serve`` as a command: what it prints, how it ends, and what it says when it cannot."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.tui.serving.visitor import WITH_A_FAKE, fake_page, gone, until, visit

from ckslab_labs.errors import ExitCode
from ckslab_tui.cli.options import Settings, words_of
from ckslab_tui.cli.run import run
from ckslab_tui.cli.serve import tell
from ckslab_tui.serving.door import Door

Capture = pytest.CaptureFixture[str]


@asynccontextmanager
async def serving(*command: str) -> AsyncIterator[tuple[Process, str]]:
    """A server as a process of its own, and its address."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGKILL, -signal.SIGKILL)],
)
async def test_nothing_is_left_however_the_server_ends(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    async with serving(*WITH_A_FAKE, *fake_page(tmp_path, "open")) as (process, address), visit(address) as page:
        await page.is_in_the_terminal()
        await page.type("sleep 1234 & nohup sleep 1235 & vi\r")
        await page.sees("VIM")
        os.kill(process.pid, sent)
        assert await asyncio.wait_for(process.wait(), 30) == code
    await until(*gone(tmp_path))


@pytest.mark.asyncio
async def test_the_address_is_on_stdout_and_the_app_behind_it() -> None:
    command = (sys.executable, "-m", "ckslab_tui", "serve", "--port", "0", "--plane", "other")
    async with serving(*command) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        async with visit(address) as page:
            await page.sees("scenarios, 0 passed")
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out) == (ExitCode.PASSED, b"")
    assert err == b"Open it in a browser. Ctrl-C ends it; your scenario stays open.\n"


def test_a_port_that_is_taken_is_told(capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"ckslab: cannot listen on 127.0.0.1 port {port}: ")
    assert "address already in use" in err
    assert "Choose another port with --port" in err


@pytest.mark.parametrize("port", ["-1", "65536", "http", ""])
def test_a_port_that_cannot_be_is_told(port: str, capsys: Capture) -> None:
    assert run(["serve", "--port", port]) == ExitCode.USAGE
    assert "'--port'" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "", "a b", "x" * 300, "-"])
def test_a_host_that_is_not_this_machines_is_told(host: str, capsys: Capture) -> None:
    assert run(["serve", "--port", "0", "--host", host]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"ckslab: cannot listen on {host} port 0: ")
    assert "an address of this machine with --host" in err


def test_without_textual_serve_it_is_told_how_to_get_it(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    for name in [name for name in sys.modules if name.startswith("ckslab_tui.serving")]:
        monkeypatch.delitem(sys.modules, name)
    assert run(["serve", "--port", "0"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert err.startswith("ckslab: cannot serve the app: the Python package textual_serve is not there\n")
    assert "pip install 'ckslab[serve]'" in err


def test_who_listens_for_others_is_told_what_that_means(capsys: Capture) -> None:
    tell(Door("0.0.0.0"), "http://127.0.0.1:8000/token/")
    out, err = capsys.readouterr()
    assert out == "http://127.0.0.1:8000/token/\n"
    assert "has a shell of yours" in err
    assert "Nothing is encrypted" in err
    assert "ssh -L 8000:127.0.0.1:8000" in err


def test_the_app_is_told_all_that_the_command_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings("mine", (Path("pack"), tmp_path / "other"), "1.35", "kind")
    assert words_of(settings) == (
        *("--plane", "mine", "--pack", f"{tmp_path}/pack", "--pack", f"{tmp_path}/other"),
        *("--kubernetes", "1.35", "--provider", "kind"),
    )
    assert words_of(Settings()) == ("--plane", "default")
