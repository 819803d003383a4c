"""Pods of a real node, ended and made anew whoever has a say on them.

The kubelet follows nothing but the API, so what a check or a learner did to pods is undone through it, and policies,
webhooks, quotas and Pod Security may refuse that, or change what is made. Then all of these are put aside for a moment.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from functools import partial

from ckslab_labs.cluster.objects import Manifest, Objects
from ckslab_labs.errors import Infrastructure
from ckslab_labs.providers.embedded.baseline import OURS
from ckslab_labs.providers.kind import pods
from ckslab_labs.snapshot.snapshot import NAMESPACE, Keys, Store, capture_keys, restore_keys

SECONDS = 10.0
"""Policies that are gone act for a second more."""
HAS_A_SAY = re.compile(
    rb"^/registry/((validating|mutating)(admissionpolicies|admissionpolicybindings|webhookconfigurations)"
    rb"|resourcequotas|limitranges)/"
)
_NAMES_OF_OURS = {manifest["metadata"]["name"].encode() for manifest in OURS}
_LEVEL = "pod-security.kubernetes.io/"


def undo(kept: Keys, there: dict[pods.Key, Manifest], store: Store, objects: Objects) -> bool:
    """Bring back keys, and pods as they were.

    Args:
        kept: the keys.
        there: the pods; one that is made anew takes its place.
        store: of the cluster.
        objects: of the cluster, as an administrator.

    Returns:
        whether admission control was put aside meanwhile, and may not have taken up yet that it is back.

    Raises:
        Infrastructure: some pods do not come back, though nobody has a say; names them.

    """
    restore_keys(kept, store, settle=0.0)
    return insist(partial(pods.bring_back, objects, there), store, kept)


def insist(act: Callable[[], Sequence[str]], store: Store, kept: Keys) -> bool:
    """Do something to pods, and where anything is refused, again without whoever has a say.

    Args:
        act: returns what was refused, and may be called any number of times.
        store: of the cluster.
        kept: the keys that are brought back where anybody was put aside.

    Returns:
        whether anybody was put aside.

    Raises:
        Infrastructure: it is still refused.

    """
    if not act():
        return False
    until = time.monotonic() + SECONDS
    try:
        restore_keys(without_a_say(capture_keys(store)), store, settle=0.0)
        while refused := act():
            if time.monotonic() > until:
                seen = f"after {SECONDS:g} s: {'; '.join(refused)}"
                remedy = "Run `ckslab reset`, or see `ckslab doctor`."
                raise Infrastructure("bring back the cluster's pods", seen, remedy)
            time.sleep(0.05)
    finally:
        restore_keys(kept, store, settle=0.0)
    return True


def without_a_say(keys: Keys) -> Keys:
    """The keys without what admits pods, and with namespaces that take every pod; our own policy stays."""
    return {key: _open(value) if key.startswith(NAMESPACE) else value for key, value in keys.items() if not _says(key)}


def _says(key: bytes) -> bool:
    return bool(HAS_A_SAY.match(key)) and key.rpartition(b"/")[2] not in _NAMES_OF_OURS


def _open(namespace: bytes) -> bytes:
    stored = json.loads(namespace)
    labels = stored["metadata"].get("labels", {})
    kept = {name: value for name, value in labels.items() if not name.startswith(_LEVEL)}
    stored["metadata"]["labels"] = {**kept, f"{_LEVEL}enforce": "privileged"}
    return json.dumps(stored, separators=(",", ":")).encode()
