"""``ckslab setup``: build everything ahead."""

from collections.abc import Mapping
from pathlib import Path

import click

from ckslab_tui.cli.options import KUBERNETES, Settings, with_output, with_settings
from ckslab_tui.cli.streams import Progress, result, result_json


@click.command("setup", short_help="Build everything ahead of the first start.")
@click.option("--all", "every", is_flag=True, help="The tools of single scenarios as well, such as promtool.")
@with_settings
@with_output("json")
def command(every: bool, settings: Settings, output: str) -> None:
    """Build the control plane's programs and its clean baseline, so that the first start is quick.

    What is there already is not built again. Building everything takes some minutes, once.
    """
    progress = Progress()
    version = settings.kubernetes or KUBERNETES[0]
    programs = _make_ready(version, every, progress)
    seconds = round(progress.seconds, 3)
    if output == "json":
        programs_by_name = {name: str(path) for name, path in programs.items()}
        return result_json({"kubernetes": version, "programs": programs_by_name, "seconds": seconds})
    return result(f"Kubernetes {version} is ready to start ({seconds:.1f} s)")


def _make_ready(kubernetes: str, every: bool, progress: Progress) -> Mapping[str, Path]:
    from ckslab_labs.binaries.catalog import KUBERNETES as MODULES
    from ckslab_labs.binaries.catalog import programs
    from ckslab_labs.binaries.locate import ensure
    from ckslab_labs.providers.embedded.baseline import ensure_baseline
    from ckslab_labs.providers.embedded.plane import make_baseline
    from ckslab_labs.tools import TOOLS, make_ready

    found = dict(ensure([binary.name for _, binary in programs(kubernetes)], kubernetes, progress))
    if every:
        found |= make_ready(TOOLS, progress)
    ensure_baseline(MODULES[kubernetes].version, lambda path: make_baseline(path, kubernetes, ensure, progress))
    return found
