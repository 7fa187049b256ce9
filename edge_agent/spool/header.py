"""What every payload says of itself and of what is missing around it: the proof of completeness. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

from edge_agent.records import Batch, BootInfo, BusHealth, ClockQuality, LostRange, id_text

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends."""

    device: str
    module: str


def header(
    batch: Batch, sender: Sender, boot: BootInfo, lost: Sequence[LostRange], schema: str
) -> dict[str, JsonValue]:
    """The fields both payload schemas share; see docs/payload.md for the meaning of each."""
    return {
        "schema": schema,
        "device": sender.device,
        "module": sender.module,
        "boot": boot.boot,
        "seq": batch.seq,
        # Without `prev` a tail lost at power-off, or a whole boot, would be invisible to a gap query.
        "prev": {"boot": boot.previous_boot, "last_seq": boot.previous_last_seq},
        "rule": batch.rule.name,
        "kind": batch.rule.kind,
        "lane": batch.rule.lane.value,
        "priority": batch.rule.priority,
        "purpose": batch.rule.purpose,
        "config": batch.config_version,
        "opened_ms": batch.opened_ns // 1_000_000,
        "closed_ms": batch.closed_ns // 1_000_000,
        "fired_ms": [t_ns // 1_000_000 for t_ns in batch.fired_ns],
        "why": batch.why.value,
        "clock": batch.clock.value,
        "uptime_ms": batch.uptime_ns // 1_000_000,
        "epoch_ms": None if batch.clock is ClockQuality.RECORDED else batch.epoch_ns // 1_000_000,
        "kept": batch.kept,
        "buses": _buses_told(batch),
        "evicted": [{"boot": gap.boot, "from": gap.first_seq, "to": gap.last_seq, "why": gap.why} for gap in lost],
    }


def _buses_told(batch: Batch) -> list[JsonValue]:
    """Each bus's counters since the start of its boot, and how it was, when the batch was sealed."""
    return [
        {
            "name": name,
            "seen": counts.seen,
            "decoded": counts.decoded,
            "unknown": counts.unknown,
            "wrong_length": counts.wrong_length,
            "dropped": counts.dropped,
            "remote": counts.remote,
            "error": counts.error,
            "incomplete": counts.incomplete,
            "out_of_range": counts.out_of_range,
            "missed": counts.missed,
            "state": health.state.value if health.state else None,
            "load_percent": health.load_percent,
            "unknown_ids": [id_text(can_id) for can_id in health.unknown_ids],
        }
        for (name, counts), health in zip(batch.counts, batch.health or repeat(BusHealth()), strict=False)
    ]
