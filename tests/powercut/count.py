"""What must be true over all power cuts, counted from what the agent said and what the hub took. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import cast

from edge_agent.errors import PayloadRefused
from edge_agent.localhub.arrivals import Arrival
from edge_agent.records import EnvelopeKey
from edge_agent.spool.reading import Payload, read_payloads

Event = Mapping[str, object]

READY_S = 2.0
"""what a restart may take"""
IMPORTANT = ("error", "critical")
HARMLESS = frozenset({"acquire.frames_dropped"})
"""errors that say nothing of the disk: the machine inside is slow"""
ALARMING = frozenset({"spool.state_lost", "spool.disk_left", "spool.segment_mend_failed"})
"""warnings that a power cut must not cause"""


@dataclass(frozen=True, slots=True)
class Life:
    """What one life of the machine left outside of it, from power on to the cut."""

    number: int
    events: tuple[Event, ...] = ()
    """what the agent said, in order; a line that the cut tore is not among it"""
    started_s: float | None = None
    """when the agent's process was begun, since the Unix epoch"""
    ended: str = ""
    """why the agent did not live until the cut, where it did not"""

    def told(self, name: str) -> Iterator[Event]:
        """The events of a name."""
        return (event for event in self.events if event["event"] == name)

    @property
    def boot(self) -> int | None:
        """The number it gave itself; None where the power went before."""
        return next((_whole(event["boot"]) for event in self.told("spool.opened")), None)

    @property
    def opening_s(self) -> float | None:
        """From the last database loaded, behind which the spool is opened, to the spool recovered."""
        before: Event | None = None
        for event in self.events:
            if event["event"] == "spool.opened" and before:
                return _time_s(event) - _time_s(before)
            before = event if event["event"] == "decode.database_loaded" else before
        return None

    @property
    def restart_s(self) -> float | None:
        """From the begin of the process to the spool recovered, imports and databases included."""
        opened = next(self.told("spool.opened"), None)
        return None if opened is None or self.started_s is None else _time_s(opened) - self.started_s


@dataclass(frozen=True, slots=True)
class Count:
    """The sums over all cuts, and a sentence for everything that must not be."""

    cuts: int
    committed: int
    """batches reported as committed"""
    delivered: int
    """batches the hub took, each counted once; some of them were committed but not reported before the cut"""
    twice: int
    """deliveries of a batch that was there already"""
    torn: int
    """appends that had not returned, taken off at the next start"""
    lost: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    corrupt: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    opening_s: tuple[float, ...] = ()
    """of every opening that was seen"""
    restart_s: tuple[float, ...] = ()

    @property
    def violations(self) -> tuple[str, ...]:
        """All of them; where there is none all is well. What may explain the others goes first."""
        return self.other + self.corrupt + self.repeated + self.lost


def count(lives: Sequence[Life], arrivals: Iterable[Arrival]) -> Count:
    """Hold what arrived against what was reported; the last life ended well and had everything delivered."""
    took = _Taken()
    for arrival in arrivals:
        took.take(arrival)
    committed, miscounted = _committed(lives)
    opening_s = tuple(life.opening_s for life in lives if life.opening_s is not None)
    return Count(
        cuts=len(lives) - 1,
        committed=len(committed),
        delivered=len(took.bodies),
        twice=took.twice,
        torn=sum(1 for life in lives for _ in life.told("spool.tail_cut")),
        lost=tuple(_lost(committed, took)),
        repeated=(*took.repeated, *_numbers_given_twice(lives)),
        corrupt=(*took.corrupt, *_alarms(lives)),
        other=(*miscounted, *_wrong_ends(lives, took.payloads), *_late(opening_s), *_ended(lives)),
        opening_s=opening_s,
        restart_s=tuple(life.restart_s for life in lives if life.restart_s is not None),
    )


class _Taken:
    """What the hub took, batch by batch."""

    def __init__(self) -> None:
        self.bodies: dict[EnvelopeKey, bytes] = {}
        self.payloads: list[Payload] = []
        self.twice = 0
        self.repeated: list[str] = []
        self.corrupt: list[str] = []

    def take(self, arrival: Arrival) -> None:
        place = f"message {arrival.n}"
        try:
            [payload] = read_payloads(arrival.body, place)
            key = EnvelopeKey(payload.boot, payload.seq)
            properties = EnvelopeKey(int(arrival.properties["boot"]), int(arrival.properties["seq"]))
        except (PayloadRefused, LookupError, ValueError) as error:
            self.corrupt.append(f"{place}: {error}")
            return
        if key != properties:
            self.corrupt.append(f"{place}: its payload says {_text(key)}, its properties say {_text(properties)}")
        self.payloads.append(payload)
        self.twice += key in self.bodies
        if self.bodies.setdefault(key, arrival.body) != arrival.body:
            self.repeated.append(f"{place}: {_text(key)} came before with other bytes")


