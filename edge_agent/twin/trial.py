"""Rules on frames of the past: what they would have kept, and what it would have cost. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.decoding import Decoding
from edge_agent.errors import DocumentRefused, MethodRefused
from edge_agent.policy.collector import Collector
from edge_agent.policy.rule_reports import Sealed
from edge_agent.records import Batch, BootInfo, CloseReason, FrameBlock, SampleBlock
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender
from edge_agent.twin.compilation import Config, compile_document
from edge_agent.twin.document import judge

FAULTS = 10
"""told at most"""
FIRST_BOOT = BootInfo(1, None, None)


@dataclass(slots=True)
class _Cost:
    sealed: Sealed = field(default_factory=Sealed)
    payload_bytes: int = 0


def tried(
    payload: object, catalog: Catalog, sender: Sender, blocks: Sequence[FrameBlock], *, expired: Callable[[], bool]
) -> Mapping[str, object]:
    """What the payload's `rules` make of these blocks; of each its `samples`, and what is `kept` of them.

    `bytes` are those of the payloads it would send. Raises MethodRefused: 400 with the places of mistakes, 404 where
    there are no frames, 504 as soon as time has `expired`.
    """
    config = _config(payload, catalog)
    if not blocks:
        raise MethodRefused(404, "no frames are in memory yet")
    decoding, collector = Decoding(config.plan), Collector(catalog.bus_names)
    collector.reconfigure(config.version, config.plan.signals, config.rules, config.conditions)
    costs = {rule.info.name: _Cost() for rule in config.rules}
    heard = np.zeros(len(config.plan.signals), np.int64)
    for block in blocks:
        if expired():
            raise MethodRefused(504, "these rules take too long for a test")
        samples = decoding.feed(block)
        heard += _heard(samples, len(heard))
        _add(costs, collector.feed(samples, block), sender)
    _add(costs, collector.flush(CloseReason.STOPPED), sender)
    return {
        "seconds": round((blocks[-1].until_ns - blocks[0].until_ns) / 1e9, 3),
        "frames": sum(map(len, blocks)),
        "rules": {
            rule.info.name: {"samples": int(heard[rule.signals].sum()), **_told(costs[rule.info.name])}
            for rule in config.rules
        },
        "missing": [str(fault) for fault in config.missing[:FAULTS]],
    }


def _config(payload: object, catalog: Catalog) -> Config:
    match payload:
        case {"rules": dict() as rules, **rest} if rules and not rest:
            try:
                return compile_document(judge({"schema_version": 1, "rules": rules}), catalog, version=0)
            except DocumentRefused as refusal:
                more = len(refusal.faults) - FAULTS
                sentences = [*map(str, refusal.faults[:FAULTS]), *([f"and {more} more"] if more > 0 else [])]
                raise MethodRefused(400, "; ".join(sentences)) from refusal
    raise MethodRefused(400, 'the payload must be {"rules": {...}}, with rules as in the desired properties')


def _heard(samples: SampleBlock, signals: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.bincount(samples.signal, minlength=signals).astype(np.int64)


def _add(costs: Mapping[str, _Cost], sealed: Sequence[Batch], sender: Sender) -> None:
    for batch in sealed:
        cost = costs[batch.rule.name]
        cost.sealed = cost.sealed.plus(batch)
        cost.payload_bytes += len(seal(batch, sender, FIRST_BOOT, ()).payload)


def _told(cost: _Cost) -> Mapping[str, int]:
    return {"kept": cost.sealed.kept, "batches": cost.sealed.batches, "bytes": cost.payload_bytes}
