"""Would a workload get its pods again? Its owner's template is sent as a pod, by dry run.

Pods that run were let in when they were made. Whether the next ones are is for admission control to say: Pod Security,
a policy, a quota. The question is put as the controller that makes such pods, and nothing is left behind. What a
kubelet would make of them cannot be seen by it: that the pods run is for ``workload`` and ``exec``.
"""

import copy
from typing import Any, ClassVar

from ckslab_checker.access import Attributes
from ckslab_checker.asking import Question, judge, missing_namespace
from ckslab_checker.context import Context, Manifest
from ckslab_checker.outcome import Evidence
from ckslab_checker.running import Pods, called
from ckslab_labs.cluster.port import Capability, Identity
from ckslab_labs.scenario.model import ProbeSpec

CONTROLLERS = {
    "ReplicaSet": "replicaset-controller",
    "StatefulSet": "statefulset-controller",
    "DaemonSet": "daemon-set-controller",
    "ReplicationController": "replication-controller",
    "Job": "job-controller",
}
"""The service accounts in kube-system that make pods, by the kind that they make them for
(https://kubernetes.io/docs/reference/access-authn-authz/rbac/#controller-roles)."""


class Rollout(ProbeSpec):
    """``rollout: {pods}``; asked about every such pod's owner."""

    kind: ClassVar[str] = "rollout"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.KUBELET})
    pods: Pods
    """Pods that run now; at least one, and each made by a controller."""

    @property
    def namespace(self) -> str:
        """Where it looks: what other checks have left there could be in its way."""
        return self.pods.namespace

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        if gone := missing_namespace(ctx, self.namespace):
            return gone
        return [self._evidence(ctx, pod) for pod in self.pods.running(ctx)] or [self.pods.none_runs()]

    def _evidence(self, ctx: Context, pod: Manifest) -> Evidence:
        owners = _owners(ctx, pod)
        if not owners or owners[0]["kind"] not in CONTROLLERS:
            return Evidence(f"Which controller makes {called(pod)} anew?", "one that can", "none", met=False)
        path = ctx.objects.resource("pods").path(None, self.namespace)
        attributes = Attributes("create", "", "pods", namespace=self.namespace)
        top = owners[-1]
        told = f"POST a pod of {top['kind']} {top['metadata']['name']} in {self.namespace}"
        question = Question(told, "POST", path, attributes, _pod(top["spec"]["template"], owners[0], ctx.seed))
        identity = Identity.of_service_account("kube-system", CONTROLLERS[owners[0]["kind"]])
        return judge(ctx, identity, question, question.put(ctx, identity, dry_run=True), "allowed")


def _owners(ctx: Context, item: Manifest) -> list[Manifest]:
    """What makes it, and what makes that: a ReplicaSet, and its Deployment."""
    found = []
    while controlling := [each for each in item["metadata"].get("ownerReferences") or () if each.get("controller")]:
        kind, name = controlling[0]["kind"], controlling[0]["name"]
        answer = ctx.objects.get(kind, name, item["metadata"]["namespace"])
        if not answer.ok or "template" not in answer.body.get("spec", {}):
            break
        item = {"kind": kind, **answer.body}
        found.append(item)
    return found


def _pod(template: Manifest, owner: Manifest, seed: str) -> dict[str, Any]:
    """A pod as a controller makes it of the template."""
    made = copy.deepcopy(template)
    metadata = {key: value for key, value in made.get("metadata", {}).items() if key in ("labels", "annotations")}
    owned = {"apiVersion": owner.get("apiVersion", "apps/v1"), "kind": owner["kind"], "controller": True}
    references = [{**owned, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}]
    name = f"{owner['metadata']['name']}-{seed}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "name": name, "ownerReferences": references},
        "spec": made["spec"],
    }
