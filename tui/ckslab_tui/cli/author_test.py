"""``ckslab author test``: play a scenario's suite, and see that the checker is right about every case."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ckslab_tui.cli.author_plane import PLANE, ready_lab, tell_that_it_runs_on
from ckslab_tui.cli.completions import complete_scenario
from ckslab_tui.cli.options import Settings, settings_on, with_output
from ckslab_tui.cli.selection import selected
from ckslab_tui.cli.streams import Progress, result, result_json, talk
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ckslab_checker.suite import CaseResult, SuiteResult
    from ckslab_labs.scenario.model import Scenario


@click.command("test")
@click.argument("scenarios", metavar="[ID]...", nargs=-1, shell_complete=complete_scenario)
@click.option("--all", "every", is_flag=True, help="All scenarios.")
@click.option(
    "--planes",
    type=click.IntRange(1, 8),
    default=1,
    show_default=True,
    help="Play on so many planes at a time: waiting for policies costs no time then.",
)
@settings_on(PLANE)
@with_output("json")
def command(scenarios: tuple[str, ...], every: bool, planes: int, settings: Settings, output: str) -> int:
    """Play the suites of the scenarios ID, or of --all that the provider can run.

    Exit code 0: every case came out as its suite demands. 1: some did not.
    """
    from ckslab_checker.suite import run_suite, summary

    service = LabService(settings)
    chosen = selected(service, scenarios, every)
    if every:
        chosen = _those_it_can_play(service, chosen)
    progress = Progress()
    others = (LabService(replace(settings, plane=f"{settings.plane}-{number}")) for number in range(2, planes + 1))
    labs = [ready_lab(each, chosen, progress) for each in (service, *others)]
    results = [run_suite(scenario, labs, progress) for scenario in chosen]
    for lab in labs:
        tell_that_it_runs_on(lab)
    for suite in results:
        for name in suite.left_out:
            talk(f"{suite.scenario}: {name} was left out, as this Kubernetes does not serve what it needs")
    if output == "json":
        for suite in results:
            if not suite.ok:
                talk("\n".join(_told(suite)))
        result_json(summary(results))
    else:
        result("\n".join([*_table(results), *(line for each in results for line in _told(each))]))
    return 0 if all(each.ok for each in results) else 1


def _those_it_can_play(service: LabService, scenarios: "list[Scenario]") -> "list[Scenario]":
    """All but those that the provider cannot run, which are named."""
    provider = service.lab.provider
    unfit = [each for each in scenarios if not provider.offers.issuperset(each.spec.requires)]
    if unfit:
        names = ", ".join(each.id for each in unfit)
        talk(f"left out, as the {provider.name} provider cannot run them (try --provider kind): {names}")
    return [each for each in scenarios if each not in unfit]


def _table(suites: "list[SuiteResult]") -> list[str]:
    """A line for each suite, and one for all of them where there are several."""
    from ckslab_checker.suite import summary

    rows = [("scenario", "cases", "right accepted", "wrong refused", "seconds")]
    rows += [_row(suite.scenario, suite.cases, suite.seconds) for suite in suites]
    if len(suites) > 1:
        rows.append(_row("all", [case for suite in suites for case in suite.cases], sum(s.seconds for s in suites)))
    width = max(len(row[0]) for row in rows)
    found = summary(suites)
    return [
        *(
            f"{name:{width}}  {cases:>5}  {right:>14}  {wrong:>13}  {time:>7}"
            for name, cases, right, wrong, time in rows
        ),
        f"false accepts: {found['false_accepts']}, false rejects: {found['false_rejects']}",
    ]


def _row(name: str, cases: "Sequence[CaseResult]", seconds: float) -> tuple[str, str, str, str, str]:
    right, wrong = ([case.ok for case in cases if case.right is kind] for kind in (True, False))
    accepted, refused = (f"{sum(each)} of {len(each)}" for each in (right, wrong))
    return name, str(len(cases)), accepted, refused, f"{seconds:.1f}"


def _told(suite: "SuiteResult") -> list[str]:
    """What did not come out as demanded, by case."""
    lines = []
    for case in suite.cases:
        if not case.ok:
            lines += [f"{suite.scenario}, {case.name}:"]
            lines += [f"  {line}" for each in case.mismatches for line in each.splitlines()]
    return lines
