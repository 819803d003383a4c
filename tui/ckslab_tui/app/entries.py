"""Scenarios and domains as text of the catalogue. Packs come from strangers: all of it is cleaned, and on one line.

What a line says by colour it says by a sign and a word as well.
"""

from textual.content import Content

from ckslab_checker.text import clean_line
from ckslab_tui.app.words import BAD, FAINT, GOOD, UNSURE, plain
from ckslab_tui.standing import about, clock, counted
from ckslab_tui.views import Catalogue, Domain, Entry, Standing, State

STATES = {State.NEW: ("· new", FAINT), State.OPEN: ("○ open", UNSURE), State.PASSED: ("✔ passed", GOOD)}
UNFIT = ("⊘ not here", BAD)
HERE, ASIDE, NOT_HERE = "▸ ", "▹ ", "⊘ "


def one_line(text: object, style: str = "", limit: int = 300) -> Content:
    """Any text, harmless and on one line."""
    return plain(clean_line(text, limit), style)


def heading(domain: Domain) -> Content:
    """A domain with its weight and what was reached in it."""
    return one_line(about(domain), "bold")


def entry_line(entry: Entry, catalogue: Catalogue, unfit: bool, wide: bool) -> Content:
    """A scenario on one line; where there is room, with its difficulty and the minutes it should take."""
    standing = catalogue.standing(entry)
    told = unfit and standing.state is State.NEW
    sign, style = UNFIT if told else STATES[standing.state]
    facts = f"{clean_line(entry.difficulty, 8):<8}{entry.minutes:>3} min  " if wide else ""
    return Content.assemble(
        (_mark(entry, catalogue, unfit and not told), "bold"),
        (f"{sign:<11}", style),
        (f"{standing.points:>2}/{entry.points:<3}", FAINT),
        (f"{_best(standing):>7}  ", FAINT),
        (facts, FAINT),
        one_line(entry.title),
    )


def _mark(entry: Entry, catalogue: Catalogue, unfit: bool) -> str:
    if entry.id == catalogue.open:
        return HERE
    if entry.id in catalogue.aside:
        return ASIDE
    return NOT_HERE if unfit else "  "


def _best(standing: Standing) -> str:
    return "" if standing.best_seconds is None else clock(standing.best_seconds)


def entry_details(entry: Entry, catalogue: Catalogue, unfit: str) -> Content:
    """What the catalogue says of the selected scenario; ``unfit`` is why it cannot run here, if that is so."""
    facts = f"{entry.id} · {entry.difficulty} · {entry.minutes} min · {entry.points} points"
    trains = f"trains {', '.join(entry.competencies)} · needs {', '.join(entry.requires)}"
    return Content("\n").join(
        (
            one_line(entry.title, "bold"),
            one_line(facts, FAINT),
            _reached(catalogue.standing(entry)),
            *_now(entry, catalogue, unfit),
            one_line(trains, FAINT),
        )
    )


def _reached(standing: Standing) -> Content:
    sign, style = STATES[standing.state]
    best = "" if standing.best_seconds is None else f" · best time {clock(standing.best_seconds)}"
    tries = f" · {counted(standing.attempts, 'attempt')}" if standing.attempts else ""
    return Content.assemble((sign, style), f"{best}{tries}")


def _now(entry: Entry, catalogue: Catalogue, unfit: str) -> list[Content]:
    """What is special about it at the moment."""
    said = []
    if entry.id == catalogue.open:
        said.append(plain(f"{HERE}on the cluster now: enter goes on with it, n starts it anew"))
    elif entry.id in catalogue.aside:
        said.append(plain(f"{ASIDE}put aside: enter goes on with it, n starts it anew"))
    if unfit:
        said.append(Content.assemble((f"{NOT_HERE}cannot run on this machine: ", BAD), one_line(unfit)))
    return said
