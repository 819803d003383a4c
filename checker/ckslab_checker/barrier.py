"""The wait, once per run, until everything the learner last wrote has taken effect.

Each kind of object reaches the part of the API server that acts on it by a queue of its own, in order. So a sentinel
of the same kind, written after the learner's last change and seen to act, proves that the change acts as well. To guess
a pause, or to ask until the answer pleases, proves nothing; nothing in here asks about the learner's own objects.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from ckslab_checker import aggregation, sentinels
from ckslab_checker.context import Context, Manifest
from ckslab_checker.installed import Installed, installed
from ckslab_checker.sentinels import Refused, Sentinel
from ckslab_labs.cluster.leaving import leaving
from ckslab_labs.cluster.port import Capability
from ckslab_labs.cluster.rollouts import moving
from ckslab_labs.cluster.together import together
from ckslab_labs.errors import Infrastructure, Unreachable
from ckslab_labs.session import start_rbac

DEADLINE = 15.0
"""Seconds; admission policies are compiled on a 1 s tick, everything else takes some 20 ms."""
PODS_DEADLINE = 30.0
"""Seconds for rollouts on a busy machine; pods that are stuck are not waited for."""
GRACE = 3.0
"""Seconds to wait where the learner's own admission control refuses the sentinels: three of those ticks."""
_PAUSES = (0.003, 0.05)
"""Seconds between two looks, at first and at most: what is not seen at once takes the next tick."""
_ABANDONED = timedelta(seconds=DEADLINE + 5)
"""A sentinel older than this is of a run that was killed."""

_GRANTS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
_INSTALLED: Mapping[str, Callable[[Context, str], Sentinel]] = {
    "ValidatingAdmissionPolicy": sentinels.validating_policy,
    "MutatingAdmissionPolicy": sentinels.mutating_policy,
    "ValidatingWebhookConfiguration": partial(sentinels.webhook, kind="ValidatingWebhookConfiguration"),
    "MutatingWebhookConfiguration": partial(sentinels.webhook, kind="MutatingWebhookConfiguration"),
}
"""Kinds of admission control that somebody may install, with their sentinels."""


def await_controllers(ctx: Context, *, at_rest: bool = False) -> None:
    """Wait for what controllers make of the learner's changes: ClusterRoles that are made of others.

    Authorizers see only what is written. Done once for a context, with ``ctx.rbac`` found by it. ``at_rest`` is for
    where controllers were awaited before, and are kept from their work since.

    Raises:
        Infrastructure: no controller does its work in time.

    """
    ctx.once("rbac", lambda: _aggregated(ctx, at_rest))


def await_pods(ctx: Context) -> None:
    """Wait until no pod is on its way in or out, where pods are real; what does not arrive is found by the checks."""
    if Capability.KUBELET not in ctx.cluster.capabilities:
        return
    deadline = time.monotonic() + PODS_DEADLINE
    pauses = _pauses()
    while (moving(ctx.objects) or leaving(ctx.objects)) and time.monotonic() < deadline:
        time.sleep(next(pauses))


def settle(
    ctx: Context, *, admission: bool = True, policies: bool = True, everything: bool = False, leave: bool = False
) -> tuple[str, ...]:
    """Wait until all changes made before the call have taken effect.

    ``admission`` is whether requests will follow that admission control sees (it does not see reviews of access).
    ``policies`` is whether policies and webhooks may have changed; of their kinds those of which nothing is installed
    are left out, unless ``everything`` is asked for. ``leave`` is for where the cluster's state is restored afterwards:
    then what was written for it need not be taken out again.

    Returns:
        notes for the report: that sentinels were refused, and a fixed time was waited instead.

    Raises:
        Infrastructure: a sentinel did not act in time; says what was seen last.
        Unreachable: no answer.

    """
    deadline = time.monotonic() + DEADLINE
    if ctx.control_namespace not in ctx.namespaces:
        ctx.objects.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ctx.control_namespace}})
        account = {"name": "default", "namespace": ctx.control_namespace}  # controllers may be at rest
        ctx.objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    await_controllers(ctx, at_rest=leave)
    found = installed(ctx.objects) if admission else {}
    if admission:
        ctx.once("installed", lambda: {kind: _others(found[kind]) for kind in found})
    if ctx.live:  # elsewhere the whole state is restored anyway
        _sweep(ctx, {**{kind: _grants(ctx, kind) for kind in _GRANTS}, **found})
    token = secrets.token_hex(5)
    wanted = [sentinels.grant(ctx, token, "Role"), sentinels.grant(ctx, token, "ClusterRole")]
    for kind, make in _INSTALLED.items():
        if policies and kind in found and (everything or _matters(kind, found)):
            wanted.append(make(ctx, token))
    if admission:
        wanted.append(sentinels.PodSecurityLabel(ctx, f"v1.{secrets.randbelow(10**9)}"))
    try:
        with _written(wanted, leave):
            _await(wanted, deadline)
    except Refused as refusal:
        time.sleep(GRACE)
        return (f"the cluster refuses what is needed to see that it has settled ({refusal}); waited {GRACE:.0f} s",)
    return ()


