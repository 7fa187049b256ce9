"""A month without a link, in virtual time, on a real disk: `python -m bench.month [--folder FOLDER]`.

Rules of four priorities seal batches, each boot is a day, nothing is delivered: what the spool then takes of disk and
memory, what is still there at the end, and in how many ranges the rest is told.

All days are days of one process, which would keep what a start forgets. Memory is that of the process, which has loaded
all that an agent loads, and the store. Its start is not an empty process but a store that is open and has taken
`WARM_ROUNDS` rounds.
"""

import argparse
import importlib
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from edge_agent.large_buffers import give_back_large_buffers
from edge_agent.records import Envelope, EnvelopeKey, Lane, LostRange
from edge_agent.spool.keep import TOLD_AT_ONCE
from edge_agent.spool.opening import open_store
from edge_agent.spool.segments import SEGMENT_BYTES
from edge_agent.spool.store import Store

PRIORITIES = (1, 4, 4, 4, 7, 7, 7, 7, 9, 9)
"""of ten rules"""
URGENT_EVERY = 50
"""The rule of priority 1 is for events: it seals one batch in so many rounds."""
PAYLOAD_BYTES = 16_000
WARM_ROUNDS = 200
RANDOM = random.Random(1).randbytes(1 << 20)  # noqa: S311  only to be incompressible

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
LOG = structlog.get_logger()
_NS = 1_000_000_000


@dataclass(slots=True)
class VirtualClock:
    """Both clocks go as they are told to."""

    uptime_s: float = 0.0

    def now_ns(self) -> int:
        """Some day."""
        return 1_800_000_000 * _NS + self.uptime_ns()

    def uptime_ns(self) -> int:
        """Since the start."""
        return int(self.uptime_s * _NS)

    def both_ns(self) -> tuple[int, int]:
        """Both."""
        return self.now_ns(), self.uptime_ns()

    def is_synced(self) -> bool | None:
        """Yes."""
        return True


@dataclass(slots=True)
class Month:
    """What was seen."""

    batches: int = 0
    folder_bytes: list[int] = field(default_factory=list)
    resident_bytes: list[int] = field(default_factory=list)
    resident_warm: int = 0
    """after `WARM_ROUNDS`"""
    resident_at_cap: int = 0
    """when the first batch had to go"""
    state_bytes: list[int] = field(default_factory=list)
    ranges: list[int] = field(default_factory=list)
    sealed: dict[int, list[int]] = field(default_factory=lambda: {one: [] for one in PRIORITIES})
    """numbers of keys by priority, as they came; known at the end, for they would be most of what takes memory"""
    there: set[int] = field(default_factory=set)
    """at the end"""
    told: set[tuple[int, int, int]] = field(default_factory=set)
    """(boot, first, last) of all ranges at the end"""


def month(folder: Path, *, cap_bytes: int, days: int, rounds_a_day: int, look_every: int = 500) -> Month:
    """Every round each rule seals a batch; every day the agent starts anew. It is looked each so many rounds."""
    seen = Month()
    for _ in range(days):
        _day(folder, cap_bytes, rounds_a_day, look_every, seen)
    store = open_store(folder, cap_bytes=cap_bytes, segment_bytes=SEGMENT_BYTES, log=LOG, clock=VirtualClock())
    while leased := store.lease(64):
        seen.there.update(number_of(envelope.key) for envelope in leased)
    told = [*store.owed.untold, *(one for ranges in store.owed.told.values() for one in ranges)]
    seen.told = {(one.boot, one.first_seq, one.last_seq) for one in told}
    store.close()
    for boot in range(1, days + 1):
        for one in (one for number in _rounds(rounds_a_day) for one in _round(boot, *number)):
            seen.sealed[one.priority].append(number_of(one.key))
    return seen


