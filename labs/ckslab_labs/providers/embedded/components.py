"""The processes of a plane: their command lines, the order they start in, and how each shows that it is ready.

Everything listens on 127.0.0.1, or not at all (``--secure-port=0``). Flags and their reasons: the Kubernetes component
reference (https://kubernetes.io/docs/reference/command-line-tools-reference/) and etcd's
(https://etcd.io/docs/v3.6/op-guide/configuration/).
"""

from collections.abc import Iterable

from ckslab_labs.cluster.port import Capability
from ckslab_labs.providers.embedded.layout import Layout, PlaneSpec

ETCD = "etcd"
APISERVER = "kube-apiserver"
CONTROLLERS = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
KWOK = "kwok"

ORDER = (ETCD, APISERVER, CONTROLLERS, SCHEDULER, KWOK)
"""Started from left to right, each after the one before is ready; stopped from right to left."""

NEEDS: dict[Capability, tuple[str, ...]] = {
    Capability.API: (ETCD, APISERVER),
    Capability.CONTROL_PLANE_FILES: (ETCD, APISERVER),
    Capability.AUDIT: (ETCD, APISERVER),
    Capability.CONTROLLERS: (ETCD, APISERVER, CONTROLLERS),
    Capability.NODES: (ETCD, APISERVER, CONTROLLERS, SCHEDULER, KWOK),
}
"""The components behind each capability; a capability that is not here is none of the embedded plane's."""


def components_for(capabilities: Iterable[Capability]) -> tuple[str, ...]:
    """The components that these capabilities need, in starting order."""
    needed = {component for capability in capabilities for component in NEEDS[capability]}
    return tuple(component for component in ORDER if component in needed)


def capabilities_of(components: Iterable[str]) -> frozenset[Capability]:
    """What a plane that runs these components can do."""
    running = set(components)
    return frozenset(capability for capability, needed in NEEDS.items() if running.issuperset(needed))


def command(component: str, spec: PlaneSpec, layout: Layout, apiserver_flags: Iterable[str] = ()) -> list[str]:
    """The command line of a component.

    Args:
        component: one of ``ORDER``.
        spec: the plane.
        layout: where the plane lies.
        apiserver_flags: what the API server's manifest says, translated.

    """
    flags = {
        ETCD: lambda: _etcd(spec, layout),
        APISERVER: lambda: [*apiserver_flags, *_apiserver(layout)],
        CONTROLLERS: lambda: _controllers(layout),
        SCHEDULER: lambda: _scheduler(layout),
        KWOK: lambda: _kwok(layout),
    }[component]()
    return [spec.binaries[component], *flags]


def _etcd(spec: PlaneSpec, layout: Layout) -> list[str]:
    client = f"https://127.0.0.1:{spec.ports.etcd}"
    peer = f"https://127.0.0.1:{spec.ports.etcd_peer}"
    pki = layout.pki / "etcd"
    return [
        "--name=plane",
        f"--data-dir={layout.etcd_data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=plane={peer}",
        "--client-cert-auth",
        f"--cert-file={pki}/server.crt",
        f"--key-file={pki}/server.key",
        f"--trusted-ca-file={pki}/ca.crt",
        "--peer-client-cert-auth",
        f"--peer-cert-file={pki}/peer.crt",
        f"--peer-key-file={pki}/peer.key",
        f"--peer-trusted-ca-file={pki}/ca.crt",
        # A restore is one transaction, however much there is to put back.
        "--max-txn-ops=100000",
        "--max-request-bytes=33554432",
        # Thousands of restores must not grow the file: old revisions go after two minutes, their pages are used again.
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=2m",
        "--quota-backend-bytes=2147483648",
        # A lab's data is made again in seconds, so speed wins over power cuts; a killed process loses nothing by it.
        "--unsafe-no-fsync",
        # One member elects itself: no need to wait a second for the votes of others. Each heartbeat costs 0.2 ms.
        "--heartbeat-interval=50",
        "--election-timeout=250",
        "--log-level=warn",
    ]


def _apiserver(layout: Layout) -> list[str]:
    """Flags that are ours and not in the manifest."""
    return [
        # Without a default route the API server finds no address to publish, and does not start.
        "--endpoint-reconciler-type=none",
        # With a controller manager attached, an API server takes 70 s to end unless its watches are cut short.
        "--shutdown-watch-termination-grace-period=1s",
        f"--cert-dir={layout.run}",
        # A list right after a write waits up to 100 ms for the cache to have heard of it; etcd answers in 3 ms.
        "--watch-cache=false",
    ]


def _controllers(layout: Layout) -> list[str]:
    kubeconfig = layout.kubeconfig(CONTROLLERS)
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--root-ca-file={layout.pki}/ca.crt",
        f"--service-account-private-key-file={layout.pki}/sa.key",
        f"--cluster-signing-cert-file={layout.pki}/ca.crt",
        f"--cluster-signing-key-file={layout.pki}/ca.key",
        # It asks for some 60 things as it starts; by default it waits 50 ms before each after the thirtieth.
        "--kube-api-qps=500",
        "--kube-api-burst=500",
        "--secure-port=0",
    ]


def _scheduler(layout: Layout) -> list[str]:
    kubeconfig = layout.kubeconfig(SCHEDULER)
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def _kwok(layout: Layout) -> list[str]:
    # Without a server address it serves nothing: `kubectl exec` into a simulated pod would run on this machine.
    return [
        f"--kubeconfig={layout.kubeconfig(KWOK)}",
        "--manage-all-nodes",
        # Without leases that are renewed, the node controller takes the nodes for dead after 50 s.
        "--node-lease-duration-seconds=40",
        f"--config={layout.run}/kwok.yaml",
    ]
