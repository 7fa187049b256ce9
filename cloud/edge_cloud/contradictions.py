"""Two batches that come by one name (device, boot, seq) and differ. Pure.

A vehicle seals a batch once, so another of its name comes from a spool that was restored from a backup, or from
somebody who speaks for the vehicle. What came first stays; the other stands in `refused`, whole, for whoever has to
judge.
"""

from datetime import date
from typing import Final

import pyarrow as pa

from edge_cloud.tables import REFUSED

FACTS: Final = ("rule", "why", "opened", "closed", "kept", "uptime_ms")
"""Columns of `batches` that two deliveries of one batch have in common, however their bodies were compressed or put
together. Of a log of frames (`candump/1`) only the rule is told, so two logs of one name and rule pass for copies."""

REASON: Final = "another batch of the same device, boot and seq came before it"

_UNKNOWN: Final = date(1970, 1, 1)


def contradictions(batches: pa.Table) -> pa.Table:
    """Rows of `tables.BATCHES` whose names others had before, as rows of `tables.REFUSED`, in their order."""
    rows = batches.select(["source", "enqueued", "device", "body"]).to_pylist()
    told = [row | {"reason": REASON, "day": row["enqueued"].date() if row["enqueued"] else _UNKNOWN} for row in rows]
    return pa.Table.from_pylist(told, schema=REFUSED)
