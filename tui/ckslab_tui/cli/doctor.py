"""``ckslab doctor``: what this machine has and lacks."""

import dataclasses

import click

from ckslab_tui.cli.options import KUBERNETES, Settings, with_output, with_settings
from ckslab_tui.cli.streams import result, result_json


@click.command("doctor", short_help="Say what this machine has and lacks.")
@with_settings
@with_output("json")
def command(settings: Settings, output: str) -> int:
    """Say what this machine has and lacks for a control plane, and what to do about it.

    Exit code 0: nothing is missing. 3: something is.
    """
    from ckslab_labs.binaries.doctor import findings
    from ckslab_labs.errors import ExitCode

    found = findings(settings.kubernetes or KUBERNETES[0])
    if settings.provider == "kind":
        from ckslab_labs.providers.kind import preflight

        found = [*found, *preflight.findings()]
    ok = all(finding.ok for finding in found)
    if output == "json":
        result_json({"ok": ok, "findings": [dataclasses.asdict(finding) for finding in found]})
    else:
        width = max(len(finding.name) for finding in found)
        for finding in found:
            result(f"{'ok     ' if finding.ok else 'missing'}  {finding.name:<{width}}  {finding.seen}")
            if finding.remedy:
                result(f"{'':{width + 11}}{finding.remedy}")
    return ExitCode.PASSED if ok else ExitCode.UNKNOWN
