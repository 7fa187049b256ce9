"""Where a local hub can listen; asked before anything is started, so that nothing has to be undone."""

import errno
import socket
from ipaddress import ip_address

from edge_agent.errors import LocalHubNotStarted
from edge_agent.localhub.hub import PORT

USUAL = "127.0.0.1"


def judge_address(address: str) -> None:
    """Raise LocalHubNotStarted, with an address to give instead, where no hub can listen on this one now."""
    try:
        parsed = ip_address(address)
    except ValueError as error:
        raise LocalHubNotStarted(f"{address!r} is no IP address; give --address {USUAL}") from error
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6  # noqa: PLR2004
    try:
        with socket.socket(family) as tried:  # it does not listen: a client that comes back just now would be cut off
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the hub does, which may have been killed
            tried.bind((address, PORT))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            another = parsed + 1 if parsed.is_loopback else USUAL
            reason = f"is in use (another demo or hub?); give --address {another}"
        elif error.errno == errno.EADDRNOTAVAIL:
            reason = f"is no address of this machine; give --address {USUAL}"
        else:
            reason = f"{error.strerror or error}; give --address {USUAL}"
        raise LocalHubNotStarted(f"{address}:{PORT} {reason}") from error
