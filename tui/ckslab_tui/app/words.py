"""Words and signs for the screen. Colour is never the only sign, and cluster text is never markup.

Everything that may come from a cluster goes through ``plain``: cleaned, and as ``Content``, in which Textual looks for
no markup. Colours are those of the theme, so that they can be read on light and dark and without colour.
"""

from datetime import timedelta

from textual.content import Content
from textual.widgets import Markdown

from ckslab_checker.outcome import CheckResult, Evidence, Outcome, Report
from ckslab_checker.text import clean
from ckslab_tui.views import CheckLine, Solution

GOOD, BAD, UNSURE, FAINT = "$text-success", "$text-error", "$text-warning", "$text-muted"
SIGNS = {
    Outcome.PASSED: ("✔ passed", GOOD),
    Outcome.FAILED: ("✘ failed", BAD),
    Outcome.ERROR: ("? could not tell", UNSURE),
    Outcome.SKIPPED: ("- skipped", UNSURE),
}
NOT_ASKED = ("· not checked", "")
LONGEST = 100_000
"""Characters of a scenario's text."""
FENCE = "~~~~~~~~"


def plain(text: object, style: str = "") -> Content:
    """Any text, made harmless for the screen."""
    return Content.styled(clean(text), style)


def markdown(text: str) -> Markdown:
    """A scenario's own text. Its links are not followed: they would lead out of the app."""
    return Markdown(clean(text, LONGEST), open_links=False)


def clock(spent: timedelta, minutes: int) -> Content:
    """How long a task has been open, and how long it should take."""
    seconds = max(0, int(spent.total_seconds()))
    hours, rest = divmod(seconds, 3600)
    shown = f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60:02}:{rest % 60:02}"
    return Content.styled(f"{shown} of {minutes} min", "bold" if seconds > 60 * minutes else "")


def time_left(seconds: float | None) -> Content:
    """How much of an exam's time is left."""
    if seconds is None:
        return plain("no limit of time")
    whole = int(seconds)
    shown = f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} left"
    return Content.styled(shown if whole else "the time is over", "bold reverse" if whole < 600 else "")


def solution(shown: Solution) -> str:
    """The reference fix and why it is right, as Markdown."""
    files = (f"## solution/{name}\n\n{FENCE}yaml\n{text.strip()}\n{FENCE}" for name, text in shown.files.items())
    return "\n\n".join((*files, "## Why", shown.why.strip()))


def outcome(value: Outcome | None) -> tuple[str, str]:
    """An outcome as sign and word, and its colour; ``None`` is a check that was not asked yet."""
    return SIGNS[value] if value else NOT_ASKED


def check_line(line: CheckLine, result: CheckResult | None) -> Content:
    """A check with its outcome, on one line."""
    word, style = outcome(result.outcome if result else None)
    worth = "keeps" if line.keeps else f"{line.points} p"
    return Content.assemble((f"{word:<17}", style), (f"{worth:>5}  ", FAINT), plain(line.title))


def summary(report: Report) -> Content:
    """The run as a whole."""
    points = "no points" if report.points is None else f"{report.points} of {report.max_points} points"
    return Content.assemble(outcome(report.outcome), f" · {points} · {report.seconds:.2f} s")


def state(report: Report | None, trouble: str) -> Content:
    """How the last run ended, or why nothing is known since."""
    said = summary(report) if report else plain("Not checked yet: press c.")
    if trouble:
        return Content.assemble(("? no verdict: ", UNSURE), plain(trouble), *(("\nbefore: ", said) if report else ()))
    return Content.assemble(said, " · o: solution and why") if report and report.outcome == "passed" else said


def running(busy: str, what: str, *, stops: bool) -> Content:
    """What is under way, and how to stop it."""
    return plain(f"{busy} …{' esc: stop' if stops else ''}{f'  {what}' if what else ''}", FAINT)


def evidence(line: CheckLine, result: CheckResult | None) -> Content:
    """What was asked for one check, what was expected and what was seen."""
    head = Content.assemble(plain(line.title, "bold"), ("\nwhy it matters  ", FAINT), plain(line.why), "\n")
    if result is None:
        return Content.assemble(head, ("\nNot checked yet: press c.", FAINT))
    error = Content.assemble(("\nCould not tell: ", UNSURE), plain(result.error), "\n") if result.error else ""
    notes = (Content.assemble(("\nnote: ", FAINT), plain(note)) for note in result.notes)
    return Content.assemble(head, error, *map(_asked, result.evidence), *notes)


def _asked(item: Evidence) -> Content:
    sign, style = ("✔", GOOD) if item.met else ("✘", BAD)
    return Content.assemble(
        (f"\n{sign} ", style),
        plain(item.asked),
        ("\n  expected  ", FAINT),
        plain(item.expected),
        ("\n  observed  ", FAINT),
        plain(item.observed, "" if item.met else style),
        "\n",
    )
