"""The rows of the payload `rows/1`, for the hot lane: plain JSON that IoT Hub can route by its body. Pure.

One row an instant, with the signals that were kept there by their scaled values: no decoder is needed.
"""

import math

import numpy as np

from edge_agent.records import Batch, Column, RawKind
from edge_agent.spool.header import JsonValue


def rows(batch: Batch) -> list[JsonValue]:
    """`{"t": milliseconds since the epoch, "signals": {name: value}}`, in time order; NaN and infinities are null."""
    by_time: dict[int, dict[str, JsonValue]] = {}
    for column in batch.columns:
        for t_ns, value in zip(column.t_ns.tolist(), values(column), strict=True):
            by_time.setdefault(t_ns, {})[column.signal.name] = value if math.isfinite(value) else None
    return [{"t": t_ns // 1_000_000, "signals": by_time[t_ns]} for t_ns in sorted(by_time)]


def values(column: Column) -> list[float]:
    """Scaled values: raw * factor + offset of each sample."""
    signal = column.signal
    if signal.kind is RawKind.FLOAT:
        raw = column.raw.view(np.float64)
    elif signal.kind is RawKind.UNSIGNED:
        raw = column.raw.view(np.uint64).astype(np.float64)
    else:
        raw = column.raw.astype(np.float64)
    scaled: list[float] = (raw * signal.factor + signal.offset).tolist()
    return scaled
