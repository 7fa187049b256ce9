"""Batches as a busy vehicle seals them: many small ones, and some of 100 KB, by the clock."""

import asyncio
import base64
import random
from dataclasses import replace
from typing import Final

import numpy as np

from edge_agent.channel import Channel
from edge_agent.records import (
    Batch,
    BusCounts,
    ClockQuality,
    CloseReason,
    Column,
    Lane,
    RawKind,
    RuleInfo,
    SignalInfo,
    TimeUnit,
)

SMALL_PER_S: Final = 250
LARGE_PER_S: Final = 20
LARGE_BYTES: Final = 100_000
TICK_S: Final = 0.05

_SPEED = SignalInfo("Vehicle.Speed", "km/h", 0.01, 0.0, RawKind.UNSIGNED, 16)
_SMALL = RuleInfo("small", "on_change", 5, Lane.WARM, "soak", TimeUnit.MS)
# Twelve thousand samples would be 100 KB too, and half a core of this process each second to encode: what is tried
# here comes after that. So the bytes stand in the rule's purpose, a text without a length of its own.
_LARGE = replace(
    _SMALL,
    name="large",
    priority=6,
    purpose=base64.b64encode(random.Random(0).randbytes(LARGE_BYTES)).decode(),  # noqa: S311
)


async def load(batches: Channel[Batch], stop: asyncio.Event) -> None:
    """Put what is due, at both rates, until `stop`; then end the channel. Where the channel is full it waits."""
    clock = asyncio.get_running_loop().time
    begun_s, small, large = clock(), 0, 0
    while not stop.is_set():
        due_s = clock() - begun_s
        while small < due_s * SMALL_PER_S:
            await batches.put(_batch(_SMALL, small + large))
            small += 1
        while large < due_s * LARGE_PER_S:
            await batches.put(_batch(_LARGE, small + large))
            large += 1
        await asyncio.sleep(TICK_S)
    batches.close()


def _batch(rule: RuleInfo, seq: int) -> Batch:
    t_ns = 1_800_000_000_000_000_000 + seq * 10_000_000 + np.arange(20) * 1_000_000
    return Batch(
        seq=seq,
        rule=rule,
        opened_ns=int(t_ns[0]),
        closed_ns=int(t_ns[-1]),
        why=CloseReason.AGE,
        config_version=1,
        columns=(Column(_SPEED, "last", t_ns, seq % 5000 + np.arange(20)),),
        counts=(("can0", BusCounts(seen=seq, decoded=seq)),),
        clock=ClockQuality.SYSTEM,
        uptime_ns=seq * 4_000_000,
    )
