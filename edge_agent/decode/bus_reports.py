"""What is told of each bus: an event each minute, one for each trouble, and a body for the twin. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from operator import add

from edge_agent import events
from edge_agent.decode.minutes import Minutes, stream_ns
from edge_agent.events import Log
from edge_agent.records import BusCounts, BusHealth, BusState, SampleBlock, id_text
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.reported import Reported

TELL_NS = 10_000_000_000
"""A state of a bus is told at most this often, and its end too."""
NAME_CHARS = 96
"""of names in the twin: of three lists of eight each there is room for 2 KB a bus"""

SECTION = "health"
"""of the reported properties"""

_TROUBLE = (BusState.PASSIVE, BusState.OFF)


def body_of(health: BusHealth) -> JsonObject:
    """What is known of a bus; what is not known is left out, as a null would be in a twin."""
    lists = {
        "unknown_ids": [id_text(can_id) for can_id in health.unknown_ids],
        "missed_messages": [name[:NAME_CHARS] for name in health.missed_messages],
        "out_of_range_signals": [name[:NAME_CHARS] for name in health.out_of_range_signals],
    }
    return (
        ({"state": health.state.value} if health.state else {})
        | ({} if health.load_percent is None else {"load_percent": health.load_percent})
        | lists
    )


class _Troubles:
    """One bus's trouble as it was told: passive, off, or none."""

    def __init__(self, bus: str, log: Log) -> None:
        self._bus = bus
        self._log = log
        self._seen: BusState | None = None
        self._told: BusState | None = None
        self._next_ns: dict[BusState | None, int] = {}  # one a state
        self._untold = 0

    def see(self, state: BusState | None, uptime_ns: int) -> bool:
        """Follow the bus's state; returns whether its trouble is another one now."""
        trouble = state if state in _TROUBLE else None
        changed = trouble is not self._seen
        self._seen = trouble
        self._untold += changed
        if trouble is not self._told and uptime_ns >= self._next_ns.get(trouble, uptime_ns):
            self._next_ns[trouble] = uptime_ns + TELL_NS
            self.tell()
        return changed

    def tell(self) -> None:
        """Tell how it is now, if that is not how it was told."""
        if self._seen is self._told:
            return
        self._told = self._seen
        changes, self._untold = self._untold, 0
        if self._seen:
            events.bus_troubled(self._log, bus=self._bus, state=self._seen.value, changes=changes)
        else:
            events.bus_recovered(self._log, bus=self._bus, changes=changes)


class BusReports:
    """Follows the counters and the health of decoded blocks."""

    def __init__(self, bus_names: Sequence[str], reported: Reported, log: Log) -> None:
        self._names = tuple(bus_names)
        self._reported = reported
        self._log = log
        self._minutes = Minutes()
        self._total = self._minute = (BusCounts(),) * len(bus_names)
        self._health = (BusHealth(),) * len(bus_names)
        self._troubles = [_Troubles(name, log) for name in bus_names]
        self._said = False

    def feed(self, block: SampleBlock) -> None:
        """Tell what there is to tell after one more block."""
        self._total = tuple(map(add, self._total, block.counts))
        self._minute = tuple(map(add, self._minute, block.counts))
        self._health = block.health
        changed = False
        for troubles, health in zip(self._troubles, self._health, strict=True):
            changed |= troubles.see(health.state, block.uptime_ns)
        over = self._minutes.reach(stream_ns(block))
        if over:
            self._tell_minute()
        if over or changed or not self._said:
            self._said = True
            self._say(soon=changed)

    def close(self) -> None:
        """The stream has ended: tell the rest."""
        for troubles in self._troubles:
            troubles.tell()
        if any(counts.seen or counts.dropped for counts in self._minute):
            self._tell_minute()
        self._say(soon=False)

    @property
    def health(self) -> dict[str, JsonObject]:
        """What is known of every bus now, by its name; its counters aside."""
        return {name: body_of(health) for name, health in zip(self._names, self._health, strict=True)}

    def _say(self, *, soon: bool) -> None:
        counted = zip(self._total, self.health.items(), strict=True)
        self._reported.say(
            SECTION, {name: asdict(counts) | dict(known) for counts, (name, known) in counted}, soon=soon
        )

    def _tell_minute(self) -> None:
        minute, self._minute = self._minute, (BusCounts(),) * len(self._names)
        for name, counts, health in zip(self._names, minute, self._health, strict=True):
            events.bus_health(self._log, bus=name, counts=counts, health=health)
