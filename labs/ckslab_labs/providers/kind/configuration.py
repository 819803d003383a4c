"""The kind configuration of a lab's cluster, as data. Patches are written without an apiVersion, which kind >= 0.32
takes for every version of Kubernetes (https://kind.sigs.k8s.io/docs/user/configuration/#kubeadm-config-patches).
"""

from pathlib import Path
from typing import Any

import yaml

FOLDERS = ("admission", "audit", "encryption", "kubelet.conf.d")
"""Below /etc/kubernetes of the node, and mounted from this machine: files that are edited without a way into the node.

The first three are mounted into the API server as well, so its manifest needs no volumes for them. In the last the
kubelet looks for files that add to its configuration
(https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/#kubelet-conf-d)."""

NODE = "node-1"
"""The node's name in the cluster, as on a plane: scenarios name it."""
ETCD_PORT = 2379

IMAGES = {
    "1.36": "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
    "1.35": "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
}
"""Of kind v0.33.0, by its release notes: https://github.com/kubernetes-sigs/kind/releases/tag/v0.33.0."""


def configuration(mounted: Path, *, cgroup_version: str) -> str:
    """The configuration, as YAML.

    Args:
        mounted: the folder of this machine that holds ``FOLDERS``.
        cgroup_version: of the host; from 1.35 a kubelet refuses version 1 unless it is told not to.

    """
    kubelet: dict[str, Any] = {
        "kind": "KubeletConfiguration",
        # Answers of the API server are kept for minutes otherwise, and a right fix would not count before.
        "authentication": {"webhook": {"cacheTTL": "1s"}},
        "authorization": {"webhook": {"cacheAuthorizedTTL": "1s", "cacheUnauthorizedTTL": "1s"}},
        **({"failCgroupV1": False} if cgroup_version == "1" else {}),
    }
    cluster = {
        "kind": "ClusterConfiguration",
        # A restore is one transaction, however much there is to put back.
        "etcd": {"local": {"extraArgs": {"max-txn-ops": "100000", "max-request-bytes": "33554432"}}},
        # Stored as JSON, what only follows from pods can be told from what somebody wrote.
        "apiServer": {
            "extraArgs": {"storage-media-type": "application/json"},
            "extraVolumes": [_volume(name) for name in FOLDERS if not name.startswith("kubelet")],
        },
        # One of each: an election would only delay them after a restart of the API server.
        # By default it waits 50 ms before each request after the thirtieth; a reset or a rollout is made of many.
        "controllerManager": {"extraArgs": {"leader-elect": "false", "kube-api-qps": "500", "kube-api-burst": "500"}},
        "scheduler": {"extraArgs": {"leader-elect": "false"}},
    }
    registration = {"name": NODE, "kubeletExtraArgs": {"config-dir": "/etc/kubernetes/kubelet.conf.d"}}
    init = {"kind": "InitConfiguration", "nodeRegistration": registration}
    node = {
        "role": "control-plane",
        "extraMounts": [
            {"hostPath": str(mounted / name), "containerPath": f"/etc/kubernetes/{name}"} for name in FOLDERS
        ],
        "extraPortMappings": [{"containerPort": ETCD_PORT, "hostPort": 0, "listenAddress": "127.0.0.1"}],
    }
    return yaml.safe_dump(
        {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "networking": {"apiServerAddress": "127.0.0.1"},
            "nodes": [node],
            "kubeadmConfigPatches": [yaml.safe_dump(patch) for patch in (kubelet, cluster, init)],
        }
    )


def _volume(name: str) -> dict[str, Any]:
    path = f"/etc/kubernetes/{name}"
    return {"name": name, "hostPath": path, "mountPath": path, "pathType": "Directory"}
