"""`edge-agent spool stat`: what waits in a spool, since when, and what is wrong with it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from edge_agent.desk.show import time_text
from edge_agent.desk.spool_entries import Entry, SegmentFound, Standing, StreamEnd, ranges_of
from edge_agent.desk.spool_folder import DAMAGED, REFUSED, FileFound, SpoolFolder
from edge_agent.desk.spool_list import duration_text, wall_text
from edge_agent.desk.spool_payload import first_ns
from edge_agent.records import EnvelopeKey, LostRange
from edge_agent.spool.header import JsonValue


@dataclass
class Tally:
    """Batches, and the bytes of their payloads."""

    batches: int = 0
    payload_bytes: int = 0

    def add(self, entry: Entry) -> None:
        """One more."""
        self.batches += 1
        self.payload_bytes += len(entry.envelope.payload)

    def as_json(self) -> dict[str, JsonValue]:
        """Both."""
        return {"batches": self.batches, "bytes": self.payload_bytes}


@dataclass
class Standings:
    """Gathers while the segments are read; of the payloads it keeps two."""

    waiting: Tally = field(default_factory=Tally)
    done: Tally = field(default_factory=Tally)
    """delivered, set aside or given up: their files go when nothing else in them waits"""
    encrypted: int = 0
    by_rule: dict[tuple[int, str, str, str], Tally] = field(default_factory=dict)
    """(priority, upload, lane, rule)"""
    oldest: Entry | None = None
    newest: Entry | None = None
    expiring: int = 0
    next_powered_s: int | None = None
    next_wall_s: int | None = None
    formats: Counter[int | None] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)
    damaged: dict[str, int] = field(default_factory=dict)
    """segment -> bytes"""
    missing: list[str] = field(default_factory=list)
    """segments"""
    lost: list[EnvelopeKey] = field(default_factory=list)

    def take(self, segment: SegmentFound) -> None:
        """One segment."""
        self.formats[segment.version] += 1
        if not segment.is_known:
            self.unknown.append(str(segment.name))
        for entry in segment.entries:
            if entry.standing is Standing.WAITING:
                self._wait(entry)
            else:
                self.done.add(entry)

    def end(self, stream: StreamEnd) -> None:
        """After the segments of a stream."""
        self.damaged |= {str(name): size for name, size in stream.damaged.items()}
        self.missing += map(str, stream.missing)
        self.lost += stream.lost

    def _wait(self, entry: Entry) -> None:
        envelope, lifetime = entry.envelope, entry.lifetime
        self.waiting.add(entry)
        self.encrypted += entry.encrypted
        rule = (envelope.priority, envelope.upload.value, envelope.lane.value, envelope.rule)
        self.by_rule.setdefault(rule, Tally()).add(entry)
        if self.oldest is None or envelope.key < self.oldest.envelope.key:
            self.oldest = entry
        if self.newest is None or envelope.key > self.newest.envelope.key:
            self.newest = entry
        self.expiring += bool(lifetime.expires_powered_s or lifetime.expires_wall_s)
        self.next_powered_s = _sooner(self.next_powered_s, lifetime.expires_powered_s)
        self.next_wall_s = _sooner(self.next_wall_s, lifetime.expires_wall_s)


@dataclass(frozen=True, slots=True)
class SpoolReport:
    """Everything `stat` tells."""

    path: str
    owner: int | None
    boot: int
    last_seq: int | None
    powered_s: int
    state_file: str
    standings: Standings
    untold: tuple[LostRange, ...]
    told: tuple[LostRange, ...]
    refused: tuple[FileFound, ...]
    kept_damaged: tuple[FileFound, ...]
    set_aside: tuple[str, ...]
    files: tuple[FileFound, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """For a program; times in powered-on seconds count over all starts, null is never or not known."""
        seen = self.standings
        return {
            "folder": self.path,
            "used_by_pid": self.owner,
            "boot": self.boot,
            "last_seq": self.last_seq,
            "powered_s": self.powered_s,
            "state_file": self.state_file or None,
            "waiting": seen.waiting.as_json(),
            "done": seen.done.as_json(),
            "encrypted": seen.encrypted,
            "rules": [
                {"priority": priority, "upload": upload, "lane": lane, "rule": rule, **tally.as_json()}
                for (priority, upload, lane, rule), tally in sorted(seen.by_rule.items())
            ],
            "oldest": _end_as_json(seen.oldest),
            "newest": _end_as_json(seen.newest),
            "expiry": {
                "batches": seen.expiring,
                "next_powered_s": seen.next_powered_s,
                "next_at": None if seen.next_wall_s is None else wall_text(seen.next_wall_s),
            },
            "lost_untold": [_range_as_json(one) for one in self.untold],
            "lost_told": [_range_as_json(one) for one in self.told],
            "unreadable": [_range_as_json(one) for one in ranges_of(seen.lost, "damaged")],
            "damaged": [{"file": name, "bytes": size} for name, size in seen.damaged.items()],
            "missing": list(seen.missing),
            "set_aside": [*self.set_aside, *seen.unknown],
            "refused": _folder_as_json(self.refused),
            "kept_damaged": _folder_as_json(self.kept_damaged),
            "formats": {str(version or "damaged"): count for version, count in seen.formats.items()},
            "files": [{"file": one.name, "bytes": one.size} for one in self.files],
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        seen = self.standings
        yield f"{self.path}: {self._use()}"
        powered = f", {duration_text(self.powered_s)} powered on" if self.powered_s else ""
        last = "none" if self.last_seq is None else f"{self.boot}/{self.last_seq}"
        yield f"boot      {self.boot}, last batch noted {last}{powered}{self._state_note()}"
        yield f"waiting   {_tally_text(seen.waiting)}"
        for (priority, upload, lane, rule), tally in sorted(seen.by_rule.items()):
            yield f"          priority {priority} {upload:<9} {lane:<4} {rule:<24} {_tally_text(tally)}"
        yield from (f"{name:<9} {_end_text(entry)}" for name, entry in self._ends())
        yield from self._expiry()
        yield from self._wrong()
        segments = sum(seen.formats.values())
        formats = ", ".join(f"{count} of format {version or '?'}" for version, count in seen.formats.items())
        yield f"files     {len(self.files)}, {_size_of(self.files)} bytes; {segments} segments" + (
            f": {formats}" if formats else ""
        )
        if seen.done.batches:
            yield f"          {_tally_text(seen.done)} in them wait no more"

    def _use(self) -> str:
        if self.owner is None:
            return "no agent is seen to use it"
        return f"in use by process {self.owner}"

    def _state_note(self) -> str:
        notes = {"": "; no state can be read: all is taken to wait", "opened.json": "; as of its last start"}
        return notes.get(self.state_file, "")

    def _ends(self) -> Iterator[tuple[str, Entry]]:
        for name, entry in (("oldest", self.standings.oldest), ("newest", self.standings.newest)):
            if entry:
                yield name, entry

    def _expiry(self) -> Iterator[str]:
        seen = self.standings
        if not seen.expiring:
            return
        parts = []
        if seen.next_powered_s is not None:
            parts.append(f"powered on: {duration_text(seen.next_powered_s - self.powered_s)}")
        if seen.next_wall_s is not None:
            parts.append(f"by the clock: {wall_text(seen.next_wall_s)}")
        yield f"expiry    of {seen.expiring} batches; the next in {', '.join(parts)}"

    def _wrong(self) -> Iterator[str]:
        seen = self.standings
        yield f"lost      {_ranges_text(self.untold)} not told yet, {_ranges_text(self.told)} told by batches that wait"
        if seen.encrypted:
            yield f"encrypted {seen.encrypted} batches"
        if self.refused:
            yield f"refused   {len(self.refused)} batches, {_size_of(self.refused)} bytes in {REFUSED}/"
        if self.kept_damaged:
            kept = f"{len(self.kept_damaged)} segments as they were found, {_size_of(self.kept_damaged)} bytes"
            yield f"mended    {kept}, in {DAMAGED}/"
        yield from (f"damaged   {name}: {size} bytes" for name, size in seen.damaged.items())
        yield from (f"missing   {name}" for name in seen.missing)
        if seen.lost:
            yield f"          cannot be read any more: {_ranges_text(ranges_of(seen.lost, 'damaged'))}"
        yield from (f"set aside {name}" for name in (*self.set_aside, *seen.unknown))


def spool_report(folder: SpoolFolder) -> SpoolReport:
    """Read all of a spool. Raises FileRefused."""
    standings = Standings()
    for found in folder.found():
        if isinstance(found, SegmentFound):
            standings.take(found)
        else:
            standings.end(found)
    state = folder.state
    return SpoolReport(
        path=str(folder.path),
        owner=folder.owner(),
        boot=state.boot,
        last_seq=state.last_seq,
        powered_s=state.powered_s,
        state_file=folder.state_file,
        standings=standings,
        untold=state.owed,
        told=tuple(one for ranges in state.told.values() for one in ranges),
        refused=tuple(folder.put_aside(REFUSED)),
        kept_damaged=tuple(folder.put_aside(DAMAGED)),
        set_aside=tuple(folder.set_aside),
        files=tuple(folder.files()),
    )


def _sooner(one: int | None, other: int) -> int | None:
    """0 is never."""
    return min(value for value in (one, other) if value) if one or other else None


def _end_as_json(entry: Entry | None) -> JsonValue:
    if entry is None:
        return None
    t_ns = first_ns(entry)
    return {
        "boot": entry.envelope.key.boot,
        "seq": entry.envelope.key.seq,
        "kept_powered_s": entry.lifetime.powered_s,
        "first_sample": None if t_ns is None else time_text(t_ns),
    }


def _end_text(entry: Entry) -> str:
    key, t_ns = entry.envelope.key, first_ns(entry)
    return f"{key.boot}/{key.seq}" + (f", samples from {time_text(t_ns)}" if t_ns is not None else "")


def _range_as_json(lost: LostRange) -> JsonValue:
    return {"boot": lost.boot, "from": lost.first_seq, "to": lost.last_seq, "why": lost.why}


def _size_of(files: Iterable[FileFound]) -> int:
    return sum(one.size for one in files)


def _folder_as_json(files: Sequence[FileFound]) -> JsonValue:
    return {"files": len(files), "bytes": _size_of(files)}


def _tally_text(tally: Tally) -> str:
    return f"{tally.batches} {'batch' if tally.batches == 1 else 'batches'}, {tally.payload_bytes} bytes"


MOST_RANGES = 8


def _ranges_text(ranges: Iterable[LostRange]) -> str:
    """How many batches, and the first few ranges."""
    ranges = list(ranges)
    count = sum(one.last_seq - one.first_seq + 1 for one in ranges)
    shown = ", ".join(
        f"{one.boot}/{one.first_seq}{f'..{one.last_seq}' if one.last_seq > one.first_seq else ''} {one.why}"
        for one in ranges[:MOST_RANGES]
    )
    more = ", ..." if len(ranges) > MOST_RANGES else ""
    return f"{count} ({shown}{more})" if ranges else "none"
