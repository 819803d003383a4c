"""What a run of checks is to know of a session: its cluster, its files, its untouched start."""

import secrets

from ckslab_checker.context import Context, StartFacts
from ckslab_labs.cluster.objects import Objects
from ckslab_labs.lab import Lab, Session
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.session import start_pods, start_rbac


def start_facts(objects: Objects) -> StartFacts:
    """The facts of a cluster as it is now, to be compared with later."""
    return StartFacts(start_rbac(objects), start_pods(objects))


def context_for(scenario: Scenario, lab: Lab, session: Session, *, live: bool, seed: str | None = None) -> Context:
    """What probes get to see of a session on a plane.

    ``live`` is a learner's own cluster, where nothing may be left behind; elsewhere requests are made for real, and the
    plane's state is kept to go back to. ``seed`` makes names that nobody can foresee; a random one unless given.
    """
    start = session.start_facts()
    return Context(
        cluster=lab.cluster,
        identities=scenario.identities,
        files=session.files,
        start=StartFacts(start.rbac, start.pods),
        live=live,
        seed=seed or secrets.token_hex(4),
        checkpoint=None if live else lab.checkpoint,
        node=lab.provider.node,
        auditor=lab.provider.auditor,
        served=lab.objects,
    )
