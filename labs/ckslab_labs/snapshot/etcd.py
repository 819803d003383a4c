"""etcd through its JSON gateway, by client certificate: dump every Kubernetes key, and change many in one transaction.

The gateway (https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/) needs no gRPC library; keys and values travel as
base64, and a lab's whole state is some 200 kB. So a dump fetches only what has changed since the last one: every
change raises a key's ``mod_revision``, which only ever grows (https://etcd.io/docs/v3.6/learning/data_model/); that
keys are gone shows by their number.
"""

import base64
import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from ckslab_labs.errors import BRINGS_BACK, Infrastructure, Unreachable

Keys = dict[bytes, bytes]

KEPT_REVISIONS = 1000
"""For watchers that are behind, and for lists that are read page by page."""
COMPACT_EVERY = 10
"""Now and then is often enough, and needs no memory of the last time."""

REGISTRY = b"/registry/"
REGISTRY_END = b"/registry0"  # "0" follows "/" in ASCII: the end of the prefix


@dataclass(frozen=True)
class _Dump:
    """What a certain etcd held as of a revision."""

    cluster: str
    revision: int
    keys: Keys

    @property
    def next(self) -> str:
        """The first revision that it does not know."""
        return str(self.revision + 1)

    def without(self, deleted: Iterable[bytes]) -> "_Dump":
        """The same, with keys forgotten that were deleted since."""
        gone = set(deleted)
        return _Dump(self.cluster, self.revision, {k: v for k, v in self.keys.items() if k not in gone})


class Etcd:
    """One etcd, to read and write as a whole.

    Args:
        port: its client port on 127.0.0.1.
        pki: a folder with ``ca.crt``, ``snapshot-client.crt`` and ``snapshot-client.key``.

    """

    def __init__(self, port: int, pki: Path) -> None:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(str(pki / "snapshot-client.crt"), str(pki / "snapshot-client.key"))
        self._last = _Dump("", 0, {})
        self._pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1", port, ssl_context=context, maxsize=4, retries=False, timeout=urllib3.Timeout(total=10)
        )

    def healthy(self) -> bool:
        """Whether it answers and has a leader."""
        try:
            # Whoever asks has other things to watch: something else on the port may take the request and say nothing.
            return self._pool.request("GET", "/health", timeout=1.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def dump(self) -> Keys:
        """Every key under ``/registry/`` with its value, as of one revision.

        Raises:
            Unreachable: no answer.

        """
        known = self._last
        answer = self._post("/v3/kv/txn", {"success": [_range(count_only=True), _range(min_mod_revision=known.next)]})
        cluster, revision = answer["header"]["cluster_id"], int(answer["header"]["revision"])
        there, changed = (each["response_range"] for each in answer["responses"])
        keys = known.keys | _pairs(changed)
        same = not known.revision or (cluster == known.cluster and revision >= known.revision)
        if not same or len(keys) != int(there.get("count", 0)):  # another etcd, or something was deleted by others
            answer = self._post("/v3/kv/txn", {"success": [_range()]})
            cluster, revision = answer["header"]["cluster_id"], int(answer["header"]["revision"])
            keys = _pairs(answer["responses"][0]["response_range"])
        self._last = _Dump(cluster, revision, keys)
        return dict(keys)

    def write(self, put: Mapping[bytes, bytes], delete: Iterable[bytes] = ()) -> None:
        """Put and delete keys in one transaction.

        Raises:
            Unreachable: no answer; the transaction took place or did not, as a whole.

        """
        delete = list(delete)
        operations: list[dict[str, Any]] = [{"requestDeleteRange": {"key": _b64(key)}} for key in delete]
        operations += [{"requestPut": {"key": _b64(key), "value": _b64(value)}} for key, value in put.items()]
        if operations:
            answer = self._post("/v3/kv/txn", {"success": operations})
            self._last = self._last.without(delete)
            revision = int(answer["header"]["revision"])
            if revision > KEPT_REVISIONS and revision % COMPACT_EVERY == 0:
                self._compact(revision - KEPT_REVISIONS)

    def clear(self, prefix: bytes) -> int:
        """Delete every key that begins with a prefix outside of ``/registry/``, and say how many there were.

        Raises:
            Unreachable: no answer.

        """
        end = prefix[:-1] + bytes([prefix[-1] + 1])
        return int(self._post("/v3/kv/deleterange", {"key": _b64(prefix), "range_end": _b64(end)}).get("deleted", 0))

    def _compact(self, revision: int) -> None:
        """Forget old revisions, so that the file's pages are used again however many restores there are."""
        self._pool.request("POST", "/v3/kv/compaction", body=json.dumps({"revision": str(revision)}))

    def size(self) -> int:
        """The size of its database file, in bytes."""
        return int(self._post("/v3/maintenance/status", {})["dbSize"])

    def _post(self, path: str, body: object) -> Any:
        try:
            answer = self._pool.request("POST", path, body=json.dumps(body))
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable("talk to etcd", str(error), BRINGS_BACK) from error
        value = answer.json()
        if answer.status != 200:
            seen = str(value.get("message", value)) if isinstance(value, dict) else str(value)
            raise Infrastructure("talk to etcd", seen, "See the etcd log in the plane's folder.")
        return value


def _range(**options: object) -> dict[str, Any]:
    return {"requestRange": {"key": _b64(REGISTRY), "range_end": _b64(REGISTRY_END), **options}}


def _pairs(found: Mapping[str, Any]) -> Keys:
    decode = base64.b64decode
    return {decode(pair["key"]): decode(pair["value"]) for pair in found.get("kvs", [])}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
