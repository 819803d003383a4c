"""``ckslab progress``: what was passed, how quickly, and what is left. What it shows is on this machine only."""

import sys
from pathlib import Path
from typing import Any

import click

from ckslab_tui.cli.completions import complete_scenario
from ckslab_tui.cli.options import Settings, with_output, with_settings
from ckslab_tui.cli.streams import result, result_json, talk
from ckslab_tui.service import LabService


@click.command("progress", short_help="Show what you have passed, and what is left.")
@click.argument("scenario", metavar="[ID]", required=False, shell_complete=complete_scenario)
@click.option("--history", is_flag=True, help="Show every attempt and exam, or the attempts at the scenario ID.")
@click.option("--export", "file", type=click.Path(path_type=Path), metavar="FILE", help="Write everything as JSON.")
@click.option("--force", is_flag=True, help="With --export: replace FILE where it is there already.")
@click.option("--delete", is_flag=True, help="Delete your progress, after a question.")
@click.option("--yes", "-y", is_flag=True, help="With --delete: do not ask.")
@with_settings
@with_output("json")
def command(
    scenario: str | None,
    history: bool,
    file: Path | None,
    force: bool,
    delete: bool,
    yes: bool,
    settings: Settings,
    output: str,
) -> None:
    """Show your progress by domain of the curriculum, with each scenario's state, points and best time.

    Every run of the checks, by `ckslab check` or in the app, is an attempt. Attempts and exams are kept on this machine
    only.
    """
    _refuse_nonsense(scenario, history, file, force, delete, yes)
    service = LabService(settings)
    if delete:
        return _delete(service, yes, output)
    if file is not None:
        return _export(service, file, force, output)
    if history:
        return _history(service, scenario, output)
    return _show(service, output)


def _refuse_nonsense(
    scenario: str | None, history: bool, file: Path | None, force: bool, delete: bool, yes: bool
) -> None:
    """Refuse what would be passed over, rather than doing something else than was meant."""
    context = click.get_current_context()
    chosen = [name for name, given in (("--history", history), ("--export", file), ("--delete", delete)) if given]
    if len(chosen) > 1:
        raise click.UsageError(f"choose one of {' and '.join(chosen)}", context)
    for given, name, partner in (
        (scenario, "ID", "--history"),
        (force, "--force", "--export"),
        (yes, "--yes", "--delete"),
    ):
        if given and chosen != [partner]:
            raise click.UsageError(f"{name} is for {partner}", context)


def _show(service: LabService, output: str) -> None:
    from ckslab_tui.cli.list import tell_broken
    from ckslab_tui.cli.progress_text import as_dict, as_text

    service.records.file.attempts()  # what cannot be read is an error here, and no progress of nothing
    catalogue = service.catalogue()
    tell_broken(catalogue)
    if output == "json":
        return result_json(as_dict(catalogue))
    return result(as_text(catalogue))


def _history(service: LabService, scenario: str | None, output: str) -> None:
    from ckslab_tui.cli.progress_text import attempts_as_text, exams_as_text

    exams = service.records.file.exams() if scenario is None else []
    attempts = [each for each in service.records.file.attempts() if scenario in (None, each.scenario)]
    if scenario is not None and not attempts:
        service.scenarios().get(scenario)  # a name that is no scenario's is told as one
    if output == "json":
        history: dict[str, Any] = {"attempts": [attempt.as_dict() for attempt in attempts]}
        return result_json(history if scenario else {**history, "exams": [exam.as_dict() for exam in exams]})
    if not attempts and not exams:
        return talk("There was no attempt yet.")
    return result("\n\n".join(filter(None, (attempts_as_text(attempts), exams_as_text(exams)))))


def _export(service: LabService, file: Path, force: bool, output: str) -> None:
    from ckslab_labs.progress.export import export
    from ckslab_tui.standing import counted

    written = export(service.records.file, file, force)
    counts = {what: len(written[what]) for what in ("attempts", "exams")}
    if output == "json":
        return result_json({"file": str(file), **counts})
    return result(f"{file}: {counted(counts['attempts'], 'attempt')}, {counted(counts['exams'], 'exam')}")


def _delete(service: LabService, yes: bool, output: str) -> None:
    from ckslab_labs.errors import InvalidInput

    attempted = "delete your progress"
    if not yes:
        if not sys.stdin.isatty():
            raise InvalidInput(attempted, "nobody is there to confirm it", "Say --yes.")
        talk(f"{service.records.file.path} holds your attempts and exams. Sessions, reports and your own files stay.")
        if not click.confirm("Delete your progress?", err=True):
            raise InvalidInput(attempted, "it was not confirmed", "Nothing was done.")
    deleted = service.records.file.delete()
    if output == "json":
        return result_json({"deleted": deleted})
    return result("your progress is deleted" if deleted else "there was no progress to delete")
