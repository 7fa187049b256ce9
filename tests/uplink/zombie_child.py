"""Twelve connections in a row whose network thread dies of the end of TLS, in a process of their own: some never end.

paho 1.6 survives a ConnectionError in its network thread, and no other OSError (azure-iot-sdk-python #989). Here TLS
ends at the first large packet of each of the first twelve connections, with paho as the agent mends it, or `bare`.
"""

import asyncio
import json
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from paho.mqtt.client import Client  # type: ignore[import-untyped]  # paho 1 ships no types

from tests.uplink.desk import SHORT, desk, until
from tests.uplink.run import Run, deliver

CONNECTIONS = 12
PAYLOAD = b"x" * 10_000
LIMITS = replace(SHORT, send_s=0.3, shutdown_s=0.2, undisposed=CONNECTIONS + 1)

Send = Callable[[Client, bytes], int]


class EndOfTls:
    """Ends it by itself, once a connection, so often."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._ended: set[socket.socket] = set()

    @property
    def times(self) -> int:
        return len(self._ended)

    @property
    def method(self) -> Send:
        """In place of `Client._sock_send`."""

        def send(client: Client, data: bytes) -> int:
            if len(data) > len(PAYLOAD) and self.times < CONNECTIONS:
                self._ended.add(client.socket())
            if client.socket() in self._ended:
                raise ssl.SSLEOFError("EOF occurred in violation of protocol")
            return self._send(client, data)

        return send


async def main(folder: Path, address: str, *, bare: bool) -> dict[str, object]:
    with pytest.MonkeyPatch.context() as patch:
        end = EndOfTls(Client._sock_send)
        if not bare:
            patch.setattr(Client, "_sock_send", end.method)
        async with desk(folder, address, patch, limits=LIMITS) as parts:
            if bare:  # in place of what the adapter has mended
                end = EndOfTls(Client._sock_send.__wrapped__)
                patch.setattr(Client, "_sock_send", end.method)

            async def act(_: Run) -> None:
                await until(lambda: end.times == CONNECTIONS, limit_s=40)

            run = await deliver(parts, 100, act, PAYLOAD)
            return {
                "ended": end.times,
                "sessions": run.delivery.counts.sessions,
                "acked": run.delivery.counts.acked,
                "undisposed": len(parts.log.fields("uplink.session_undisposed")),
                "reasons": sorted({str(each["reason"]) for each in parts.log.fields("uplink.link_down")}),
            }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1]), sys.argv[2], bare="bare" in sys.argv[3:]))))
