"""Words and signs for the screen. Colour is never the only sign, and cluster text is never markup.

Everything that may come from a cluster goes through ``plain``: cleaned, and as ``Text``, which Textual does not parse.
"""

from rich.text import Text

from ckslab_checker.outcome import CheckResult, Outcome, Report
from ckslab_checker.text import clean
from ckslab_tui.views import CheckLine, Entry

SIGNS = {
    Outcome.PASSED: ("✔", "passed", "green"),
    Outcome.FAILED: ("✘", "failed", "red"),
    Outcome.ERROR: ("?", "could not tell", "yellow"),
    Outcome.SKIPPED: ("-", "skipped", "yellow"),
}
NOT_ASKED = ("·", "not checked", "")


def plain(text: object, style: str = "") -> Text:
    """Any text, made harmless for the screen."""
    return Text(clean(text), style=style)


def outcome(value: Outcome | None) -> Text:
    """An outcome as sign, word and colour; ``None`` is a check that was not asked yet."""
    sign, word, style = SIGNS[value] if value else NOT_ASKED
    return Text(f"{sign} {word}", style=style)


def entry_line(entry: Entry, is_open: bool) -> Text:
    """A scenario in the catalogue, on one line."""
    mark = Text("▸ ", "bold") if is_open else Text("  ")
    facts = Text(f"{entry.difficulty:<8}{entry.minutes:>3} min  ", "dim")
    return Text.assemble(mark, facts, plain(entry.title), Text("  open", "bold") if is_open else "", no_wrap=True)


def entry_details(entry: Entry) -> Text:
    """What the catalogue says of the selected scenario."""
    facts = f"{entry.id} · trains {', '.join(entry.competencies)} · {entry.points} points · needs "
    return Text.assemble(plain(entry.title, "bold"), "\n", plain(facts + ", ".join(entry.requires), "dim"))


def check_line(line: CheckLine, result: CheckResult | None) -> Text:
    """A check with its outcome, on one line."""
    worth = "keeps" if line.keeps else f"{line.points} p"
    sign = outcome(result.outcome if result else None)
    sign.pad_right(max(0, 15 - len(sign)))
    return Text.assemble(sign, Text(f"{worth:>6}  ", "dim"), plain(line.title))


def summary(report: Report) -> Text:
    """The run as a whole."""
    points = "no points" if report.points is None else f"{report.points} of {report.max_points} points"
    return Text.assemble(outcome(report.outcome), f" · {points} · {report.seconds:.2f} s")


def evidence(line: CheckLine, result: CheckResult | None) -> Text:
    """What was asked for one check, what was expected and what was seen."""
    text = Text.assemble(plain(line.title, "bold"), "\n", plain(line.why), "\n")
    if result is None:
        return text.append("\nNot checked yet: press c.", "dim")
    if result.error:
        text.append("\nCould not tell: ", "yellow").append_text(plain(result.error)).append("\n")
    for item in result.evidence:
        sign, style = ("✔", "green") if item.met else ("✘", "red")
        text.append(f"\n{sign} ", style).append_text(plain(item.asked)).append("\n")
        text.append("  expected  ", "dim").append_text(plain(item.expected)).append("\n")
        text.append("  observed  ", "dim").append_text(plain(item.observed, "" if item.met else style)).append("\n")
    for note in result.notes:
        text.append("\nnote: ", "dim").append_text(plain(note))
    return text
