import asyncio
import json
import weakref
from collections.abc import Sequence
from pathlib import Path

from edge_agent.channel import Channel, WhenFull
from edge_agent.records import Acked, Appended, Batch, Envelope, EnvelopeKey
from edge_agent.spool.header import Sender
from edge_agent.spool.keep import TOLD_AT_ONCE, GroupCommit, Keeping
from edge_agent.spool.segments import SegmentSpool
from tests.contract.sqlite_spool import SqliteSpool
from tests.spool.batches import HOT, SPEED, batch, capture, column
from tests.spool.parts import Ear
from tests.uplink.virtual_time import in_virtual_time


class WatchedSpool(SqliteSpool):
    """The contract suite's own spool; says what was asked of it, and can be slow, or full."""

    def __init__(self, folder: Path, cap_bytes: int = 10**6) -> None:
        super().__init__(folder, cap_bytes)
        self.groups: list[list[int]] = []
        self.at_s: list[float] = []
        self.owed_besides: tuple[EnvelopeKey, ...] = ()
        self.commits = asyncio.Event()
        """until it is set, no append returns"""
        self.commits.set()
        self.full = False

    async def append(self, envelopes: Sequence[Envelope]) -> Appended:
        await self.commits.wait()
        if self.full:
            return Appended((), (), tuple(envelope.key for envelope in envelopes))
        self.groups.append([envelope.key.seq for envelope in envelopes])
        self.at_s.append(asyncio.get_running_loop().time())
        for key in self.owed_besides:
            self._owe(key, "damaged")
        self.owed_besides = ()
        return await super().append(envelopes)

    async def everything(self) -> list[Envelope]:
        found: list[Envelope] = []
        while len(found) < sum(map(len, self.groups)):
            for envelope in await self.lease(99):
                found.append(envelope)
                await self.settle(envelope.key, Acked())
        return found


