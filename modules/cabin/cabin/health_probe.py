"""Asks a running cabin for a file of its page, as the container's HEALTHCHECK does: from the standard library alone.

Whoever answers has a living event loop and the page's socket. Broker, hub and phone are not asked about: without them
the page says so itself, and a restart would bring none of them back.
"""

import os
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Final

ADDRESS: Final = "127.0.0.1"
PORT: Final = "8087"
ANSWER_S: Final = 3.0
"""An event loop that takes longer for a file from memory is wedged."""
_OK: Final = 200


def unhealthy_because(environment: Mapping[str, str], limit_s: float = ANSWER_S) -> str:
    """Why the cabin of this environment is not healthy, in a sentence; empty where it is."""
    address = environment.get("CABIN_WEB_ADDRESS") or ADDRESS
    port = environment.get("CABIN_WEB_PORT") or PORT
    if not port.isdecimal() or not 0 < int(port) < 1 << 16:
        return f"CABIN_WEB_PORT={port} names no port that could be asked"
    try:
        status = _asked(address, int(port), limit_s)
    except TimeoutError:
        return f"the page at {address} port {port} does not answer within {limit_s:g} s"
    except OSError as error:
        return f"no page answers at {address} port {port}: {error.strerror or error}"
    except HTTPException as error:
        return f"what answers at {address} port {port} is no page: {type(error).__name__}"
    return "" if status == _OK else f"the page at {address} port {port} answers with {status}"


def tell_health() -> int:
    """For the cabin of this environment: one sentence, and what the process is to exit with."""
    reason = unhealthy_because(os.environ)
    sys.stdout.write(f"unhealthy: {reason}\n" if reason else "healthy: the page answers\n")
    return 1 if reason else 0


def _asked(address: str, port: int, limit_s: float) -> int:
    connection = HTTPConnection(address, port, timeout=limit_s)
    try:
        connection.request("GET", "/favicon.ico")
        return connection.getresponse().status
    finally:
        connection.close()
