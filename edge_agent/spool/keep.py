"""Batches onto the disk: seal, group, commit. A thin shell around `Spool.append`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent import events
from edge_agent.backoff import Backoff
from edge_agent.channel import Channel, EndOfStream
from edge_agent.errors import DiskBusy
from edge_agent.events import Log
from edge_agent.ports import Spool
from edge_agent.records import Batch, Envelope, LostRange
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender

TOLD_AT_ONCE = 256
"""Lost ranges in one batch: a damaged disk can owe thousands, and a hot batch has 40 KB beside its rows."""


@dataclass(frozen=True, slots=True)
class GroupCommit:
    """One flush of the disk for all batches of this long, or this large, whichever is first."""

    every_s: float = 1.0
    payload_bytes: int = 64 * 1024


class Keeping:
    """Moves batches from a channel into the spool; `kept` counts what is on disk for good."""

    def __init__(
        self,
        spool: Spool,
        sender: Sender,
        *,
        commit: GroupCommit,
        backoff: Backoff,
        random: Callable[[], float],
        log: Log,
    ) -> None:
        self._spool = spool
        self._sender = sender
        self._commit_rule = commit
        self._backoff = backoff
        self._random = random
        self._log = log
        self._owed: tuple[LostRange, ...] = ()
        self.kept_batches = 0
        self.kept_samples = 0
        self.kept_bytes = 0

    async def run(self, batches: Channel[Batch]) -> None:
        """Until the channel ends; then everything it held is on disk."""
        ended = False
        while not ended:
            group, ended = await self._gather(batches)
            if group:
                await self._append([batch for batch, _ in group], [envelope for _, envelope in group])

    async def _gather(self, batches: Channel[Batch]) -> tuple[list[tuple[Batch, Envelope]], bool]:
        """Sealed batches for one commit, and whether the channel has ended."""
        group: list[tuple[Batch, Envelope]] = []
        size = 0
        try:
            batch = await batches.get()
            async with asyncio.timeout(self._commit_rule.every_s):
                while True:
                    envelope = seal(batch, self._sender, self._spool.boot, self._owed[:TOLD_AT_ONCE])
                    self._owed = self._owed[len(envelope.tells) :]
                    group.append((batch, envelope))
                    size += len(envelope.payload)
                    if size >= self._commit_rule.payload_bytes:
                        return group, False
                    batch = await batches.get()
        except TimeoutError:
            return group, False
        except EndOfStream:
            return group, True

    async def _append(self, batches: list[Batch], envelopes: list[Envelope]) -> None:
        """Commit, again and again while the disk does not take them; meanwhile the channel fills and holds."""
        retry_num = 0
        while True:
            try:
                appended = await self._spool.append(envelopes)
                break
            except DiskBusy as error:
                wait_s = self._backoff.delay_s(retry_num, self._random())
                events.append_failed(self._log, reason=str(error), retry_num=retry_num, wait_s=wait_s)
                retry_num += 1
                await asyncio.sleep(wait_s)
        self._owed = appended.owed
        kept = set(appended.kept)
        for batch, envelope in zip(batches, envelopes, strict=True):
            if envelope.key in kept:
                self.kept_batches += 1
                self.kept_samples += batch.kept
                self.kept_bytes += len(envelope.payload)
