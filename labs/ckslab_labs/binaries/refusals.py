"""Says in one message why Go did not build: the cause, Go's last words, and what to do.

Causes are recognised by Go's and the operating system's own words; what is not recognised is shown as it is. Nothing
may be decided by these causes: they are for people.
"""

import re
from collections.abc import Iterable

from ckslab_labs.errors import Infrastructure

SPACE_GB = 7
"""For everything, from nothing: 2 GB of sources, 4 GB of compiled packages, 0.5 GB of programs."""

_WITHOUT_NETWORK = "A folder with ready programs can be given by CKSLAB_BIN."
_CAUSES = (
    (
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        f"A first build needs up to {SPACE_GB} GB: free some, or move XDG_CACHE_HOME, GOMODCACHE and GOCACHE.",
    ),
    (
        r"requires go >= |invalid go version|unknown directive: tool|toolchain@v",
        "this Go is too old and a newer one could not be fetched",
        "Set GOTOOLCHAIN=auto, look at the network, or run: pip install 'ckslab[go]'.",
    ),
    (
        r"checksum mismatch|SECURITY ERROR|missing go\.sum entry",
        "what was fetched is not what ckslab asked for",
        "Look at GOPROXY, empty the module cache (go clean -modcache) and try again.",
    ),
    (
        r"dial tcp|no such host|i/o timeout|TLS handshake|proxyconnect|disabled by GOPROXY|unexpected EOF|"
        r"connection re(set|fused)|certificate|: [45]\d\d [A-Z]",
        "the Go module proxy gave no answer",
        f"Look at the network, HTTPS_PROXY and GOPROXY, and try again; what was fetched is kept. {_WITHOUT_NETWORK}",
    ),
    (
        r"signal: killed|cannot allocate memory|out of memory",
        "memory ran out",
        "Linking needs up to 3 GB; close other programs and try again, what was compiled is kept.",
    ),
    (
        r"permission denied|read-only file system|could not create module cache|failed to initialize build cache",
        "a folder that Go needs is not writable",
        "Set HOME to a writable folder, or set XDG_CACHE_HOME, GOMODCACHE and GOCACHE.",
    ),
)


def explain(attempted: str, said: Iterable[str]) -> Infrastructure:
    """The error for a failed build.

    Args:
        attempted: as for ``LabError``.
        said: the last lines of Go's output, oldest first.

    """
    lines = list(said)
    last_words = "".join(f"\n  {line}" for line in lines[-5:])
    for words, cause, remedy in _CAUSES:
        if re.search(words, "\n".join(lines), re.IGNORECASE):
            return Infrastructure(attempted, f"{cause}; the last words were:{last_words}", remedy)
    remedy = f"Try again; if it stays, this is worth an issue. {_WITHOUT_NETWORK}"
    return Infrastructure(attempted, f"Go failed; its last words were:{last_words}", remedy)