def _committed(lives: Iterable[Life]) -> tuple[set[EnvelopeKey], list[str]]:
    """Every batch an append returned for: batches of a boot are committed in the order of their numbers."""
    keys: set[EnvelopeKey] = set()
    wrong: list[str] = []
    for life in lives:
        next_seq = 0
        for event in life.told("spool.batches_appended"):
            last_seq, said = _whole(event["last_seq"]), _whole(event["count"])
            if said != last_seq + 1 - next_seq:
                wrong.append(f"life {life.number}: {said} batches appended from {next_seq} to {last_seq}")
            keys |= {EnvelopeKey(life.boot or 0, seq) for seq in range(next_seq, last_seq + 1)}
            next_seq = last_seq + 1
    return keys, wrong


def _lost(committed: Iterable[EnvelopeKey], took: _Taken) -> Iterator[str]:
    ranges = [cast("Mapping[str, int]", one) for each in took.payloads for one in _ranges(each)]
    for key in sorted(set(committed) - set(took.bodies)):
        told = {str(one["why"]) for one in ranges if one["boot"] == key.boot and one["from"] <= key.seq <= one["to"]}
        yield f"batch {_text(key)} was committed and never came: {', '.join(sorted(told)) or 'nobody told'}"


def _ranges(payload: Payload) -> Sequence[object]:
    return cast("Sequence[object]", payload.header["evicted"])


def _numbers_given_twice(lives: Sequence[Life]) -> Iterator[str]:
    boots = [(life.number, life.boot) for life in lives if life.boot is not None]
    for (_, before), (number, boot) in pairwise(boots):
        if boot <= before:
            yield f"life {number}: boot {boot} after boot {before}"
    for life in lives:
        for seq, times in Counter(_whole(event["seq"]) for event in life.told("policy.batch_sealed")).items():
            if times > 1:
                yield f"life {life.number}: {times} batches are number {seq}"


def _wrong_ends(lives: Sequence[Life], payloads: Iterable[Payload]) -> Iterator[str]:
    """What a batch says of the boot before it must not be less than what that one had committed."""
    boots = [life.boot for life in lives if life.boot is not None]
    before = dict(zip(boots[1:], boots, strict=False))
    for payload in payloads:
        said = cast("Mapping[str, int | None]", payload.header["prev"])
        known = EnvelopeKey(before.get(payload.boot, 0), _last_appended(lives, before.get(payload.boot)))
        # A boot between that nobody saw opening is well: the power went after its state was written.
        says = EnvelopeKey(said["boot"] or 0, -1 if said["last_seq"] is None else said["last_seq"])
        if says < known:
            yield f"batch {payload.boot}/{payload.seq} says {_text(says)} came last, but {_text(known)} was committed"


def _last_appended(lives: Iterable[Life], boot: int | None) -> int:
    """-1 where nothing was."""
    told = (event for life in lives if life.boot == boot is not None for event in life.told("spool.batches_appended"))
    return max((_whole(event["last_seq"]) for event in told), default=-1)


def _alarms(lives: Iterable[Life]) -> Iterator[str]:
    for life in lives:
        for event in life.events:
            if event["event"] in ALARMING or (event["level"] in IMPORTANT and event["event"] not in HARMLESS):
                yield f"life {life.number}: {dict(event)}"


def _late(opening_s: Iterable[float]) -> Iterator[str]:
    return (f"an opening took {seconds:.2f} s" for seconds in opening_s if seconds > READY_S)


def _ended(lives: Iterable[Life]) -> Iterator[str]:
    return (f"life {life.number}: {life.ended}" for life in lives if life.ended)


def _whole(value: object) -> int:
    assert isinstance(value, int), value
    return value


def _time_s(event: Event) -> float:
    return datetime.fromisoformat(str(event["timestamp"])).timestamp()


def _text(key: EnvelopeKey) -> str:
    return f"{key.boot}/{key.seq}"
