"""The page in a real browser: what it loads, who has the focus, and what its user is told and can decide."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Download
from tests.tui.serving.visitor import WITH_A_FAKE, fake_page
from tests.tui.serving.window import Window

from ckslab_labs.lab import Lab
from ckslab_labs.progress.store import ProgressFile
from ckslab_tui.cli.options import Settings
from ckslab_tui.service import LabService

pytestmark = pytest.mark.browser

SIZE = {"width": 1500, "height": 900}
SCENARIO = "debug-rbac-update-kept"
TITLE = "Developers can attach a debug container"


@contextmanager
def serving(*command: str) -> Iterator[str]:
    """A server as a process of its own; gives its address."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Window]:
    """The page in a window of its own, which nobody has clicked."""
    with browser.new_context(viewport=SIZE) as context:  # type: ignore[arg-type]
        yield Window(context.new_page(), address)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of an app without a cluster, with a task open."""
    with serving(*WITH_A_FAKE, *fake_page(tmp_path, "open")) as address:
        yield address


def test_the_page_loads_nothing_from_elsewhere_and_nothing_that_it_forbids(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as window:
        window.sees("F6 leaves it")
        window.page.evaluate("document.fonts.ready")
        assert {urlsplit(url).netloc for url in window.asked_for} == {urlsplit(address).netloc}
        assert any(url.endswith(".ttf") for url in window.asked_for)
        assert window.complaints == []


def test_what_is_typed_goes_into_the_terminal_without_a_click(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as window:
        window.sees("F6 leaves it")
        before = window.page.screenshot()
        window.type("echo $((6*7)) times\n")
        window.sees("42 times")
        window.until(lambda: window.page.screenshot() != before, "for another picture")


def test_a_reload_goes_on_where_it_was(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as window:
        window.sees("F6 leaves it")
        window.type("vi note\n")
        window.sees("│~")
        window.type("ihalf a wo")
        window.sees("half a wo")
        window.reload()
        window.sees("half a wo")
        window.type("rd")
        window.sees("half a word")


def test_a_second_window_is_told_and_shows_it_by_a_decision_of_its_user(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as first, opened(chromium, address) as second:
        second.until(lambda: "already open in another window" in second.page.inner_text("#note"), "for the note")
        first.sees("F6 leaves it")
        second.page.click("#again")
        second.sees("F6 leaves it")
        first.until(lambda: "in another window now" in first.page.inner_text("#note"), "for the note")
        second.type("echo $((1+1)) here\n")
        second.sees("2 here")
        second.reload()
        second.sees("2 here")
        assert "#" not in second.page.url


def test_the_page_tells_when_the_app_is_left_and_opens_it_again(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as window:
        window.sees("F6 leaves it")
        window.page.keyboard.press("F6")
        window.sees("F6 leads in")
        window.type("q")
        window.sees("2 scenarios")
        window.type("q")
        window.until(lambda: "ckslab was left" in window.page.inner_text("#note"), "for the note")
        window.page.keyboard.press("Enter")
        window.sees("F6 leaves it")


def test_a_screenshot_is_downloaded(chromium: Browser, address: str, tmp_path: Path) -> None:
    with opened(chromium, address) as window:
        window.sees("F6 leaves it")
        window.page.keyboard.press("F6")
        window.sees("F6 leads in")
        window.page.keyboard.press("Control+p")
        window.sees("Search for commands")
        window.type("screenshot")
        window.sees("Save an SVG")
        downloads: list[Download] = []
        window.page.on("download", lambda file: downloads.append(file))
        window.page.context.on("page", lambda page: page.on("download", lambda file: downloads.append(file)))
        window.page.keyboard.press("Enter")
        window.until(lambda: bool(downloads), "for the file")
        downloads[0].save_as(tmp_path / "picture.svg")
        assert "Anybody" in (tmp_path / "picture.svg").read_text()


@pytest.mark.plane
def test_a_task_is_opened_by_a_click_and_solved_in_the_browser(chromium: Browser, lab: Lab, tmp_path: Path) -> None:
    service = LabService(Settings(plane=lab.plane.name))
    solution = service.scenarios().get(SCENARIO).folder / "solution"
    command = (sys.executable, "-m", "ckslab_tui", "serve", "--port", "0", "--plane", lab.plane.name)
    with serving(*command) as address, opened(chromium, address) as window:
        window.click(TITLE)
        window.sees("F6 leaves it")
        window.sees(f"({SCENARIO})")
        window.type(f"k apply -f {solution}\n")
        window.sees("✔ passed · 4 of 4 points")
        window.reload()
        window.sees("✔ passed · 4 of 4 points")
        window.type("echo and $((1+1))\n")
        window.sees("and 2")
        picture = tmp_path / "solved.png"
        window.page.screenshot(path=picture)
        assert picture.stat().st_size > 20_000
        assert window.complaints == []
    assert service.lab.session().scenario_id == SCENARIO
    assert ProgressFile().attempts()[-1].outcome == "passed"
