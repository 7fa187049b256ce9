"""A second spool, in SQLite: the oracle of the contract suite. It writes twice the bytes the product's does."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from edge_agent.clock import SystemClock
from edge_agent.ports import Clock
from edge_agent.records import (
    ANYTHING,
    LIVE_S,
    Acked,
    Appended,
    BootInfo,
    Deferred,
    Envelope,
    EnvelopeKey,
    Lane,
    LostRange,
    Part,
    Purpose,
    Receipt,
    Terms,
    Upload,
)

SCHEMA = """
create table if not exists envelope (priority, boot, seq, lane, rule, schema, type, encoding, payload, upload,
                                     kept_s, expires_powered_s, expires_wall_s, thin, purposes,
                                     primary key (priority, boot, seq));
create table if not exists owed (boot, seq, why, carrier_boot, carrier_seq);
create table if not exists boot (boot primary key, last_seq, powered_s);
"""
WAITING_LOOKS_EACH_S = 0.05
NEVER = 10**12
NS = 1_000_000_000


class SqliteSpool:
    """`ports.Spool`, blocking its loop; the cap counts payload bytes, and room is made batch by batch."""

    def __init__(self, folder: Path, cap_bytes: int, clock: Clock | None = None) -> None:
        self._cap_bytes = cap_bytes
        self._clock = clock or SystemClock()
        self._seen_by_thinning: Counter[tuple[int, str, str]] = Counter()
        self._leased: set[EnvelopeKey] = set()
        self._more = asyncio.Event()
        self._database = sqlite3.connect(folder / "spool.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=OFF"):
            self._database.execute(f"pragma {pragma}")
        self._database.executescript(SCHEMA)
        before = self._database.execute("select boot, last_seq, powered_s from boot order by boot desc").fetchone()
        self._boot = BootInfo(before[0] + 1, *before[:2]) if before else BootInfo(1, None, None)
        self._powered_from_ns = (before[2] * NS if before else 0) - self._clock.uptime_ns()
        self._database.execute("insert into boot values (?, null, ?)", (self._boot.boot, self.powered_s))

    @property
    def boot(self) -> BootInfo:
        return self._boot

    @property
    def powered_s(self) -> int:
        return (self._powered_from_ns + self._clock.uptime_ns()) // NS

    async def append(self, envelopes: Sequence[Envelope]) -> Appended:
        kept: list[EnvelopeKey] = []
        self._expire()
        self._database.execute("begin")
        for one in sorted(envelopes, key=lambda one: one.priority):
            if self._make_room(one):
                self._insert(one)
                self._tell(one)
                kept.append(one.key)
            else:
                self._owe(one.key, "cap")
        self._database.execute("commit")
        self._offer()
        return Appended(self._untold(), tuple(kept))

    async def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        while True:
            more = self._more
            if envelopes := self.take(limit, terms):
                return envelopes
            with suppress(TimeoutError):
                async with asyncio.timeout(WAITING_LOOKS_EACH_S):
                    await more.wait()

    def take(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        """`lease`, without waiting."""
        self._expire()
        live = "(boot = ? and ? - kept_s < ?)"
        rows = self._database.execute(
            f"select {live} as live, * from envelope where priority <= ? order by live desc, priority, boot, seq",  # noqa: S608  no word of it is anybody's
            (self._boot.boot, self.powered_s, LIVE_S, terms.last_priority),
        )
        envelopes = [
            _envelope(row[1:])
            for row in rows
            if (Part.LIVE if row[0] else Part.BACKLOG) in terms.parts and EnvelopeKey(*row[2:4]) not in self._leased
        ]
        leased = [one for one in envelopes if terms.unmetered or one.upload is Upload.ANY][:limit]
        self._leased |= {envelope.key for envelope in leased}
        return tuple(leased)

    async def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        self._leased.remove(key)
        if isinstance(receipt, Deferred):
            self._offer()
            return
        self._database.execute("begin")
        self._database.execute("delete from envelope where boot=? and seq=?", (key.boot, key.seq))
        if isinstance(receipt, Acked):
            self._database.execute("delete from owed where carrier_boot=? and carrier_seq=?", (key.boot, key.seq))
        else:
            self._owe(key, "refused")
        self._database.execute("commit")

    def withdraw(self, purposes: Purpose) -> None:
        """Give up what needs consent to one of these, or may, in flight or not."""
        rows = self._database.execute("select boot, seq, purposes from envelope").fetchall()
        for boot, seq, needs in rows:
            if needs is None or needs & purposes:
                self._leased.discard(EnvelopeKey(boot, seq))
                self._give_up(EnvelopeKey(boot, seq), "consent")

    async def close(self) -> None:
        self._note()
        self._database.close()

    def _offer(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    def _insert(self, one: Envelope) -> None:
        meta = (one.lane.value, one.rule, one.schema, one.content_type, one.content_encoding, one.payload)
        keep, closed_s = one.retention, one.closed_ns // NS
        lasts = (
            self.powered_s,
            self.powered_s + keep.powered_s if keep.powered_s else NEVER,
            closed_s + keep.wall_s if keep.wall_s and closed_s else NEVER,
            keep.thin,
            None if one.purposes is None else int(one.purposes),
        )
        self._database.execute(
            "insert into envelope values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (one.priority, one.key.boot, one.key.seq, *meta, one.upload.value, *lasts),
        )
        self._database.execute(
            "update boot set last_seq = max(?, coalesce(last_seq, -1)) where boot = ?", (one.key.seq, one.key.boot)
        )
        self._note()

    def _note(self) -> None:
        self._database.execute("update boot set powered_s = ? where boot = ?", (self.powered_s, self._boot.boot))

    def _expire(self) -> None:
        wall_s = self._clock.now_ns() // NS if self._clock.is_synced() else 0
        expired = self._database.execute(
            "select boot, seq from envelope where expires_powered_s < ? or expires_wall_s < ?", (self.powered_s, wall_s)
        ).fetchall()
        for key in (EnvelopeKey(*row) for row in expired):
            if key not in self._leased:
                self._give_up(key, "expired")

    def _make_room(self, one: Envelope) -> bool:
        (used,) = self._database.execute("select coalesce(sum(length(payload)), 0) from envelope").fetchone()
        short = used + len(one.payload) - self._cap_bytes
        rows = self._database.execute(
            "select priority, upload, boot, seq, length(payload), rule, thin from envelope where priority >= ?"
            " order by priority desc, upload = 'unmetered' desc, boot, seq",
            (one.priority,),
        ).fetchall()
        idle = [(row[:2], EnvelopeKey(*row[2:4]), *row[4:]) for row in rows]
        idle = [row for row in idle if row[1] not in self._leased]
        if short > sum(length for _, _, length, _, _ in idle):
            return False
        for stream, batches in groupby(idle, key=lambda row: row[0]):
            whole = list(batches)
            for why in ("thinned", "cap"):
                for row in tuple(whole):
                    _, key, length, rule, thin = row
                    if short > 0 and (why == "cap" or self._is_thinned_out((*stream, rule), key, thin)):
                        self._give_up(key, why)
                        whole.remove(row)
                        short -= length
        return True

    def _is_thinned_out(self, kind: tuple[int, str, str], key: EnvelopeKey, thin: int) -> bool:
        """Each batch is asked once."""
        if thin == 1:
            return False
        self._database.execute("update envelope set thin = 1 where boot=? and seq=?", (key.boot, key.seq))
        self._seen_by_thinning[kind] += 1
        return (self._seen_by_thinning[kind] - 1) % thin != 0

    def _give_up(self, key: EnvelopeKey, why: str) -> None:
        self._database.execute("delete from envelope where boot=? and seq=?", (key.boot, key.seq))
        self._owe(key, why)

    def _owe(self, key: EnvelopeKey, why: str) -> None:
        """Owe a batch, and again what it was to tell."""
        self._database.execute(
            "update owed set carrier_boot=null, carrier_seq=null where carrier_boot=? and carrier_seq=?",
            (key.boot, key.seq),
        )
        self._database.execute("insert into owed values (?,?,?,null,null)", (key.boot, key.seq, why))

    def _tell(self, carrier: Envelope) -> None:
        self._database.executemany(
            "update owed set carrier_boot=?, carrier_seq=? where boot=? and seq between ? and ? and why=?",
            [
                (carrier.key.boot, carrier.key.seq, lost.boot, lost.first_seq, lost.last_seq, lost.why)
                for lost in carrier.tells
            ],
        )

    def _untold(self) -> tuple[LostRange, ...]:
        ranges: list[LostRange] = []
        rows = self._database.execute("select boot, seq, why from owed where carrier_boot is null order by boot, seq")
        for boot, seq, why in rows:
            last = ranges[-1] if ranges else None
            if last and (last.boot, last.last_seq + 1, last.why) == (boot, seq, why):
                ranges[-1] = LostRange(boot, last.first_seq, seq, why)
            else:
                ranges.append(LostRange(boot, seq, seq, why))
        return tuple(ranges)


def _envelope(row: Sequence[Any]) -> Envelope:
    priority, boot, seq, lane, rule, schema, content_type, content_encoding, payload, upload = row[:10]
    purposes = None if row[-1] is None else Purpose(row[-1])
    return Envelope(
        EnvelopeKey(boot, seq),
        priority,
        Lane(lane),
        rule,
        schema,
        content_type,
        content_encoding,
        payload,
        upload=Upload(upload),
        purposes=purposes,
    )
