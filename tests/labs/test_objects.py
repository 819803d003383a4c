"""The verbs on objects, and how often the cluster is asked what it serves."""

import threading
import time

from tests.checker.fake_cluster import FakeCluster

from ckslab_labs.cluster.objects import Objects
from ckslab_labs.cluster.port import Response


class Counting(FakeCluster):
    """Takes its time to say what it serves, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__([])
        self.discoveries = 0
        self._lock = threading.Lock()

    def request(self, method: str, path: str, *args: object, **kwargs: object) -> Response:
        if path in ("/api", "/apis"):
            with self._lock:
                self.discoveries += 1
            time.sleep(0.01)
        return super().request(method, path, *args, **kwargs)  # type: ignore[arg-type]


def test_lists_side_by_side_ask_once_what_the_cluster_serves() -> None:
    cluster = Counting()
    kinds = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    assert Objects(cluster).lists(kinds) == {kind: [] for kind in kinds}
    assert cluster.discoveries == 2  # /api and /apis
