"""The first screen: states, searching, choosing, what cannot run here, and packs that want to be more than text."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.driving import running, settle, shown, until
from tests.tui.fakes import BROKEN, ENTRY, OTHER, FakeService
from textual.color import Color
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import OptionList

from ckslab_labs.errors import Infrastructure
from ckslab_tui.app.catalogue import CatalogueScreen
from ckslab_tui.app.choose import ChooseWindow
from ckslab_tui.app.error import ErrorWindow
from ckslab_tui.app.help import HelpWindow
from ckslab_tui.app.menu import Menu
from ckslab_tui.app.search import Search
from ckslab_tui.app.task import TaskScreen
from ckslab_tui.filtering import Filter
from ckslab_tui.views import Catalogue, Fitness, Standing, State

HOSTILE = (
    "[@click=app.quit]x[/]",
    "[/x]",
    "[bold",
    "one\ntwo\n\nthree",
    "\x1b]0;title\x07 \x1b[2J",
    "a\u202eb\u2066c\u200bd",
    "x" * 10_000,
    "\u6f22" * 500,
    "\ud800",
    "",
)
PASSED = Standing(State.PASSED, 3, 161.0, 4)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    return FakeService(tmp_path)


def catalogue_of(pilot: Pilot[None]) -> CatalogueScreen:
    screen = pilot.app.screen
    assert isinstance(screen, CatalogueScreen)
    return screen


def row(pilot: Pilot[None], title: str) -> list[str]:
    """The words of the line in the list that holds a title, without the scroll bar."""
    lines = shown(pilot).splitlines()
    first = next(index for index, line in enumerate(lines) if "of the exam" in line)
    return next(line for line in lines[first:] if title in line).split()


def listed(pilot: Pilot[None]) -> list[str]:
    """The ids of the scenarios that are listed."""
    return [option.id for option in catalogue_of(pilot).query_one(Menu).options if option.id]


SCREEN = """\
 2 scenarios, 1 passed
Cluster Setup · 15 % of the exam · no scenario yet
Cluster Hardening · 15 % of the exam · 1 of 1 passed · 3 of 3 points
▸ ✔ passed    3/3     2:41  Anybody can open the door
System Hardening · 10 % of the exam · 0 of 1 passed · 0 of 5 points
  ⊘ not here  0/5           An old key still works
Minimize Microservice Vulnerabilities · 20 % of the exam · no scenario yet
Supply Chain Security · 20 % of the exam · no scenario yet
Monitoring, Logging and Runtime Security · 20 % of the exam · no scenario yet







