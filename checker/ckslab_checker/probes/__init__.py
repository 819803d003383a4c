"""One file per kind of probe; the registry is the list below."""

from collections.abc import Mapping

from ckslab_checker.probes.alert import Alert
from ckslab_checker.probes.audit import Audit
from ckslab_checker.probes.can_i import CanI
from ckslab_checker.probes.connect import Connect
from ckslab_checker.probes.create import Create
from ckslab_checker.probes.debug_container import DebugContainer
from ckslab_checker.probes.exec import Exec
from ckslab_checker.probes.falco import Falco
from ckslab_checker.probes.gatekeeper import Gatekeeper
from ckslab_checker.probes.kubelet import Kubelet
from ckslab_checker.probes.kyverno import Kyverno
from ckslab_checker.probes.no_new_powers import NoNewPowers
from ckslab_checker.probes.node_file import NodeFile
from ckslab_checker.probes.object import ObjectSays
from ckslab_checker.probes.request import Request
from ckslab_checker.probes.rollout import Rollout
from ckslab_checker.probes.subjects import Subjects
from ckslab_checker.probes.workload import Workload
from ckslab_labs.scenario.model import ProbeSpec

_KINDS: tuple[type[ProbeSpec], ...] = (
    Alert,
    Audit,
    CanI,
    Connect,
    Create,
    DebugContainer,
    Exec,
    Falco,
    Gatekeeper,
    Kubelet,
    Kyverno,
    NoNewPowers,
    NodeFile,
    ObjectSays,
    Request,
    Rollout,
    Subjects,
    Workload,
)

PROBES: Mapping[str, type[ProbeSpec]] = {probe.kind: probe for probe in _KINDS}
"""The kinds of probe, by the key under which they stand in a check."""
