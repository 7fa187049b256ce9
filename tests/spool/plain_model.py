"""A spool as plain lists, slow and obvious: what each action is to answer, to the last batch.

It knows the rules, and none of the ledger's tricks: no pointers, no cached deadlines, every question walks over all.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from edge_agent.records import LIVE_S, Envelope, EnvelopeKey, Part, Purpose, Terms, Upload
from edge_agent.spool.framing import FILE_HEADER_SIZE, record_length
from edge_agent.spool.naming import PRIORITIES, StreamName

STREAMS = tuple(
    StreamName(priority, upload, purposes)
    for priority in range(PRIORITIES)
    for upload in Upload
    for purposes in (None, *map(Purpose, range(16)))
)
Lost = dict[EnvelopeKey, str]
"""Batches that will not arrive, and why."""


@dataclass
class Item:
    """One batch."""

    key: EnvelopeKey
    stream: StreamName
    length: int
    rule: str
    thin: int
    kept_s: int
    expires_powered_s: int
    expires_wall_s: int
    in_flight: bool = False
    settled: bool = False


@dataclass
class File:
    """One segment."""

    items: list[Item] = field(default_factory=list)
    size: int = FILE_HEADER_SIZE
    grows: bool = True
    of_this_boot: bool = True
    asked_to_thin: bool = False
    to_rewrite: bool = False

    @property
    def needed(self) -> list[Item]:
        return [item for item in self.items if not item.settled]

    @property
    def busy(self) -> bool:
        return any(item.in_flight for item in self.items)


def item_of(envelope: Envelope, powered_s: int) -> Item:
    keep, closed_s = envelope.retention, envelope.closed_ns // 1_000_000_000
    return Item(
        envelope.key,
        StreamName(envelope.priority, envelope.upload, envelope.purposes),
        record_length(envelope),
        envelope.rule,
        keep.thin,
        powered_s,
        powered_s + keep.powered_s if keep.powered_s else 10**12,
        closed_s + keep.wall_s if keep.wall_s and closed_s else 10**12,
    )


@dataclass
class PlainModel:
    """`must_note` after an append: files were to go or to be rewritten for it, so the state was written first."""

    budget_bytes: int
    segment_bytes: int
    files: dict[StreamName, list[File]] = field(default_factory=lambda: {name: [] for name in STREAMS})
    seen_by_thinning: Counter[tuple[StreamName, str]] = field(default_factory=Counter)
    powered_s: int = 0
    wall_s: int | None = None
    must_note: bool = False

    def every_file(self) -> Iterator[File]:
        return (file for name in STREAMS for file in self.files[name])

    def held(self) -> list[Item]:
        return [item for file in self.every_file() for item in file.needed]

    def total_bytes(self) -> int:
        return sum(file.size for file in self.every_file())

    def may_be_leased(self, terms: Terms) -> list[EnvelopeKey]:
        """In the order in which they go."""
        found = [
            (not self._is_live(file, item), item.stream.priority, item.key)
            for file in self.every_file()
            for item in file.needed
            if not item.in_flight
            and item.stream.priority <= terms.last_priority
            and (terms.unmetered or item.stream.upload is Upload.ANY)
            and (Part.LIVE if self._is_live(file, item) else Part.BACKLOG) in terms.parts
        ]
        return [key for _, _, key in sorted(found)]

    def item(self, key: EnvelopeKey) -> Item:
        return next(item for item in self.held() if item.key == key)

    def expire(self) -> Lost:
        gone = [
            item
            for item in self.held()
            if not item.in_flight
            and (self.powered_s > item.expires_powered_s or (self.wall_s or 0) > item.expires_wall_s)
        ]
        return _settle(gone, "expired")

    def append(self, items: Sequence[Item]) -> tuple[Lost, list[Item]]:
        """What is lost by it, and what of these was kept."""
        lost: Lost = {}
        kept: list[Item] = []
        taken = 0
        self.must_note = False
        for item in sorted(items, key=lambda item: item.stream.priority):
            need = taken + item.length + FILE_HEADER_SIZE
            if self._cannot_fit(item.stream.priority, need):
                lost[item.key] = "cap"
                self.must_note = True
            else:
                taken = need
                kept.append(item)
                lost |= self._make_room(item.stream.priority, need)
        if self.must_note:
            self.sweep()
        kept.sort(key=lambda item: item.key)
        for item in kept:
            self._place(item)
        return lost, kept

    def withdraw(self, purposes: Purpose) -> Lost:
        """All goes that needs consent to one of these, or of which nobody noted what it needs, in flight or not."""
        lost: Lost = {}
        for name, files in self.files.items():
            if name.purposes is None or any(one in name.purposes for one in purposes):
                lost |= _settle([item for file in files for item in file.needed], "consent")
                files.clear()
        self.sweep()
        return lost

    def sweep(self) -> None:
        """Files of which nothing is needed go, thinned ones are rewritten."""
        for name, files in self.files.items():
            self.files[name] = [file for file in files if file.grows or file.needed]
            for file in [file for file in self.files[name] if file.to_rewrite]:
                file.items, file.to_rewrite = file.needed, False
                file.size = FILE_HEADER_SIZE + sum(item.length for item in file.items)
                for item in file.items:
                    item.thin = 1

    def settled(self) -> set[EnvelopeKey]:
        """Of what the files still have."""
        return {item.key for file in self.every_file() for item in file.items if item.settled}

    def start_again(self, settled: set[EnvelopeKey]) -> None:
        """Nothing is in flight, nothing grows; forgotten is what thinning counted, and what was not noted."""
        self.seen_by_thinning.clear()
        for file in self.every_file():
            file.grows = file.of_this_boot = file.asked_to_thin = False
            for item in file.items:
                item.in_flight = False
                item.settled = item.key in settled
        self.sweep()

    def _is_live(self, file: File, item: Item) -> bool:
        return file.of_this_boot and self.powered_s - item.kept_s < LIVE_S

    def _cannot_fit(self, priority: int, need: int) -> bool:
        could_go = [
            file.size
            for name in STREAMS
            for file in self.files[name]
            if not file.needed or (name.priority >= priority and not file.busy)
        ]
        return self.total_bytes() - sum(could_go) + need > self.budget_bytes

    def _make_room(self, priority: int, need: int) -> Lost:
        lost: Lost = {}
        while self.total_bytes() + need > self.budget_bytes:
            lost |= self._give_up_one(priority)
        return lost

    def _give_up_one(self, priority: int) -> Lost:
        for name in STREAMS:
            for file in self.files[name]:
                if not file.needed:
                    return self._delete(name, file)
        last_first = [name for name in reversed(STREAMS) if name.priority >= priority]
        for _, alike in groupby(last_first, key=lambda name: (name.priority, name.upload)):
            by_age = sorted(
                ((name, file) for name in alike for file in self.files[name]), key=lambda one: one[1].items[0].key
            )
            for name, file in by_age:
                may_be_thinned = any(item.thin > 1 for item in file.items) and not file.asked_to_thin
                if may_be_thinned and not file.grows and not file.busy and file.size <= self.segment_bytes:
                    return self._thin(name, file)
            for name, file in by_age:
                if not file.busy:
                    return self._delete(name, file)
        raise AssertionError("there was to be room")

    def _delete(self, name: StreamName, file: File) -> Lost:
        self.files[name].remove(file)
        self.must_note = True
        return _settle(file.needed, "cap")

    def _thin(self, name: StreamName, file: File) -> Lost:
        file.asked_to_thin = True
        gone: list[Item] = []
        for item in file.needed:
            if item.thin > 1:
                if self.seen_by_thinning[name, item.rule] % item.thin:
                    gone.append(item)
                self.seen_by_thinning[name, item.rule] += 1
        lost = _settle(gone, "thinned")
        self.must_note |= bool(gone)
        if not file.needed:
            self.files[name].remove(file)
        elif gone:
            file.to_rewrite = True
            file.size = FILE_HEADER_SIZE + sum(item.length for item in file.needed)
        return lost

    def _place(self, item: Item) -> None:
        files = self.files[item.stream]
        if not files or not files[-1].grows:
            files.append(File())
        elif files[-1].size > FILE_HEADER_SIZE and files[-1].size + item.length > self.segment_bytes:
            files[-1].grows = False
            files.append(File())
        files[-1].items.append(item)
        files[-1].size += item.length


def _settle(items: list[Item], why: str) -> Lost:
    for item in items:
        item.settled = True
    return {item.key: why for item in items}
