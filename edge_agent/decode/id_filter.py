"""Which arbitration ids the kernel has to pass for a plan. Pure."""

from collections.abc import Iterator, Sequence

from edge_agent.acquire.can_frame import Filters, IdFilter
from edge_agent.decode.catalog import Catalog, Message
from edge_agent.decode.j1939 import group_of
from edge_agent.decode.plan import DecodePlan
from edge_agent.decode.transport import CONTROL_FORMAT, DATA_FORMAT
from edge_agent.records import EXTENDED_ID, ID_BITS

_STANDARD_BITS = 0x7FF
_PRIORITY_AND_ADDRESSES = 0x1C00_FFFF


def id_filters(plan: DecodePlan, catalog: Catalog) -> tuple[Filters, ...]:
    """[buses] filters that pass every frame from which a signal of the plan is decoded, sorted, each once.

    A J1939 message passes at whatever priority, from and to whatever address, and with it the transport protocol's
    frames, whatever group they carry: only their payload says, and a short message may be longer on this vehicle.
    """
    found: list[set[IdFilter]] = [set() for _ in catalog.bus_names]
    for bus, message in _wanted(catalog, [info.name for info in plan.signals]):
        found[bus].update(_filters(message))
    return tuple(tuple(sorted(filters)) for filters in found)


def _wanted(catalog: Catalog, names: Sequence[str]) -> Iterator[tuple[int, Message]]:
    """The messages of signals, and of those that paths are computed from."""
    for name in names:
        computed = catalog.computed.get(name)
        if computed is None:
            entry = catalog[name]
            yield entry.bus, entry.message
        else:
            for term in computed.terms:
                yield from ((computed.bus, source.message) for source in term.sources.values())


def _filters(message: Message) -> Iterator[IdFilter]:
    if not message.j1939:
        bits = ID_BITS if message.can_id & EXTENDED_ID else _STANDARD_BITS
        yield IdFilter(message.can_id, EXTENDED_ID | bits)
        return
    yield _group(message.can_id)
    for pdu_format in (CONTROL_FORMAT, DATA_FORMAT):
        yield _group(EXTENDED_ID | pdu_format << 16)


def _group(can_id: int) -> IdFilter:
    """Passes the J1939 group of an id."""
    any_one = can_id | _PRIORITY_AND_ADDRESSES
    free = any_one ^ group_of(any_one)
    return IdFilter(can_id & ~free, (EXTENDED_ID | ID_BITS) & ~free)