────────────────────────────────────────────────────────────────────────────────
 An old key still works
 old-key · hard · 12 min · 5 points
 · new
 ⊘ cannot run on this machine: it needs kubelet of the kind provider
 trains iam · needs api, nodes
 ⏎ Open  n Start anew  / Search  f Filter  e Exam  d Doctor  q Quit  ? Help"""


async def test_the_whole_screen_below_its_title_in_a_small_window(service: FakeService) -> None:
    service.listed = replace(service.listed, standings={ENTRY.id: PASSED}, open=ENTRY.id)
    service.workshop.fitness = Fitness(unfit={OTHER.id: "it needs kubelet of the kind provider"})
    async with running(service) as pilot:
        await pilot.press("down")
        await until(pilot, lambda: "⊘ cannot run" in shown(pilot))

        assert shown(pilot).splitlines()[1:] == SCREEN.splitlines()


# --- states ----------------------------------------------------------------------------------------------------------


async def test_every_scenario_says_its_state_points_and_best_time(service: FakeService) -> None:
    service.listed = replace(service.listed, standings={ENTRY.id: PASSED, OTHER.id: Standing(State.OPEN, 2, None, 1)})
    async with running(service) as pilot:
        assert row(pilot, "Anybody")[:4] == ["✔", "passed", "3/3", "2:41"]
        assert row(pilot, "An old key")[:3] == ["○", "open", "2/5"]
        assert "✔ passed · best time 2:41 · 4 attempts" in shown(pilot)
        assert "2 scenarios, 1 passed" in shown(pilot)
        assert "Cluster Hardening · 15 % of the exam · 1 of 1 passed · 3 of 3 points" in shown(pilot)


async def test_domains_without_scenarios_are_told_as_such(service: FakeService) -> None:
    async with running(service) as pilot:
        assert "Supply Chain Security · 20 % of the exam · no scenario yet" in shown(pilot)


async def test_a_wide_window_says_more_on_each_line_and_a_narrow_one_less_again(service: FakeService) -> None:
    async with running(service, (140, 40)) as pilot:
        assert row(pilot, "Anybody")[:6] == ["·", "new", "0/3", "exam", "7", "min"]
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: row(pilot, "Anybody")[3] == "Anybody")


async def test_what_is_open_now_or_put_aside_is_marked(service: FakeService) -> None:
    service.listed = replace(service.listed, open=OTHER.id, aside=frozenset({ENTRY.id}))
    async with running(service) as pilot:
        assert row(pilot, "Anybody")[0] == "▹"
        assert row(pilot, "An old key")[0] == "▸"
        assert "▸ on the cluster now: enter goes on with it, n starts it anew" in shown(pilot)


async def test_what_cannot_run_here_is_listed_with_the_reason_and_can_be_tried(service: FakeService) -> None:
    service.workshop.fitness = Fitness(unfit={ENTRY.id: "it needs kubelet. docker: none → Install it."})
    service.start_error = Infrastructure("run it", "there is no Docker", "Install Docker.")
    async with running(service) as pilot:
        await until(pilot, lambda: row(pilot, "Anybody")[:3] == ["⊘", "not", "here"])
        await until(pilot, lambda: "⊘ cannot run on this machine: it needs kubelet." in shown(pilot))
        assert "Install it." in shown(pilot)
        assert row(pilot, "An old key")[:2] == ["·", "new"]

        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorWindow))
        assert "there is no Docker" in shown(pilot)


async def test_what_was_passed_elsewhere_stays_passed_where_it_cannot_run(service: FakeService) -> None:
    service.listed = replace(service.listed, standings={ENTRY.id: PASSED})
    service.workshop.fitness = Fitness(unfit={ENTRY.id: "it needs kubelet"})
    async with running(service) as pilot:
        await until(pilot, lambda: row(pilot, "Anybody")[:3] == ["⊘", "✔", "passed"])


async def test_the_machine_is_looked_at_once_and_not_at_every_return(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
        await pilot.press("escape")
        await settle(pilot)

        assert service.workshop.calls == ["look"]


async def test_what_was_passed_meanwhile_is_told_on_return(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
        service.listed = replace(service.listed, standings={ENTRY.id: PASSED}, open=ENTRY.id)
        await pilot.press("escape")
        await until(pilot, lambda: row(pilot, "Anybody")[:3] == ["▸", "✔", "passed"])


async def test_coming_back_while_it_is_read_reads_it_once_more_and_says_nothing(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, reads = threading.Event(), []
    read = service.catalogue

    def catalogue() -> Catalogue:
        found = read()
        reads.append(found)
        gate.wait(10)
        return found

    async with running(service) as pilot:
        monkeypatch.setattr(service, "catalogue", catalogue)
        for _ in range(3):
            await pilot.press("question_mark", "escape")
            await pilot.pause(0.1)
        service.listed = replace(service.listed, standings={ENTRY.id: PASSED})
        assert len(reads) == 1
        gate.set()
        await until(pilot, lambda: row(pilot, "Anybody")[:2] == ["✔", "passed"])
        assert len(reads) == 2
        assert "Still busy" not in shown(pilot)


async def test_progress_that_cannot_be_read_is_told_and_the_list_is_there(service: FakeService) -> None:
    service.listed = replace(service.listed, remark="cannot read your progress: no database [/x]")
    async with running(service) as pilot:
        assert "! cannot read your progress: no database [/x]" in shown(pilot)
        assert listed(pilot) == [ENTRY.id, OTHER.id]


# --- searching and choosing -------------------------------------------------------------------------------------------


async def test_one_searches_as_one_types_and_escape_shows_everything_again(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("slash", "k", "e", "y")
        await settle(pilot)
        assert listed(pilot) == [OTHER.id]
        assert "1 of 2 scenarios · “key” · escape shows all" in shown(pilot)
        assert "System Hardening" in shown(pilot)
        assert "Cluster Hardening" not in shown(pilot)

        await pilot.press("escape")
        await settle(pilot)
        assert listed(pilot) == [ENTRY.id, OTHER.id]
        assert not catalogue_of(pilot).query_one(Search).display
        assert isinstance(pilot.app.focused, Menu)


@pytest.mark.parametrize("leave", ["enter", "down"])
async def test_what_was_found_is_opened_from_the_list(service: FakeService, leave: str) -> None:
    async with running(service) as pilot:
        await pilot.press("slash", "k", "e", "y", leave)
        await settle(pilot)
        assert isinstance(pilot.app.focused, Menu)
        assert listed(pilot) == [OTHER.id]

        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
        assert service.calls == [f"go on {OTHER.id}"]


async def test_letters_that_are_keys_elsewhere_are_typed_in_a_search(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("slash", *"nqfd?/")
        await settle(pilot)

        assert catalogue_of(pilot).query_one(Search).value == "nqfd?/"
        assert "Nothing is like that. Escape shows everything again." in shown(pilot)
        assert service.calls == []


async def test_a_search_without_words_goes_away(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("slash", "enter")
        await settle(pilot)

        assert not catalogue_of(pilot).query_one(Search).display
        assert listed(pilot) == [ENTRY.id, OTHER.id]


async def test_where_nothing_is_found_enter_and_n_do_nothing(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("slash", *"xyz", "enter", "enter", "n")
        await settle(pilot)

        assert isinstance(pilot.app.screen, CatalogueScreen)
        assert service.calls == []


async def test_facets_are_chosen_in_a_window_and_words_are_kept(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("slash", "e", "enter", "f")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChooseWindow))
        assert "[ ] new  2" in shown(pilot)
        await pilot.press("down", "down", "space")
        await settle(pilot)
        assert "[x] hard  1" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))

        assert listed(pilot) == [OTHER.id]
        assert "1 of 2 scenarios · “e” · difficulty hard · escape shows all" in shown(pilot)
        await pilot.press("f", "down", "down", "enter", "up", "space", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        assert listed(pilot) == [ENTRY.id]
        await pilot.press("f", "a", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CatalogueScreen))
        assert catalogue_of(pilot).wanted == Filter("e")
        await pilot.press("escape")
        await settle(pilot)
        assert listed(pilot) == [ENTRY.id, OTHER.id]


async def test_the_selected_scenario_stays_selected_while_it_is_shown(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("down", "slash", "o")
        await settle(pilot)
        selected = catalogue_of(pilot).query_one(Menu).highlighted_option

        assert listed(pilot) == [ENTRY.id, OTHER.id]
        assert selected is not None
        assert selected.id == OTHER.id


async def test_what_does_not_load_is_not_among_what_was_searched_for(service: FakeService) -> None:
    service.listed = replace(service.listed, broken=(BROKEN,))
    async with running(service, (80, 40)) as pilot:
        assert "These do not load" in shown(pilot)
        await pilot.press("slash", "k", "e", "y")
        await settle(pilot)
        assert "These do not load" not in shown(pilot)


# --- help and commands ------------------------------------------------------------------------------------------------


async def test_help_tells_every_key_of_the_screen_as_it_is_bound(service: FakeService) -> None:
    async with running(service, (100, 40)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpWindow))
        await settle(pilot)
        text = shown(pilot)
        bindings = [*CatalogueScreen.BINDINGS, *Menu.BINDINGS]
        await pilot.press("escape")
        await settle(pilot)

        assert all(str(getattr(binding, "description", "")) in text for binding in bindings)
        assert all(str(getattr(binding, "tooltip", "")) in text for binding in bindings)
        assert "^p          palette" in text
        assert isinstance(pilot.app.screen, CatalogueScreen)


async def test_help_follows_the_screen(service: FakeService) -> None:
    async with running(service, (100, 40)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpWindow))
        await settle(pilot)

        assert "Reset" in shown(pilot)
        assert "Start anew" not in shown(pilot)


async def test_the_palette_offers_what_has_a_key_and_does_it(service: FakeService) -> None:
    async with running(service) as pilot:
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {"Open", "Start anew", "Search", "Filter", "Doctor", "Help", "Quit", "Theme"} <= titles
        assert "Keys" not in titles

        await pilot.press("ctrl+p", *"start anew")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
        assert service.calls == [f"start {ENTRY.id}"]


async def test_in_a_task_the_palette_offers_its_verbs(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TaskScreen))
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {"Check", "Hint", "Reset", "Back"} <= titles

        await pilot.press("ctrl+p", *"check")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await until(pilot, lambda: "check" in service.calls)


# --- looks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_the_selected_line_can_be_read_in_the_dark_and_in_the_light(service: FakeService, theme: str) -> None:
    service.listed = replace(service.listed, standings={ENTRY.id: PASSED, OTHER.id: Standing(State.OPEN)})
    async with running(service) as pilot:
        pilot.app.theme = theme
        await settle(pilot)
        menu = catalogue_of(pilot).query_one(Menu)
        for line in range(1, 6):
            for segment in menu.render_line(line):
                if segment.text.strip() and segment.style and segment.style.color and segment.style.bgcolor:
                    front = Color.from_rich_color(segment.style.color)
                    back = Color.from_rich_color(segment.style.bgcolor)
                    assert contrast(front, back) >= 3, (segment.text, front, back)


def contrast(front: Color, back: Color) -> float:
    """The contrast of two colours, 1 to 21 (https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio)."""
    lighter, darker = sorted((luminance(front), luminance(back)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: Color) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


async def test_the_footer_tells_the_keys_in_a_small_window(service: FakeService) -> None:
    async with running(service) as pilot:
        footer = shown(pilot).splitlines()[-1]

        for words in ("Open", "n Start anew", "/ Search", "f Filter", "e Exam", "d Doctor", "? Help", "q Quit"):
            assert words in footer


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (300, 80)])
async def test_windows_of_every_size_are_no_crash(service: FakeService, size: tuple[int, int]) -> None:
    service.workshop.fitness = Fitness(unfit={ENTRY.id: "it needs more " * 100})
    async with running(service, size) as pilot:
        for keys in (("slash", "k", "enter"), ("f", "space", "escape"), ("question_mark", "escape"), ("d", "escape")):
            await pilot.press(*keys)
            await settle(pilot)

        assert isinstance(pilot.app.screen, CatalogueScreen)


# --- packs from strangers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_texts_of_a_pack_never_act_and_never_break_the_screen(service: FakeService, text: str) -> None:
    hostile = replace(
        ENTRY,
        id=f"pack/{text}",
        title=text,
        domain_title=text,
        domain=f"odd{text}",
        competencies=(text,),
        difficulty=text,
        requires=(text,),
    )
    service.listed = Catalogue((hostile, OTHER), broken=(replace(BROKEN, folder=text, problems=(text, text)),))
    service.workshop.fitness = Fitness(unfit={hostile.id: text})
    screens: list[str] = []
    async with running(service) as pilot:
        await settle(pilot)
        await pilot.press("end", "home")
        screens.append(shown(pilot))
        for line in range(2, 22):
            await pilot.click(offset=(30, line))
            if not isinstance(pilot.app.screen, CatalogueScreen):  # a click on a scenario opens it
                await settle(pilot)
                await pilot.press("escape")
        await pilot.press("f", "end", "space")
        await settle(pilot)
        screens.append(shown(pilot))
        await pilot.press("escape")
        await settle(pilot)
        screens.append(shown(pilot))

        assert pilot.app.is_running
        assert catalogue_of(pilot).query_one(Menu).size.height >= 8
        assert "? Help" in shown(pilot).splitlines()[-1]
    assert not any(char in screen for screen in screens for char in "\x1b\x07\u202e\u2066\u200b\ud800")


async def test_a_title_of_many_lines_takes_one(service: FakeService) -> None:
    service.listed = replace(service.listed, entries=(replace(ENTRY, title="one\ntwo\n\nthree"), OTHER))
    async with running(service) as pilot:
        menu = catalogue_of(pilot).query_one(OptionList)

        assert "one two three" in shown(pilot)
        assert menu.virtual_size.height == len(menu.options)


async def test_what_is_pasted_is_cleaned_and_cut(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("slash")
        search = catalogue_of(pilot).query_one(Search)
        search.post_message(Paste("the\x1b]0;t\x07\x1b[2J\u202e door" + "x" * 10_000))
        await settle(pilot)

        assert len(search.value) == 200
        assert search.value.startswith("the\ufffd]0;t\ufffd\ufffd[2J\ufffd door")
        assert not any(char in shown(pilot) for char in "\x1b\x07\u202e")


async def test_what_is_typed_is_only_text(service: FakeService) -> None:
    async with running(service) as pilot:
        await pilot.press("slash", *"[@click=app.quit]x[/] [/x]")
        await settle(pilot)
        scope = catalogue_of(pilot).query_one("#scope")
        for column in range(0, 60, 5):
            await pilot.click(scope, offset=(column, 0))

        assert pilot.app.is_running
        assert "“[@click=app.quit]x[/] [/x]”" in shown(pilot)


async def test_without_colour_the_selected_line_is_underlined(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(service) as pilot:
        await pilot.press("down")
        await settle(pilot)
        assert underlined(catalogue_of(pilot).query_one(Menu)) == ["An old key still works"]

        await pilot.press("f")
        await settle(pilot)
        assert underlined(pilot.app.screen.query_one(OptionList)) == ["[ ] new  2"]


def underlined(options: OptionList) -> list[str]:
    """The ends of the lines that are underlined."""
    lines = [[s for s in options.render_line(y) if s.style and s.style.underline] for y in range(options.size.height)]
    texts = ["".join(segment.text for segment in line).strip() for line in lines]
    return [text[-22:].strip() for text in texts if text]
