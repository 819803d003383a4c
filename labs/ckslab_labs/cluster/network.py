"""Whether NetworkPolicies are in force: measured by connections, never taken from a name.

One connection between two pods of ours must go through; with a policy against it, it must not. Whoever enforces
policies follows the API by a watch or by looking again and again, so a policy of ours that has taken effect shows that
those written before it have as well. NetworkPolicies have no status that would tell
(https://kubernetes.io/docs/concepts/services-networking/network-policies/#pod-lifecycle).
"""

import time
from collections.abc import Callable

from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.cluster.port import Ran
from ckslab_labs.errors import Infrastructure

NAMESPACE = "ckslab"
SERVER, CLIENT = "network-server", "network-client"
IMAGE = "busybox:1.37.0"
PORT = 8080
START_SECONDS = 60.0
"""For our two pods to run, and to talk to one another."""
EFFECT_SECONDS = 10.0
"""For a policy to act: 1-2 s were measured."""
TRY_SECONDS = 1


def nc_words(address: str, port: int, seconds: int) -> list[str]:
    """The command that opens a TCP connection and closes it: ``nc`` of busybox."""
    return ["nc", "-w", str(seconds), address, str(port), "-e", "true"]


class Network:
    """Two pods of ours in a cluster, and the policy between them."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def measure(self) -> bool:
        """Whether a policy is enforced; all that was written before the call is in force then.

        Raises:
            Infrastructure: our pods do not run, or do not reach one another without a policy.

        """
        for manifest in (_pod(SERVER), _pod(CLIENT)):
            answer = self._objects.apply(manifest)
            if not answer.ok:
                raise Infrastructure("measure the network", answer.message, "See `ckslab doctor --provider kind`.")
        self._allow()
        if not self._await(self._get_through, START_SECONDS):
            seen = f"a pod does not reach another within {START_SECONDS:g} s, without any policy of ours"
            raise Infrastructure("measure the network", seen, "Run `ckslab reset`, or `ckslab stop` and start again.")
        try:
            self._objects.apply(_policy())
            return self._await(lambda: not self._get_through(), EFFECT_SECONDS)
        finally:
            self._allow()

    def _allow(self) -> None:
        self._objects.delete("NetworkPolicy", SERVER, NAMESPACE)

    def _get_through(self) -> bool:
        server = self._objects.get("Pod", SERVER, NAMESPACE)
        address = server.body.get("status", {}).get("podIP") if server.ok else None
        if not address:
            return False
        ran = self._objects.cluster.exec(NAMESPACE, CLIENT, "c", nc_words(address, PORT, TRY_SECONDS))
        return isinstance(ran, Ran) and ran.exit_code == 0

    def _await(self, holds: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True


def _pod(name: str) -> Manifest:
    command = ["httpd", "-f", "-p", str(PORT)] if name == SERVER else ["sleep", "1000000"]
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"ckslab": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{"name": "c", "image": IMAGE, "command": command, "securityContext": security}],
        },
    }


def _policy() -> Manifest:
    spec = {"podSelector": {"matchLabels": {"ckslab": SERVER}}, "policyTypes": ["Ingress"]}
    metadata = {"name": SERVER, "namespace": NAMESPACE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