class Bench:
    """A keeping between a channel and a spool."""

    def __init__(self, folder: Path, *, every_s: float = 1.0, payload_bytes: int = 64 * 1024) -> None:
        self.spool = WatchedSpool(folder)
        self.batches: Channel[Batch] = Channel("batches", 4, WhenFull.WAIT)
        self.keeping = Keeping(
            self.spool,
            Sender("vehicle-1", "edge-agent"),
            commit=GroupCommit(every_s, payload_bytes),
        )

    async def kept(self, *batches: Batch) -> None:
        """Run until all of these are on disk."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.keeping.run(self.batches))
            for one in batches:
                await self.batches.put(one)
            self.batches.close()


def a_batch(seq: int, samples: int = 1) -> Batch:
    return batch(*[column(SPEED, *((i, i * 7919 % 65536) for i in range(samples)))], rule=HOT, seq=seq)


def evicted(envelope: Envelope) -> list[tuple[int, int]]:
    return [(lost["from"], lost["to"]) for lost in json.loads(envelope.payload)["evicted"]]


def test_a_batch_that_is_on_disk_is_in_nobodys_hands_while_the_next_is_awaited(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        one = a_batch(1)
        times = weakref.ref(one.columns[0].t_ns)
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.keeping.run(bench.batches))
            await bench.batches.put(one)
            del one
            await asyncio.sleep(2)
            assert bench.spool.groups == [[1]]
            assert times() is None
            bench.batches.close()
        await bench.spool.close()

    in_virtual_time(main())


def test_what_a_channel_held_at_its_end_is_on_disk(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        await bench.kept(*(a_batch(seq, samples=3) for seq in range(3)))

        assert bench.spool.groups == [[0, 1, 2]]
        found = await bench.spool.everything()
        assert (bench.keeping.kept_batches, bench.keeping.kept_samples) == (3, 9)
        assert bench.keeping.kept_bytes == sum(len(envelope.payload) for envelope in found)
        await bench.spool.close()

    in_virtual_time(main())


async def test_each_commit_that_has_returned_is_told_with_its_batches(tmp_path: Path) -> None:
    told: list[list[int]] = []
    spool = WatchedSpool(tmp_path)
    batches: Channel[Batch] = Channel("batches", 4, WhenFull.WAIT)
    keeping = Keeping(
        spool,
        Sender("vehicle-1", "edge-agent"),
        commit=GroupCommit(60.0, 1 << 20),
        committed=lambda group: told.append([one.seq for one in group]),
    )
    spool.full = True
    for seq in range(3):
        await batches.put(a_batch(seq))
    batches.close()
    await keeping.run(batches)

    assert told == [[0, 1, 2]]
    assert (keeping.committed_batches, keeping.kept_batches) == (3, 0)
    await spool.close()


def test_an_empty_stream_leaves_nothing_and_commits_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        await bench.kept()

        assert bench.spool.groups == []
        await bench.spool.close()

    in_virtual_time(main())


def test_batches_wait_for_each_other_no_longer_than_a_commit_may(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, every_s=1.0)
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.keeping.run(bench.batches))
            await asyncio.sleep(10)
            for seq in range(5):
                await bench.batches.put(a_batch(seq))
                await asyncio.sleep(0.4)
            await asyncio.sleep(10)
            await bench.batches.put(a_batch(5))
            bench.batches.close()

        assert bench.spool.groups == [[0, 1, 2], [3, 4], [5]]
        assert [round(at_s, 1) for at_s in bench.spool.at_s] == [11.0, 12.2, 22.0]
        await bench.spool.close()

    in_virtual_time(main())


def test_enough_bytes_are_committed_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, every_s=60, payload_bytes=6_000)
        await bench.kept(*(a_batch(seq, samples=40) for seq in range(6)))

        assert [len(group) for group in bench.spool.groups] == [3, 3]
        assert bench.spool.at_s == [0.0, 0.0]
        await bench.spool.close()

    in_virtual_time(main())


def test_a_batch_counts_as_kept_once_its_commit_has_returned(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, payload_bytes=1)
        bench.spool.commits.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.keeping.run(bench.batches))
            await bench.batches.put(a_batch(0, samples=3))
            await asyncio.sleep(60)
            assert (bench.keeping.kept_batches, bench.keeping.kept_samples, bench.keeping.kept_bytes) == (0, 0, 0)
            bench.spool.commits.set()
            bench.batches.close()

        assert (bench.keeping.kept_batches, bench.keeping.kept_samples) == (1, 3)
        await bench.spool.close()

    in_virtual_time(main())


def test_what_only_memory_holds_or_the_cap_keeps_out_is_not_counted_as_kept(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, payload_bytes=1)
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.keeping.run(bench.batches))
            bench.spool.full = True
            await bench.batches.put(a_batch(0))
            await asyncio.sleep(1)
            bench.spool.full = False
            await bench.batches.put(a_batch(1))
            bench.batches.close()

        assert bench.keeping.kept_batches == 1
        await bench.spool.close()

    in_virtual_time(main())


def test_bytes_are_enough_though_they_trickle(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, every_s=60, payload_bytes=6_000)
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.keeping.run(bench.batches))
            for seq in range(7):
                await bench.batches.put(a_batch(seq, samples=40))
                await asyncio.sleep(10)
            await asyncio.sleep(100)
            bench.batches.close()

        assert bench.spool.groups == [[0, 1, 2], [3, 4, 5], [6]]
        assert bench.spool.at_s == [20, 50, 120]
        await bench.spool.close()

    in_virtual_time(main())


def test_what_the_spool_gave_up_is_told_once_in_the_next_batch(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, payload_bytes=1)
        bench.spool.owed_besides = tuple(EnvelopeKey(1, seq) for seq in (4, 5, 6, 9))
        await bench.kept(*(a_batch(seq) for seq in range(3)))

        found = await bench.spool.everything()
        assert [evicted(envelope) for envelope in found] == [[], [(4, 6), (9, 9)], []]
        await bench.spool.close()

    in_virtual_time(main())


def test_a_capture_has_no_room_for_losses_and_leaves_them_to_the_batch_after_it(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, payload_bytes=1)
        bench.spool.owed_besides = (EnvelopeKey(1, 4),)
        await bench.kept(a_batch(0), capture(seq=1), a_batch(2))

        first, log, last = await bench.spool.everything()
        assert (evicted(first), log.schema, evicted(last)) == ([], "candump/1", [(4, 4)])
        await bench.spool.close()

    in_virtual_time(main())


def test_more_losses_than_one_batch_has_room_for_are_told_by_those_after_it(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, payload_bytes=1)
        bench.spool.owed_besides = tuple(EnvelopeKey(1, 2 * i) for i in range(2 * TOLD_AT_ONCE + 1))
        await bench.kept(*(a_batch(seq) for seq in range(5)))

        found = await bench.spool.everything()
        assert [len(evicted(envelope)) for envelope in found] == [0, TOLD_AT_ONCE, TOLD_AT_ONCE, 1, 0]
        assert [first for envelope in found for first, _ in evicted(envelope)] == [
            2 * i for i in range(2 * TOLD_AT_ONCE + 1)
        ]
        await bench.spool.close()

    in_virtual_time(main())


def test_losses_that_no_batch_has_had_room_for_are_still_owed_by_the_spool(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, payload_bytes=1)
        bench.spool.owed_besides = tuple(EnvelopeKey(1, 2 * i) for i in range(2 * TOLD_AT_ONCE + 1))
        await bench.kept(*(a_batch(seq) for seq in range(2)))
        await bench.spool.close()

        again = SqliteSpool(tmp_path, 10**6)
        assert [one.first_seq for one in (await again.append([])).owed] == [
            2 * i for i in range(TOLD_AT_ONCE, 2 * TOLD_AT_ONCE + 1)
        ]
        await again.close()

    in_virtual_time(main())


def test_after_a_long_time_at_the_cap_every_batch_has_arrived_or_is_named_by_one_that_has(tmp_path: Path) -> None:
    async def main() -> None:
        spool = await SegmentSpool.open(tmp_path, cap_bytes=20_000, log=Ear())
        delivered, lost = set[int](), set[int]()
        lists: list[int] = []

        async def keep(seqs: range) -> None:
            batches: Channel[Batch] = Channel("batches", 4, WhenFull.WAIT)
            keeping = Keeping(spool, Sender("v", "m"), commit=GroupCommit(1.0, 1))
            async with asyncio.TaskGroup() as group:
                group.create_task(keeping.run(batches))
                for seq in seqs:
                    await batches.put(a_batch(seq))
                batches.close()

        async def drain() -> None:
            while spool.depth[0]:
                for envelope in await spool.lease(99):
                    delivered.add(envelope.key.seq)
                    lists.append(len(evicted(envelope)))
                    lost.update(seq for first, last in evicted(envelope) for seq in range(first, last + 1))
                    await spool.settle(envelope.key, Acked())

        await keep(range(300))
        await drain()
        assert len(delivered) < 60  # the cap is small enough
        await keep(range(300, 302))
        await drain()

        assert delivered | lost == set(range(302))
        assert not delivered & lost
        assert max(lists) == 1
        assert (await spool.append([])).owed == ()
        await spool.close()

    asyncio.run(main())


def test_what_is_hurried_is_on_disk_at_once_though_a_commit_may_wait_for_an_hour(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path, every_s=3600.0)
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.keeping.run(bench.batches))
            await bench.batches.put(a_batch(0))
            await asyncio.sleep(10)
            assert not bench.keeping.hurry(3)
            await asyncio.sleep(1)
            assert bench.spool.groups == [[0]]
            assert not bench.keeping.hurry(3)
            for seq in (1, 2, 3):  # sealed after it was asked for
                await bench.batches.put(a_batch(seq))
            await asyncio.sleep(1)
            assert bench.keeping.hurry(3)
            assert bench.spool.groups == [[0], [1, 2, 3]]
            await bench.batches.put(a_batch(4))
            await asyncio.sleep(60)
            assert len(bench.spool.groups) == 2, "afterwards it waits as before"
            bench.batches.close()
        await bench.spool.close()

    in_virtual_time(main())
