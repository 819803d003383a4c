"""A learner's checkpoint: the state of cluster and files that he has kept to come back to, one for each session.

It lies beside the session, so it outlives the command that made it, the plane, and a time put aside; a fresh start of
the scenario ends it.
"""

from ckslab_labs.errors import InvalidInput
from ckslab_labs.lab import Lab
from ckslab_labs.learners_files import put_files, with_files_of
from ckslab_labs.providers.embedded.steering import quiet
from ckslab_labs.providers.provider import Progress
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.session import Session
from ckslab_labs.snapshot.snapshot import Snapshot

TOO_LARGE = "your files are too large to be kept: a return will leave them as they are"


def keep_checkpoint(lab: Lab, progress: Progress = quiet) -> Session:
    """Write down the open session's state, synced to disk, in the place of what was kept before.

    Raises:
        InvalidInput: no scenario is open, or its cluster's state cannot be kept.
        Infrastructure: the plane or the disk does not do; what was kept before is still there.

    """
    with lab.exclusive():
        session = lab.session()
        kept = lab.provider.keep(progress)
        if kept is None:
            seen = f"the state of a cluster of {lab.provider.name} cannot be kept"
            raise InvalidInput("keep a checkpoint", seen, "`ckslab reset` puts it back to its start.")
        whole = with_files_of(session, kept)
        if whole.learner is None:
            progress(TOO_LARGE)
        whole.save(session.checkpoint)
        return session


def return_to_checkpoint(lab: Lab, scenario: Scenario, progress: Progress = quiet) -> Session:
    """Put cluster and files of the open session back as they were kept; the clock, hints and attempts go on.

    The learner's files that differ from those kept are moved beside them. What was kept stays, so that one can return
    again, also after this was killed half-way.

    Raises:
        InvalidInput: no scenario is open, or nothing was kept.
        Infrastructure: the plane does not start again; says why.

    """
    with lab.exclusive():
        session = lab.session()
        try:
            kept = Snapshot.load(session.checkpoint)
        except FileNotFoundError as error:
            seen = f"none of {session.scenario_id} was kept"
            remedy = "`ckslab checkpoint` keeps one, `ckslab reset` leads back to the start."
            raise InvalidInput("return to a checkpoint", seen, remedy) from error
        if not (lab.provider.owns(kept) and lab.provider.back_to(kept, progress, pods_stay=False)):
            lab.prepare(scenario.spec.requires, progress)
            lab.provider.resume(kept)
        put_files(kept.learner, session.folder, progress)
        return session
