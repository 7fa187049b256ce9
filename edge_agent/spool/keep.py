"""Batches onto the disk: seal, group, commit. A thin shell around `Spool.append`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_agent.channel import Channel, EndOfStream
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
    """Moves batches from a channel into the spool; `kept` counts what was on disk for good when its commit returned."""

    def __init__(
        self,
        spool: Spool,
        sender: Sender,
        *,
        commit: GroupCommit,
        committed: Callable[[Sequence[Batch]], None] = lambda _: None,
        answered: Callable[[Batch, bool], None] = lambda _batch, _is_on_disk: None,
    ) -> None:
        """`committed` is told the batches of each commit that has returned, `answered` each and whether it is kept."""
        self._spool = spool
        self._sender = sender
        self._commit_rule = commit
        self._committed, self._answered = committed, answered
        self._owed: tuple[LostRange, ...] = ()
        self._hurried = 0
        self._patience: asyncio.Timeout | None = None
        """of the group that is gathered"""
        self.committed_batches = 0
        """that the spool has answered for, whatever became of them"""
        self.kept_batches = 0
        self.kept_samples = 0
        self.kept_bytes = 0

    async def run(self, batches: Channel[Batch]) -> None:
        """Until the channel ends; then the spool has everything it held."""
        ended = False
        while not ended:
            group, ended = await self._gather(batches)
            if group:
                await self._append([batch for batch, _ in group], [envelope for _, envelope in group])
                group.clear()  # the next one may be 10 s away

    def hurry(self, count: int) -> bool:
        """Wait with no commit until so many batches of this start are answered for; whether they are."""
        self._hurried = max(self._hurried, count)
        is_done = self.committed_batches >= count
        if self._patience is not None and not is_done and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time())
        return is_done

    async def _gather(self, batches: Channel[Batch]) -> tuple[list[tuple[Batch, Envelope]], bool]:
        """Sealed batches for one commit, and whether the channel has ended."""
        group: list[tuple[Batch, Envelope]] = []
        size = 0
        try:
            batch = await batches.get()
            every_s = self._commit_rule.every_s if self.committed_batches >= self._hurried else 0.0
            async with asyncio.timeout(every_s) as self._patience:
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
        finally:
            self._patience = None

    async def _append(self, batches: list[Batch], envelopes: list[Envelope]) -> None:
        """Commit. What the disk does not take is not kept: the spool holds it in memory, or owes it."""
        appended = await self._spool.append(envelopes)
        self._owed = appended.owed
        self.committed_batches += len(batches)
        self._committed(batches)
        kept = set(appended.kept)
        for batch, envelope in zip(batches, envelopes, strict=True):
            self._answered(batch, envelope.key in kept)
            if envelope.key in kept:
                self.kept_batches += 1
                self.kept_samples += batch.kept
                self.kept_bytes += len(envelope.payload)
