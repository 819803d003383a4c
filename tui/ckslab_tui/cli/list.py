"""``ckslab list``: the scenarios there are."""

import click

from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import result, result_json, talk
from ckslab_tui.service import LabService
from ckslab_tui.views import Catalogue

ASIDE = "~ is put aside: `ckslab start ID --resume` goes on with it"


@click.command("list")
@with_settings
@with_output("json")
def command(settings: Settings, output: str) -> int:
    """List the scenarios by domain.

    Scenarios that do not load are reported on stderr and do not hide the others.
    """
    catalogue = LabService(settings).catalogue()
    tell_broken(catalogue)
    if output == "json":
        result_json(
            {
                "scenarios": [entry.as_dict() for entry in catalogue.entries],
                "open": catalogue.open,
                "aside": sorted(catalogue.aside),
            }
        )
    elif catalogue.entries:
        result(_as_text(catalogue))
    return 0 if catalogue.entries else _nothing(catalogue)


def tell_broken(catalogue: Catalogue) -> None:
    """Say which scenarios do not load, and why."""
    for broken in catalogue.broken:
        talk(f"{broken.folder} does not load:")
        for problem in broken.problems:
            talk(f"  {problem}")


def _as_text(catalogue: Catalogue) -> str:
    width = max(len(entry.id) for entry in catalogue.entries)
    lines = []
    for title, entries in catalogue.by_domain().items():
        lines += ["", title]
        for entry in entries:
            mark = ">" if entry.id == catalogue.open else "~" if entry.id in catalogue.aside else " "
            facts = f"{entry.difficulty:<8}{entry.minutes:>3} min  {', '.join(entry.requires):<22}"
            lines.append(f"{mark} {entry.id:<{width}}  {facts}  {entry.title}".rstrip())
    shown = {entry.id for entry in catalogue.entries}
    marks = [*(["> is open"] if catalogue.open else []), *([ASIDE] if catalogue.aside & shown else [])]
    lines += ["", " · ".join(marks)] if marks else []
    return "\n".join(lines[1:])


def _nothing(catalogue: Catalogue) -> int:
    from ckslab_labs.errors import InvalidInput

    seen = f"none of {len(catalogue.broken)} loads" if catalogue.broken else "there are none"
    raise InvalidInput("list scenarios", seen, "Mend what is reported above, or give another --pack.")
