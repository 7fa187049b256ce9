"""What the spool would give up while no hub can be reached: the spool's own ledger, fed at steady rates. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.records import EnvelopeKey, Retention, Upload
from edge_agent.spool.framing import Lifetime
from edge_agent.spool.ledger import Incoming, Ledger
from edge_agent.spool.stream import Segment

SEGMENT_BYTES = 4 * 1024 * 1024
SPOOL_SHARES = 16
"""With SEGMENT_BYTES as `spool/segments.py` and `spool/opening.py` have it: a segment and what was refused may take one
sixteenth of the cap each. The tests hold both against a spool on disk."""
SPOOL_SHARES_HELD_BACK = 2
"""For what was refused, and for a segment that is rewritten without what was thinned."""
MOST_STEPS = 20_000
"""of all rules together; each adds a part of a segment, which is as fine as the ledger evicts"""
STEPS_A_SEGMENT = 4


KEPT = Retention()


@dataclass(frozen=True, slots=True)
class Inflow:
    """What one rule writes."""

    priority: int
    bytes_an_hour: float
    """of records in the spool"""
    upload: Upload = Upload.ANY
    retention: Retention = KEPT
    """`wall_s` is passed over: how long a vehicle is parked is not known"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a time offline ends."""

    lost_bytes: tuple[int, ...]
    """of each inflow's records, whatever for: no room, thinned, or expired"""
    first_loss_hours: float | None
    """driven until the first of them went; None where the spool holds all"""


def offline(inflows: Sequence[Inflow], *, hours: float, cap_bytes: int) -> Outcome:
    """Drive for so many hours without a hub; the spool is empty at first.

    What is lost, the ledger says: of the lowest priority the oldest segment, which is thinned first where its rules
    say so, and what expires. Rules of one priority share its segments.
    """
    share = cap_bytes // SPOOL_SHARES
    segment_bytes = min(SEGMENT_BYTES, share)
    ledger = Ledger(budget_bytes=cap_bytes - SPOOL_SHARES_HELD_BACK * share, segment_bytes=segment_bytes)
    whole = [inflow.bytes_an_hour * hours for inflow in inflows]
    steps = max(1, min(MOST_STEPS // max(1, len(whole)), round(sum(whole) * STEPS_A_SEGMENT / segment_bytes)))
    lengths: list[int] = []
    lost, first_step = [0] * len(whole), None
    for step in range(steps):
        now_s = round(hours * 3600 * step / steps)
        for rule, total in enumerate(whole):
            seq = len(lengths)
            lengths.append(int(total * (step + 1) / steps) - int(total * step / steps))
            for gone in _append(ledger, _incoming(inflows[rule], seq, lengths[seq], now_s), len(whole)):
                lost[gone % len(whole)] += lengths[gone]
                first_step = step if first_step is None else first_step
    return Outcome(tuple(lost), None if first_step is None else hours * first_step / steps)


def _incoming(inflow: Inflow, seq: int, length: int, now_s: int) -> Incoming:
    keep = inflow.retention
    lifetime = Lifetime(now_s, now_s + keep.powered_s if keep.powered_s else 0, thin=keep.thin)
    return Incoming(EnvelopeKey(1, seq), inflow.priority, length, inflow.upload, lifetime)


def _append(ledger: Ledger, incoming: Incoming, rules: int) -> list[int]:
    """Put one into the spool, of so many rules that take turns; the sequences of what is lost by that."""
    if not incoming.length:
        return []

    def rules_of(segment: Segment) -> list[str]:
        return [str(segment.key(index).seq % rules) for index in range(segment.count)]

    expired = ledger.expire(incoming.lifetime.powered_s, None)
    admission = ledger.admit([incoming], rules_of=rules_of)
    ledger.commit(ledger.place(admission.admitted))
    for segment in ledger.sweep():
        ledger.buried(segment)
    for segment in ledger.shrunk:
        ledger.rewritten(segment)
    lost = (*expired, *admission.lost, *admission.evicted)
    return [seq for one in lost for seq in range(one.first_seq, one.last_seq + 1)]
