"""A session that is put aside while another has its cluster, and brought back, with all that its cluster held."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ckslab_labs.errors import Infrastructure, InvalidInput
from ckslab_labs.providers.provider import Progress
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.session import Session
from ckslab_labs.snapshot.snapshot import Snapshot

if TYPE_CHECKING:
    from ckslab_labs.lab import Lab


def put_aside(lab: "Lab", progress: Progress) -> None:
    """Close the open session, with its cluster's state kept where the provider can."""
    session = lab.sessions.open()
    if session is None or not lab.provider.exists:
        return
    kept = lab.keep(progress)
    lab.sessions.set_open(None)  # from here on the cluster is another's: nobody may take its state for this one's
    session.paused()
    if kept:
        resume = f"`ckslab start {session.scenario_id} --resume` brings it back"
        progress(f"{session.scenario_id} is put aside; {resume}")
    else:
        progress(f"{session.scenario_id} is closed; its cluster's state cannot be kept, your files are")


def refuse_to_resume_nothing(lab: "Lab", session: Session) -> None:
    """Make sure that a session is open or was put aside.

    Raises:
        InvalidInput: it is not.

    """
    opened = lab.sessions.open()
    if not session.aside.is_file() and (opened is None or opened.folder != session.folder):
        seen = "nothing of it was put aside on this plane"
        raise InvalidInput(f"resume {session.scenario_id}", seen, f"Run `ckslab start {session.scenario_id}`.")


def bring_back(lab: "Lab", scenario: Scenario, folder: Path, progress: Progress) -> Session:
    """Give the cluster the state that was kept in a session's folder, and open it.

    Raises:
        Infrastructure: that state does not run, as its manifest may be broken; the session is open all the same.

    """
    session = Session.load(folder)
    snapshot = Snapshot.load(session.aside)
    lab.prepare(scenario.spec.requires, progress)
    if not lab.provider.owns(snapshot):
        session.write_start(replace(session.start(), snapshot=Snapshot({})))  # it names the old plane's authority
    try:
        lab.provider.resume(snapshot)
    except Infrastructure:
        lab.sessions.set_open(session.gone_on())  # what was put aside may hold a manifest that does not run
        raise
    session = session.gone_on()
    lab.sessions.set_open(session)  # last: killed before, it can be resumed again from what was put aside
    return session
