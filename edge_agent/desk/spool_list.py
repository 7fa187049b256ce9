"""`edge-agent spool ls`: one row a batch."""

import json
from collections.abc import Iterator
from itertools import islice

from edge_agent.desk.show import time_text
from edge_agent.desk.spool_entries import Entry, SegmentFound, Selection, Standing
from edge_agent.desk.spool_folder import SpoolFolder
from edge_agent.spool.header import JsonValue

HEAD = (
    f"{'batch':<16} {'prio':>4} {'upload':<9} {'lane':<4} {'rule':<24} {'schema':<10} {'bytes':>9} {'kept for':>10} "
    f"{'expires in':>10}  remarks"
)


def entries(folder: SpoolFolder, selection: Selection, *, settled: bool = False) -> Iterator[Entry]:
    """Batches that are meant, in the order in which they would be sent, at first those that wait for the best link.

    Without `settled` only those that wait. Raises FileRefused.
    """
    for found in folder.found():
        if isinstance(found, SegmentFound):
            for entry in found.entries:
                if selection.takes(entry.envelope) and (settled or entry.standing is Standing.WAITING):
                    yield entry


def lines(
    folder: SpoolFolder, selection: Selection, *, settled: bool, limit: int | None, as_json: bool
) -> Iterator[str]:
    """A line for each of the first `limit` batches; as a table with its head. Raises FileRefused."""
    if not as_json:
        yield HEAD
    powered_s = folder.state.powered_s
    for entry in islice(entries(folder, selection, settled=settled), limit):
        yield json.dumps(as_row(entry), ensure_ascii=False) if as_json else table_row(entry, powered_s)


def as_row(entry: Entry) -> dict[str, JsonValue]:
    """Every field; powered-on seconds count over all starts, 0 where it was not noted, null is never."""
    envelope, lifetime = entry.envelope, entry.lifetime
    return {
        "boot": envelope.key.boot,
        "seq": envelope.key.seq,
        "priority": envelope.priority,
        "upload": envelope.upload.value,
        "lane": envelope.lane.value,
        "rule": envelope.rule,
        "schema": envelope.schema,
        "bytes": len(envelope.payload),
        "kept_powered_s": lifetime.powered_s,
        "expires_powered_s": lifetime.expires_powered_s or None,
        "expires_at": wall_text(lifetime.expires_wall_s) if lifetime.expires_wall_s else None,
        "encrypted": entry.encrypted,
        "standing": entry.standing.value,
        "segment": str(entry.segment),
    }


def table_row(entry: Entry, powered_s: int) -> str:
    """For a person: durations in powered-on time as of the last note of the agent, `powered_s`."""
    envelope, lifetime = entry.envelope, entry.lifetime
    age = duration_text(powered_s - lifetime.powered_s) if lifetime.powered_s else "-"
    left = duration_text(lifetime.expires_powered_s - powered_s) if lifetime.expires_powered_s else "-"
    remarks = [
        *([entry.standing.value] if entry.standing is not Standing.WAITING else []),
        *(["encrypted"] if entry.encrypted else []),
        *([f"until {wall_text(lifetime.expires_wall_s)}"] if lifetime.expires_wall_s else []),
    ]
    return (
        f"{f'{envelope.key.boot}/{envelope.key.seq}':<16} {envelope.priority:>4} {envelope.upload.value:<9} "
        f"{envelope.lane.value:<4} {envelope.rule:<24} {envelope.schema:<10} {len(envelope.payload):>9} {age:>10} "
        f"{left:>10}  {', '.join(remarks)}"
    ).rstrip()


def wall_text(wall_s: int) -> str:
    """A time in UTC, to the second."""
    return time_text(wall_s * 1_000_000_000).replace(".000Z", "Z")


def duration_text(seconds: int) -> str:
    """In the two largest units that say something; what is over already is `now`."""
    if seconds <= 0:
        return "now"
    for unit, size, smaller, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size}{unit}{f' {rest}{smaller}' if rest else ''}"
    return f"{seconds}s"
