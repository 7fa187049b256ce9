"""Contradictions as rows of `refused`, each body once. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa

from edge_cloud.contradictions import contradictions
from edge_cloud.decode import decode
from edge_cloud.records import Message


class Refusals:
    """Asks for what was refused of a device before only when one of its batches contradicts another.

    So it costs nothing where there is none, and one reading of the device's rows of `refused`, of all days, where there
    is. A body that was refused is not refused again, whenever it comes; the same batch in another body is.
    """

    def __init__(self, bodies_of: Callable[[str], Iterable[bytes]]) -> None:
        self._bodies_of = bodies_of
        self._device: str | None = None
        self._digests: set[bytes] = set()

    def rows(self, contradicting: Sequence[tuple[str, Message]]) -> pa.Table:
        """Of devices with their messages, in the order of the devices; what is no payload gets the decoder's reason."""
        decoded = decode([message for device, message in contradicting if self._is_fresh(device, message.body)])
        return pa.concat_tables([contradictions(decoded.batches), decoded.refused])

    def _is_fresh(self, device: str, body: bytes) -> bool:
        if device != self._device:
            self._device, self._digests = device, set(map(_digest, self._bodies_of(device)))
        before = len(self._digests)
        self._digests.add(_digest(body))
        return len(self._digests) > before


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
