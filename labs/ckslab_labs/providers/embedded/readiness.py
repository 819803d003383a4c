"""Waits until components of a plane are ready, or says why one is not, and what helps."""

import time
from collections.abc import Callable, Collection, Sequence

from ckslab_labs.errors import Infrastructure
from ckslab_labs.providers.embedded.components import APISERVER
from ckslab_labs.providers.embedded.layout import Layout
from ckslab_labs.providers.embedded.steering import PlaneStatus, Steering

READYZ = "/readyz"
"""Whether an API server is ready (https://kubernetes.io/docs/reference/using-api/health-checks/)."""
READYZ_IF_FILLED = (
    f"{READYZ}?exclude=poststarthook/rbac/bootstrap-roles"
    "&exclude=poststarthook/scheduling/bootstrap-system-priority-classes"
)
"""The same where all that it makes at its first start is stored already: it looks for that once a second only."""
START_SECONDS = 90.0
"""A cold API server on a busy two-core machine is ready within 10 s."""
ANEW = "`ckslab stop`, then `ckslab start ID`, makes it anew; your files are kept."
REMEDY = {APISERVER: "`ckslab reset` puts control-plane files back."}
"""Where something else than a new plane helps."""


def await_ready(
    steering: Steering, layout: Layout, wanted: Sequence[str], answers: Callable[[Collection[str]], bool], *, last: bool
) -> bool:
    """Wait until these components are ready.

    Args:
        steering: of the plane; a supervisor that dies meanwhile is replaced.
        layout: of the plane.
        wanted: the components.
        answers: whether they do, asked once the supervisor says that they are ready.
        last: there will be no other try.

    Returns:
        False when a port was taken and another try is worth it.

    Raises:
        Infrastructure: one did not become ready; says why.

    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        status = steering.status()
        states = {name: status.components.get(name, {}) for name in wanted}
        if all(state.get("state") == "ready" for state in states.values()) and answers(states):
            return True
        broken = _broken(status, wanted)
        if broken or time.monotonic() > deadline:
            reason = _reason(status, broken)
            if "address already in use" in reason and not last:
                return False
            name = broken or next((n for n, s in states.items() if s.get("state") != "ready"), "the plane")
            remedy = f"See {layout.log(name)}; {REMEDY.get(name, ANEW)}"
            raise Infrastructure(f"start {name} of plane {layout.name}", reason, remedy)
        steering.revive()
        time.sleep(0.02)


def _broken(status: PlaneStatus, wanted: Sequence[str]) -> str | None:
    """A component that will not become ready by itself."""
    failed = [name for name in wanted if status.components.get(name, {}).get("failures", 0) >= 2]
    if not failed and APISERVER in wanted and status.problems:
        return APISERVER
    return failed[0] if failed else None


def _reason(status: PlaneStatus, broken: str | None) -> str:
    own = status.components.get(broken, {}).get("reason") if broken and broken != APISERVER else None
    return str(own or status.explain() or "it took too long")
