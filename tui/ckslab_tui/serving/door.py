"""Who gets anything from the server: whoever has the token, from a page of ours, by a name of ours.

The token is the first folder of every path: one address is all that a learner needs, and there is no cookie, which a
server on another port of this machine would be sent as well.
"""

import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass, field

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer."""

CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self' {socket}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load. xterm.js writes style elements, which a server cannot know beforehand; older browsers do not
take 'self' for a WebSocket."""

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)
"""What a browser sends as the name that it was told, and nothing else."""


class Refused(Exception):
    """A request gets nothing; says why."""


def _token() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Door:
    """Decides about requests.

    Args:
        host: what the server was told to listen on, as it was written.

    """

    host: str
    token: str = field(default_factory=_token)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host == "localhost" or _loopback(self.host)

    def check(self, path: str, host: str | None, origin: str | None, *, socket: bool) -> None:
        """Let a request in.

        Args:
            path: what is asked for.
            host: the header ``Host``.
            origin: the header ``Origin``; browsers send it with every WebSocket.
            socket: whether a WebSocket is asked for.

        Raises:
            Refused: not this one.

        """
        if host is None or not self._ours(host):
            raise Refused("This server is not known by that name.")
        if (origin is not None or socket) and origin != f"http://{host}":
            raise Refused("Only this server's own page may ask that.")
        given = path.split("/")[1] if "/" in path else ""
        if not secrets.compare_digest(given.encode(errors="replace"), self.token.encode()):
            raise Refused("The address is not complete: open the one that ckslab serve has printed.")

    def _ours(self, host: str) -> bool:
        """Whether a name cannot be one that somebody else has led to this machine (DNS rebinding).

        A name in the DNS could be, an address cannot. The port may be another one, of a tunnel that ends here.
        """
        if not (found := HOST.fullmatch(host)):
            return False
        name = found["name"].strip("[]").lower()
        if self.local:
            return name == "localhost" or _loopback(name)
        return _address(name) or name in (self.host.lower(), socket.gethostname().lower(), "localhost")


def content_policy(host: str) -> str:
    """What the page may load, as it is asked for by that name."""
    return CONTENT.format(socket=f"ws://{host}" if HOST.fullmatch(host) else "")


def _address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _loopback(name: str) -> bool:
    return _address(name) and ipaddress.ip_address(name).is_loopback
