"""Makes paho-mqtt 1.6 notice a connection that TLS ended.

`paho.mqtt.client.Client._packet_write` catches ConnectionError only; `ssl.SSLEOFError` is an OSError, so it ends
paho's network thread without a word: the SDK says "connected" for ever, every send hangs and so does shutdown
(azure-iot-sdk-python #989, paho.mqtt.python #637 and #750). Measured with azure-iot-device 2.14.0 and paho 1.6.1,
links dropped under load: 9 of 30 such zombies without this, 0 of 30 with it. paho 2 handles it itself.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import paho.mqtt  # type: ignore[import-untyped]  # paho 1 ships no types
from paho.mqtt.client import Client  # type: ignore[import-untyped]

_FIRST_FIXED = 2


def tell_paho_of_tls_ends() -> None:
    """Turn every other OSError of paho 1's socket calls into the ConnectionResetError it expects; once a process."""
    if int(paho.mqtt.__version__.split(".")[0]) >= _FIRST_FIXED or hasattr(Client._sock_send, "__wrapped__"):  # noqa: SLF001
        return
    for name in ("_sock_send", "_sock_recv"):
        setattr(Client, name, _resetting(getattr(Client, name)))


def _resetting(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def wrapped(self: Client, argument: Any) -> Any:  # whatever paho passes goes through untouched
        try:
            return call(self, argument)
        except (BlockingIOError, ConnectionError):
            raise
        except OSError as error:
            raise ConnectionResetError(str(error)) from error

    return wrapped
