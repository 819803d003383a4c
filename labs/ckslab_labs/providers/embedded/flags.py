"""Which flags of an edited manifest this lab runs kube-apiserver with, and how each is translated. Data, in one table.

Flags that are not listed do not reach the API server: a typing error gets kube-apiserver's own words, and a flag that
could run, read or reach something outside the plane is treated the same.
"""

import difflib
from collections.abc import Callable

from ckslab_labs.providers.embedded.confine import Confinement
from ckslab_labs.providers.embedded.layout import Ports
from ckslab_labs.providers.embedded.manifest import CANONICAL, ManifestProblem, StaticPod

Translate = Callable[[Confinement, str, str], str]


def _as_is(_confinement: Confinement, _flag: str, value: str) -> str:
    return value


FREE = [
    "allow-privileged",
    "anonymous-auth",
    "api-audiences",
    "audit-log-batch-max-size",
    "audit-log-compress",
    "audit-log-format",
    "audit-log-maxage",
    "audit-log-maxbackup",
    "audit-log-maxsize",
    "audit-log-mode",
    "audit-log-truncate-enabled",
    "authorization-mode",
    "default-not-ready-toleration-seconds",
    "default-unreachable-toleration-seconds",
    "disable-admission-plugins",
    "enable-admission-plugins",
    "enable-aggregator-routing",
    "enable-bootstrap-token-auth",
    "enable-priority-and-fairness",
    "encryption-provider-config-automatic-reload",
    "event-ttl",
    "feature-gates",
    "goaway-chance",
    "http2-max-streams-per-connection",
    "kubelet-preferred-address-types",
    "kubelet-timeout",
    "livez-grace-period",
    "max-mutating-requests-inflight",
    "max-requests-inflight",
    "min-request-timeout",
    "profiling",
    "request-timeout",
    "runtime-config",
    "service-account-extend-token-expiration",
    "service-account-issuer",
    "service-account-lookup",
    "service-account-max-token-expiration",
    "service-cluster-ip-range",
    "service-node-port-range",
    "shutdown-delay-duration",
    "strict-transport-security-directives",
    "tls-cipher-suites",
    "tls-min-version",
    "v",
    "vmodule",
]
"""Flags whose value concerns the API server alone."""

FIXED = ("advertise-address", "bind-address", "etcd-servers", "secure-port")
"""Flags that may be given with the value of the first manifest only: everything of a plane is on loopback."""

TABLE: dict[str, Translate] = {
    **dict.fromkeys(FREE, _as_is),
    "audit-policy-file": Confinement.plain,
    "audit-log-path": Confinement.output,
    "audit-webhook-config-file": Confinement.kubeconfig,
    "authentication-token-webhook-config-file": Confinement.kubeconfig,
    "admission-control-config-file": Confinement.admission,
    "encryption-provider-config": Confinement.encryption,
    "client-ca-file": Confinement.plain,
    "etcd-cafile": Confinement.plain,
    "etcd-certfile": Confinement.plain,
    "etcd-keyfile": Confinement.plain,
    "kubelet-client-certificate": Confinement.plain,
    "kubelet-client-key": Confinement.plain,
    "kubelet-certificate-authority": Confinement.plain,
    "service-account-key-file": Confinement.plain,
    "service-account-signing-key-file": Confinement.plain,
    "tls-cert-file": Confinement.plain,
    "tls-private-key-file": Confinement.plain,
}


def apiserver_arguments(pod: StaticPod, confinement: Confinement, ports: Ports) -> list[str]:
    """The flags to run kube-apiserver with, for a manifest as read.

    Raises:
        ManifestProblem: a flag is unknown, not run here, or names something it may not; a volume cannot be mounted.

    """
    try:
        confinement.mount()
        return _arguments(pod, confinement, ports)
    except (OSError, ValueError, RuntimeError) as error:  # a name too long, a null byte, links in a circle
        raise ManifestProblem(str(error)) from error


def _arguments(pod: StaticPod, confinement: Confinement, ports: Ports) -> list[str]:
    real = {"etcd-servers": f"https://127.0.0.1:{ports.etcd}", "secure-port": str(ports.apiserver)}
    arguments = []
    for flag, value in pod.flags:
        if flag in FIXED:
            if value != CANONICAL[flag]:
                raise ManifestProblem(f"--{flag}={value}: this lab's API server runs with {CANONICAL[flag]} only")
            value = real.get(flag, value)
        elif flag in TABLE:
            value = TABLE[flag](confinement, flag, value)
        else:
            raise ManifestProblem(_unknown(flag))
        arguments.append(f"--{flag}={value}")
    for flag in FIXED:  # without them kube-apiserver would listen on every address, or look for etcd elsewhere
        if flag not in dict(pod.flags):
            raise ManifestProblem(f"--{flag} is missing: this lab's API server runs with --{flag}={CANONICAL[flag]}")
    return arguments


def _unknown(flag: str) -> str:
    near = difflib.get_close_matches(flag, [*TABLE, *FIXED], n=1)
    hint = f"; did you mean --{near[0]}?" if near else ""
    return f"Error: unknown flag: --{flag} (or one that this lab does not run{hint})"
