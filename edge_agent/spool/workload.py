"""IoT Edge's workload API, as far as a module encrypts with it: JSON over HTTP on the daemon's unix socket.

The daemon encrypts with AES-GCM and a key of the device that never leaves it, and binds the result to the module and
its generation: another module, or this one deleted and created anew, cannot decrypt it (Azure/iotedge,
edgelet/edgelet-http-workload/src/module/data/encrypt.rs and edgelet/api/workloadVersion_2020_07_07.yaml).
"""

import base64
import json
import socket
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote, urlencode, urlsplit

from edge_agent.errors import KeyUnavailable, WorkloadRefused

ANSWERS_WITHIN_S = 5.0
"""The daemon closes the socket without a word when busy, and may be mute: neither may hold a start up for long."""


@dataclass(frozen=True, slots=True)
class WorkloadApi:
    """What the daemon told this module in its environment. Blocking, each call for at most `limit_s` of silence."""

    uri: str
    """`unix:///path` or `http://host:port`"""
    api_version: str
    module: str
    generation: str
    limit_s: float = ANSWERS_WITHIN_S

    def encrypt(self, plaintext: bytes, initialization_vector: bytes) -> bytes:
        """Ciphertext with its tag, in the daemon's own form. Raises KeyUnavailable or WorkloadRefused."""
        return self._converted("encrypt", "plaintext", plaintext, "ciphertext", initialization_vector)

    def decrypt(self, ciphertext: bytes, initialization_vector: bytes) -> bytes:
        """What `encrypt` was given. Raises KeyUnavailable or WorkloadRefused."""
        return self._converted("decrypt", "ciphertext", ciphertext, "plaintext", initialization_vector)

    def _converted(self, act: str, sent: str, data: bytes, wanted: str, initialization_vector: bytes) -> bytes:
        body = {sent: _text(data), "initializationVector": _text(initialization_vector)}
        status, content = self._answer(act, json.dumps(body).encode())
        if status != HTTPStatus.OK:
            raise WorkloadRefused(status, _message(content))
        try:
            return base64.b64decode(json.loads(content)[wanted], validate=True)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise WorkloadRefused(0, f"no {wanted} in base64: {error!r}") from error

    def _answer(self, act: str, body: bytes) -> tuple[int, bytes]:
        path = f"/modules/{quote(self.module, safe='')}/genid/{quote(self.generation, safe='')}/{act}"
        query = urlencode({"api-version": self.api_version})
        try:
            with closing(self._connection()) as connection:
                connection.request("POST", f"{path}?{query}", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                return response.status, response.read()
        except (OSError, HTTPException, ValueError) as error:  # the last of a `uri` that is none
            raise KeyUnavailable(f"{self.uri} does not answer: {str(error) or repr(error)}") from error

    def _connection(self) -> HTTPConnection:
        parts = urlsplit(self.uri)
        if parts.scheme == "unix":
            return _UnixConnection(parts.path, self.limit_s)
        return HTTPConnection(parts.netloc, timeout=self.limit_s)


class _UnixConnection(HTTPConnection):
    """HTTP to a unix socket."""

    def __init__(self, path: str, limit_s: float) -> None:
        super().__init__("localhost", timeout=limit_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _message(content: bytes) -> str:
    """What the daemon says of an error: `{"message": "..."}`."""
    try:
        return str(json.loads(content)["message"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return content[:200].decode(errors="replace")
