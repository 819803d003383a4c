"""``ckslab hint``: a tier of hints."""

import click

from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import result, result_json, talk
from ckslab_tui.service import LabService


@click.command("hint")
@click.argument("number", metavar="[N]", type=click.IntRange(min=1), required=False)
@with_settings
@with_output("json")
def command(number: int | None, settings: Settings, output: str) -> None:
    """Show the next hint, or hint N. Hints used are counted."""
    hint = LabService(settings).hint(number)
    if output == "json":
        return result_json({"scenario": hint.scenario, "hint": hint.number, "of": hint.of, "text": hint.text})
    talk(f"Hint {hint.number} of {hint.of}")
    return result(hint.text)