def _matters(kind: str, found: Installed) -> bool:
    """Whether something of the kind may be in force: a binding may be so for a while without its policy."""
    return bool(_others([*found[kind], *found.get(f"{kind}Binding", ())]))


def _others(items: Sequence[Manifest]) -> list[Manifest]:
    """Without our sentinels."""
    return [item for item in items if not item["metadata"]["name"].startswith(sentinels.PREFIX)]


def _grants(ctx: Context, kind: str) -> list[Manifest]:
    """Our sentinels of a kind of which there are many others.

    From the server's cache (``resourceVersion=0``): an exact list costs up to 0.1 s there, and what is swept is old.
    """
    path = ctx.objects.resource(kind).path(None, ctx.control_namespace)
    answer = ctx.cluster.request("GET", path, query={"labelSelector": sentinels.LABEL, "resourceVersion": "0"})
    return list(answer.body["items"]) if answer.ok else []


@contextmanager
def _written(wanted: Sequence[Sentinel], leave: bool) -> Iterator[None]:
    try:
        together(sentinel.write for sentinel in wanted)
        yield
    finally:
        if not leave:
            together(sentinel.erase for sentinel in wanted)


def _await(wanted: Sequence[Sentinel], deadline: float) -> None:
    for sentinel in wanted:
        for pause in _pauses():
            last = sentinel.seen()
            if last is None:
                break
            _wait(pause, deadline, f"{sentinel.what} of ours has no effect; last seen: {last}")


def _aggregated(ctx: Context, at_rest: bool) -> Mapping[str, Sequence[Manifest]]:
    """All roles and bindings, once the aggregated ones among them are up to date.

    Where a ClusterRole is another than at the start they must be so, and the same, before and after the controller has
    done what it had begun.
    """
    deadline = time.monotonic() + DEADLINE
    before = None if ctx.start is None else aggregation.content(ctx.start.rbac.get("ClusterRole", ()))
    for pause in _pauses():
        rbac = start_rbac(ctx.objects)
        if Capability.CONTROLLERS not in ctx.cluster.capabilities:
            break
        behind = aggregation.unfinished(rbac["ClusterRole"])
        if behind:
            before = None
            _wait(pause, deadline, f"no controller brings the aggregated ClusterRoles up to date: {', '.join(behind)}")
            continue
        now = aggregation.content(_others(rbac["ClusterRole"]))
        if at_rest or now == before:
            break
        before = now
        _await_aggregation(ctx, deadline)
    return rbac


def _await_aggregation(ctx: Context, deadline: float) -> None:
    """Wait until the controller of aggregated ClusterRoles has done what it had begun."""
    sentinel = sentinels.aggregate(ctx, secrets.token_hex(5))
    try:
        with _written([sentinel], leave=False):
            _await([sentinel], deadline)
    except Refused:
        time.sleep(GRACE)


def _pauses() -> Iterator[float]:
    pause, most = _PAUSES
    while True:
        yield pause
        pause = min(pause * 1.5, most)


def _wait(pause: float, deadline: float, last: str) -> None:
    if time.monotonic() > deadline:
        attempted = "see that the cluster has taken up the last changes"
        raise Infrastructure(attempted, f"after {DEADLINE:.0f} s {last}", "Try again, or see `ckslab doctor`.")
    time.sleep(pause)


def _sweep(ctx: Context, found: Installed) -> None:
    """Take out what killed runs have left behind."""
    now = datetime.now(UTC)
    for kind, items in found.items():
        for metadata in (item["metadata"] for item in items if item["metadata"]["name"].startswith(sentinels.PREFIX)):
            if now - datetime.fromisoformat(metadata["creationTimestamp"]) > _ABANDONED:
                with suppress(Unreachable):
                    ctx.objects.delete(kind, metadata["name"], metadata.get("namespace"))
