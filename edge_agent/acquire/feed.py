"""Blocks from a source into a channel; what a full channel gives up is counted in the block that takes its room."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import numpy as np

from edge_agent import events
from edge_agent.acquire.losses import Losses
from edge_agent.channel import Channel
from edge_agent.errors import LogRefused
from edge_agent.events import Log
from edge_agent.ports import FrameSource
from edge_agent.records import FrameBlock


async def feed(
    source: FrameSource, frames: Channel[FrameBlock], bus_names: Sequence[str], *, begin: asyncio.Event, log: Log
) -> LogRefused | None:
    """From `begin`, for which only a log has to wait, until the source ends or this is cancelled.

    The channel is closed in any case. A log that cannot be read on ends the stream like any other: what came before is
    finished first, and the refusal is the answer.
    """
    losses = [Losses(bus, "decoding could not keep up", log) for bus in bus_names]
    try:
        if not begin.is_set():
            events.log_held_back(log)
            await begin.wait()
        async with aclosing(source.blocks()) as blocks:
            async for block in blocks:
                own, carried = _given_up(frames.make_room(), len(bus_names))
                for loss, count in zip(losses, own, strict=True):
                    loss.add(count, block.uptime_ns)
                dropped = map(sum, zip(block.dropped, own, carried, strict=True))
                await frames.put(replace(block, dropped=tuple(dropped)))
    except LogRefused as refusal:
        return refusal
    else:
        return None
    finally:
        for loss in losses:
            loss.tell()
        frames.close()


def _given_up(block: FrameBlock | None, buses: int) -> tuple[Sequence[int], Sequence[int]]:
    """Frames of each bus in a block that was given up; and those it was to tell of, told by whoever lost them."""
    if block is None:
        return (0,) * buses, (0,) * buses
    return np.bincount(block.bus, minlength=buses).tolist(), block.dropped
