"""The payloads of a spool's batches, opened where they may be. Pure."""

from typing import cast

from edge_agent.desk.spool_entries import Entry
from edge_agent.errors import PayloadRefused
from edge_agent.spool.candump import CANDUMP
from edge_agent.spool.reading import read_capture, read_payloads


def place_of(entry: Entry) -> str:
    """A batch, as a sentence names it."""
    key = entry.envelope.key
    return f"batch {key.boot}/{key.seq}"


def first_ns(entry: Entry) -> int | None:
    """Time of the first sample or frame; None where it cannot be read."""
    envelope, place = entry.envelope, place_of(entry)
    if entry.encrypted:
        return None
    try:
        if envelope.schema == CANDUMP:
            return min((frame.t_ns for frame in read_capture(envelope.payload, place)), default=None)
        opened = [cast("int", payload.header["opened_ms"]) for payload in read_payloads(envelope.payload, place)]
        return min(opened) * 1_000_000
    except (PayloadRefused, LookupError, ValueError):
        return None
