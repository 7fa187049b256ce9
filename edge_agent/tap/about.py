"""What a reader of the tap must know of a signal: unit, range, what its numbers are called. Pure."""

from edge_agent.decode.catalog import Catalog, Signal
from edge_agent.records import SignalInfo
from edge_agent.tap.tick import number
from edge_agent.twin.fitting import JsonObject


def about_signal(catalog: Catalog, name: str) -> JsonObject:
    """`{"unit", "min", "max", "labels"}` of a public name; labels only where there are some. Raises KeyError.

    `min` and `max` are the database's, null where it limits a signal no more than the length of its field does.
    The keys of `labels` are values as a tick has them, not raw ones; a label of a value that is no integer is left out.
    """
    info = catalog.info(name)
    low, high = (None, None) if name in catalog.computed else _bounds(catalog[name].signal)
    labels = {str(key): text for raw, text in catalog.labels(name).items() if (key := _whole(raw, info)) is not None}
    return {"unit": info.unit, "min": low, "max": high} | ({"labels": labels} if labels else {})


def _bounds(signal: Signal) -> tuple[float | None, float | None]:
    if signal.relabel:  # of what a table made of raw values a database says nothing
        return None, None
    low, high = (
        None if raw is None else number(raw * signal.factor + signal.offset) for raw in (signal.lowest, signal.highest)
    )
    return (low, high) if signal.factor >= 0 else (high, low)


def _whole(raw: int, info: SignalInfo) -> int | None:
    value = number(raw * info.factor + info.offset)
    return value if isinstance(value, int) else None
