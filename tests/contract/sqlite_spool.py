"""A second spool, in SQLite: the oracle of the contract suite. It writes twice the bytes the product's does."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from edge_agent.records import (
    ANYTHING,
    Acked,
    Appended,
    BootInfo,
    Deferred,
    Envelope,
    EnvelopeKey,
    Lane,
    LostRange,
    Receipt,
    Terms,
)

SCHEMA = """
create table if not exists envelope (priority, boot, seq, lane, rule, schema, type, encoding, payload,
                                     primary key (priority, boot, seq));
create table if not exists owed (boot, seq, why, carrier_boot, carrier_seq);
create table if not exists boot (boot primary key, last_seq);
"""


class SqliteSpool:
    """`ports.Spool`, blocking its loop; the cap counts payload bytes."""

    def __init__(self, folder: Path, cap_bytes: int) -> None:
        self._cap_bytes = cap_bytes
        self._leased: set[EnvelopeKey] = set()
        self._more = asyncio.Event()
        self._database = sqlite3.connect(folder / "spool.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=OFF"):
            self._database.execute(f"pragma {pragma}")
        self._database.executescript(SCHEMA)
        before = self._database.execute("select boot, last_seq from boot order by boot desc").fetchone()
        self._boot = BootInfo(before[0] + 1 if before else 1, *(before or (None, None)))
        self._database.execute("insert into boot values (?, null)", (self._boot.boot,))

    @property
    def boot(self) -> BootInfo:
        return self._boot

    async def append(self, envelopes: Sequence[Envelope]) -> Appended:
        kept: list[EnvelopeKey] = []
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
            rows = self._database.execute("select * from envelope order by priority, boot, seq")
            envelopes = [_envelope(row) for row in rows if EnvelopeKey(row[1], row[2]) not in self._leased]
            envelopes = [one for one in envelopes if one.priority <= terms.last_priority][:limit]
            if envelopes:
                self._leased |= {envelope.key for envelope in envelopes}
                return tuple(envelopes)
            await more.wait()

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

    async def close(self) -> None:
        self._database.close()

    def _offer(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    def _insert(self, one: Envelope) -> None:
        meta = (one.lane.value, one.rule, one.schema, one.content_type, one.content_encoding, one.payload)
        self._database.execute(
            "insert into envelope values (?,?,?,?,?,?,?,?,?)", (one.priority, one.key.boot, one.key.seq, *meta)
        )
        self._database.execute(
            "update boot set last_seq = max(?, coalesce(last_seq, -1)) where boot = ?", (one.key.seq, one.key.boot)
        )

    def _make_room(self, one: Envelope) -> bool:
        (used,) = self._database.execute("select coalesce(sum(length(payload)), 0) from envelope").fetchone()
        short = used + len(one.payload) - self._cap_bytes
        chosen: list[EnvelopeKey] = []
        candidates = self._database.execute(
            "select boot, seq, length(payload) from envelope where priority >= ? order by priority desc, boot, seq",
            (one.priority,),
        ).fetchall()
        for boot, seq, length in candidates:
            if short > 0 and EnvelopeKey(boot, seq) not in self._leased:
                chosen.append(EnvelopeKey(boot, seq))
                short -= length
        if short > 0:
            return False
        for key in chosen:
            self._database.execute("delete from envelope where boot=? and seq=?", (key.boot, key.seq))
            self._owe(key, "cap")
        return True

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


def _envelope(row: tuple[int, int, int, str, str, str, str, str, bytes]) -> Envelope:
    priority, boot, seq, lane, rule, schema, content_type, content_encoding, payload = row
    key = EnvelopeKey(boot, seq)
    return Envelope(key, priority, Lane(lane), rule, schema, content_type, content_encoding, payload)
