"""``ckslab check ID --provider existing``: a scenario's checks, put to a cluster that is given by its kubeconfig."""

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ckslab_labs.errors import InvalidInput
from ckslab_tui.cli.streams import talk
from ckslab_tui.service import LabService

if TYPE_CHECKING:
    from ckslab_checker.outcome import Report

WARNING = """\
The checks of {scenario} will be put to {cluster} (user {user}), of {kubeconfig}.
They ask as other users, by reviews of access and dry runs. For the moment of a check there are objects named
ckslab-barrier-... and, where it is not there yet, a namespace ckslab."""


def check_existing(
    service: LabService, scenario: str | None, kubeconfig: Path | None, context: str | None, files: Path, *, yes: bool
) -> "Report":
    """Put a scenario's checks to a cluster, after a confirmation.

    Raises:
        InvalidInput: something is not given or not valid, or nobody confirmed.

    """
    from ckslab_labs.providers.existing.provider import contexts, open_cluster

    given = {"a scenario": scenario, "--kubeconfig": kubeconfig, "--context": context}
    if missing := [what for what, value in given.items() if value is None]:
        remedy = "Run `ckslab check ID --provider existing --kubeconfig FILE --context NAME`."
        raise InvalidInput("check a cluster that is given", f"{' and '.join(missing)} must be given, too", remedy)
    assert scenario is not None
    assert kubeconfig is not None
    assert context is not None
    wanted = service.scenarios().get(scenario)
    about = contexts(kubeconfig).get(context, {})
    told = WARNING.format(
        scenario=scenario, cluster=about.get("cluster"), user=about.get("user"), kubeconfig=kubeconfig
    )
    cluster = open_cluster(kubeconfig, context)
    talk(told)
    if not yes:
        _confirm(context)
    return service.check_given(wanted, cluster, files, secrets.token_hex(4))


def _confirm(context: str) -> None:
    if not sys.stdin.isatty():
        seen = "nobody is there to confirm it"
        raise InvalidInput(f"check the cluster of context {context}", seen, "Say --yes.")
    if not click.confirm(f"Check the cluster of context {context}?", err=True):
        raise InvalidInput(f"check the cluster of context {context}", "it was not confirmed", "Nothing was done.")
