"""The rows of the payload `rows/1`, for the hot lane: plain JSON that IoT Hub can route by its body. Pure.

One row an instant and aggregate, with the signals that were kept there by their scaled values: no decoder is needed.
"""

import math
from operator import itemgetter

import numpy as np

from edge_agent.records import Batch, Column, RawKind
from edge_agent.spool.header import JsonValue


def rows(batch: Batch) -> list[JsonValue]:
    """`{"t": milliseconds since the epoch, "agg": aggregate, "signals": {name: value}}`, in time order.

    NaN and infinities are null. A signal with two samples at one instant has two rows there.
    """
    by_time: dict[tuple[int, str, int], dict[str, JsonValue]] = {}
    for column in batch.columns:
        before_ns, again = None, 0
        for t_ns, value in zip(column.t_ns.tolist(), values(column), strict=True):
            # Two frames of one instant (a recording's clock may be coarse) need two rows.
            before_ns, again = t_ns, again + 1 if t_ns == before_ns else 0
            told = value if math.isfinite(value) else None
            by_time.setdefault((t_ns, column.aggregate, again), {})[column.signal.name] = told
    in_order = sorted(by_time.items(), key=itemgetter(0))
    return [{"t": t_ns // 1_000_000, "agg": agg, "signals": signals} for (t_ns, agg, _), signals in in_order]


# An infinity times 0 is NaN, which travels as null.
@np.errstate(invalid="ignore", over="ignore")
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
