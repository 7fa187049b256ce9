"""Samples in the order of their times, each as soon as no earlier one can come. Pure.

What depends on several signals at once, or on what comes after a sample, is judged over this order: there no trace is
left of how the stream was cut into blocks, or of which bus was read first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge_agent.policy.condition_instants import NOTHING, Readings
from edge_agent.policy.rules import FIRST_NS
from edge_agent.records import Bool, SampleBlock

WAITING_SAMPLES = 200_000
"""Samples that wait for `until_ns`, at most; of more the oldest wait no longer. 20 000 a second wait for 1 s behind a
log."""


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """A stretch of the stream that nothing can be added to: its samples are all before its `until_ns`."""

    block: SampleBlock
    moved_ns: int = 0
    """0, or below it where the clock went back by so much just before: what is remembered goes back with it"""


class Settling:
    """Holds samples of the wanted signals until time has passed them.

    A clock goes back where a block's `until_ns` does, or where a sample is earlier than that of the block before: then
    what waits is settled in its own time first. A sample that comes late where too many wait is no such clock: its time
    was settled without it, so it is `lost`.
    """

    def __init__(self, wanted: Bool) -> None:
        """`wanted` for each signal of the plan."""
        self._wanted = wanted
        self._waiting = NOTHING
        self._until_ns = FIRST_NS
        """up to where the stream is settled"""
        self._last: SampleBlock | None = None
        self._last_until_ns = FIRST_NS
        """of the last block: behind `_until_ns` where too many waited"""
        self.lost = 0

    def feed(self, block: SampleBlock) -> Iterator[Settled]:
        """What a block has settled: one stretch, or one more where the clock went back."""
        at = np.flatnonzero(self._wanted.take(block.signal))
        mine = Readings(
            block.t_ns.take(at), block.signal.take(at).astype(np.int64), block.raw.take(at), block.value.take(at)
        )
        first_ns = min(block.until_ns, int(mine.t_ns[0])) if len(mine) else block.until_ns
        moved_ns = 0
        if first_ns < self._last_until_ns:
            yield from self.rest()
            moved_ns, self._until_ns = first_ns - self._until_ns, first_ns
        self._last, self._last_until_ns = block, block.until_ns
        late = int(mine.t_ns.searchsorted(self._until_ns))
        self.lost += late
        if late < len(mine):
            self._waiting = self._waiting.then(mine.part(late, len(mine)))
        yield Settled(self._settled(max(block.until_ns, self._crowded_ns(), self._until_ns)), moved_ns)

    def rest(self) -> Iterator[Settled]:
        """What waits, because the stream ends or goes back here."""
        if len(self._waiting):
            yield Settled(self._settled(int(self._waiting.t_ns[-1]) + 1))

    def shift(self, delta_ns: int) -> None:
        """Move all times that are remembered: the clock became known, later samples come with other times."""
        self._waiting = replace(self._waiting, t_ns=self._waiting.t_ns + delta_ns)
        if self._last is not None:
            self._until_ns += delta_ns
            self._last_until_ns += delta_ns

    def _crowded_ns(self) -> int:
        """Up to where samples can wait no longer, since too many do."""
        over = len(self._waiting) - WAITING_SAMPLES
        return int(self._waiting.t_ns[over - 1]) + 1 if over > 0 else FIRST_NS

    def _settled(self, until_ns: int) -> SampleBlock:
        if self._last is None:
            raise AssertionError("nothing can wait before the first block")
        self._until_ns = until_ns
        count = int(self._waiting.t_ns.searchsorted(until_ns))
        done, self._waiting = self._waiting.part(0, count), self._waiting.part(count, len(self._waiting))
        return replace(
            self._last,
            t_ns=done.t_ns,
            signal=done.signal.astype(np.uint32),
            raw=done.raw,
            value=done.value,
            until_ns=until_ns,
        )
