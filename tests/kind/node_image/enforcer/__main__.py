"""Enforces NetworkPolicies on the one node of our image: follows the API server, and writes the packet filter's rules.

For the harness only; published node images have kindnet. It runs on the node, as ``python3 -m enforcer`` with nothing
but Debian's Python, so it imports nothing of ours. Watching, and not asking again and again, keeps it out of a
learner's audit log.
"""

import base64
import http.client
import json
import queue
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from .rules import Object, ruleset  # relative: the node has no other part of the tests

News = queue.SimpleQueue[tuple[str, list[Object] | Exception]]
"""Kinds, each with all its objects, or with what went wrong."""

KUBECONFIG = Path("/etc/kubernetes/super-admin.conf")
"""Written by kubeadm. Its user is in ``system:masters``, and may read whatever becomes of RBAC."""
PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
WATCH_SECONDS = 240
"""After which the API server ends a watch, and everything is listed again."""


class Api:
    """The API server of a kubeconfig with one cluster and one user, as kubeadm writes it."""

    def __init__(self, kubeconfig: Path) -> None:
        command = ["kubectl", f"--kubeconfig={kubeconfig}", "config", "view", "--raw", "--output=json"]
        config = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server = urlsplit(cluster["server"]).netloc
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as file:  # ssl reads a client's certificate from files only
            file.write(b"\n".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
            file.flush()
            self._context.load_cert_chain(file.name)

    def get(self, path: str) -> http.client.HTTPResponse:
        """The answer to a request, still to be read.

        Raises:
            OSError: there is none, or a refusal.

        """
        connection = http.client.HTTPSConnection(self._server, context=self._context, timeout=WATCH_SECONDS + 30)
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"{path}: {answer.status} {answer.reason}")
        return answer


def follow(api: Api, kind: str, news: News) -> None:
    """Tell all objects of a kind, again and again as they change; in the end, what went wrong."""
    path = PATHS[kind]
    try:
        while True:
            listed = json.load(api.get(path))
            objects = {item["metadata"]["uid"]: item for item in listed["items"]}
            news.put((kind, list(objects.values())))
            since = listed["metadata"]["resourceVersion"]
            for line in api.get(f"{path}?watch=1&resourceVersion={since}&timeoutSeconds={WATCH_SECONDS}"):
                event = json.loads(line)
                if event["type"] == "ERROR":  # too old: list again
                    break
                item = event["object"]
                objects[item["metadata"]["uid"]] = item
                if event["type"] == "DELETED":
                    del objects[item["metadata"]["uid"]]
                news.put((kind, list(objects.values())))
    except Exception as error:
        news.put((kind, error))


def main() -> str:
    """Keep the rules as the policies are, until something goes wrong; systemd then starts us again.

    Returns:
        What went wrong. The rules stay as they are meanwhile.

    """
    if not KUBECONFIG.exists():
        return f"{KUBECONFIG} is not there yet"
    api = Api(KUBECONFIG)
    news: News = queue.SimpleQueue()
    for kind in PATHS:
        threading.Thread(target=follow, args=(api, kind, news), daemon=True).start()
    seen: dict[str, list[Object]] = {}
    applied = ""
    while True:
        kind, told = news.get()
        if isinstance(told, Exception):
            return f"{kind}: {told!r}"
        seen[kind] = told
        if news.empty() and len(seen) == len(PATHS) and (wanted := ruleset(**seen)) != applied:
            subprocess.run(["nft", "-f", "-"], input=wanted.encode(), check=True)
            applied = wanted


if __name__ == "__main__":
    sys.exit(main())
