"""Who has a client certificate of a plane: data, apart from ``pki`` because most commands need no cryptography."""

CLIENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("ckslab", ("system:masters",)),
    "learner": ("kubernetes-admin", ("kubeadm:cluster-admins",)),
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    "kwok": ("ckslab-kwok", ("system:masters",)),
}
"""Who has a client certificate of the cluster's CA: common name and organizations."""