def _day(folder: Path, cap_bytes: int, rounds: int, look_every: int, seen: Month) -> None:
    clock = VirtualClock()
    store = open_store(folder, cap_bytes=cap_bytes, segment_bytes=SEGMENT_BYTES, log=LOG, clock=clock)
    owed = store.owed.to_tell()
    for seq, number in _rounds(rounds):
        batches = list(_round(store.boot.boot, seq, number))
        batches[0] = _telling(batches[0], owed)
        seen.batches += len(batches)
        owed = store.append(batches).owed
        clock.uptime_s += 86_400 / rounds
        if number == WARM_ROUNDS:
            seen.resident_warm = seen.resident_warm or resident_bytes()
        if owed and not seen.resident_at_cap:
            seen.resident_at_cap = resident_bytes()
        if number % look_every == 0:
            _look(folder, store, seen)
    store.close()


def _rounds(count: int) -> Iterator[tuple[int, int]]:
    """The first sequence number of each round, and the round's own."""
    seq = 0
    for number in range(count):
        yield seq, number
        seq += len(PRIORITIES) - bool(number % URGENT_EVERY)


def number_of(key: EnvelopeKey) -> int:
    """One number that grows as keys do."""
    return key.boot << 32 | key.seq


def _round(boot: int, seq: int, number: int) -> Iterator[Envelope]:
    """One batch of each rule; the events' now and then."""
    for rule, priority in enumerate(PRIORITIES):
        if rule or number % URGENT_EVERY == 0:
            at = (seq * 61 + number) % (len(RANDOM) - PAYLOAD_BYTES)
            payload = RANDOM[at : at + PAYLOAD_BYTES]
            key = EnvelopeKey(boot, seq)
            yield Envelope(key, priority, Lane.WARM, f"rule-{rule}", "columns/1", "application/json", "gzip", payload)
            seq += 1


def _telling(envelope: Envelope, owed: Sequence[LostRange]) -> Envelope:
    return replace(envelope, tells=tuple(owed[:TOLD_AT_ONCE]))


def _look(folder: Path, store: Store, seen: Month) -> None:
    seen.folder_bytes.append(sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file()))
    seen.resident_bytes.append(resident_bytes())
    seen.state_bytes.append((folder / "state.json").stat().st_size)
    seen.ranges.append(len(store.owed.untold) + sum(map(len, store.owed.told.values())))


def _resident(seen: Month) -> str:
    warm, at_cap, most = seen.resident_warm, seen.resident_at_cap, max(seen.resident_bytes)
    moments = {"start, warm": warm, "at the cap": at_cap, "at the end": seen.resident_bytes[-1], "at most": most}
    return ", ".join(f"{moment} {size / 2**20:.1f} MiB ({size / warm:.3f})" for moment, size in moments.items())


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """30 days, each rule a batch a minute: seven times what fits into the cap of 1 GiB."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=1440)
    chosen = parser.parse_args()
    cap_bytes = 1 << 30
    give_back_large_buffers()  # as the agent does
    # What stands in an agent's memory beside the store, or the growth would be held against too little.
    for module in ("edge_agent.app", "edge_agent.uplink.iotedge", "azure.iot.device.aio"):
        importlib.import_module(module)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        seen = month(Path(folder), cap_bytes=cap_bytes, days=chosen.days, rounds_a_day=chosen.rounds)
    print(f"{seen.batches} batches of {PAYLOAD_BYTES} bytes in {chosen.days} days; cap {cap_bytes >> 20} MiB")
    print(
        f"  folder at most {max(seen.folder_bytes) / 2**20:.1f} MiB; state.json at most {max(seen.state_bytes)} bytes"
    )
    print(f"  resident: {_resident(seen)}")
    print(f"  lost ranges: at most {max(seen.ranges)}, {len(seen.told)} at the end")
    for priority, keys in sorted(seen.sealed.items()):
        newest = next((at for at, key in enumerate(reversed(keys)) if key not in seen.there), len(keys))
        there = len(seen.there.intersection(keys))
        print(f"  priority {priority}: {there} of {len(keys)} there, the newest {newest} without a hole")


if __name__ == "__main__":
    main()
