import asyncio
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from edge_agent.errors import SpoolUnusable
from edge_agent.records import LIVE_S, Acked, Deferred, EnvelopeKey, Part, Retention, Terms
from edge_agent.spool import segments, store
from edge_agent.spool.recovery import Damage
from edge_agent.spool.segments import SegmentSpool
from tests.spool.driven_clock import NOON_S, NS, DrivenClock
from tests.spool.parts import Ear, sealed


async def spool_in(folder: Path) -> SegmentSpool:
    return await SegmentSpool.open(folder, cap_bytes=10_000_000, log=Ear())


def spool_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("spool")]


async def test_everything_happens_on_one_thread_that_ends_with_the_spool(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path)
    await asyncio.gather(*(spool.append([sealed(1, seq)]) for seq in range(5)))
    assert spool_threads() == ["spool_0"]

    await spool.close()

    assert spool_threads() == []


async def test_a_folder_that_cannot_be_used_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a folder")

    with pytest.raises(SpoolUnusable):
        await spool_in(tmp_path / "spool")

    while spool_threads():  # noqa: ASYNC110  it ends by itself, and nothing tells when
        await asyncio.sleep(0.001)


async def test_an_opening_that_is_cancelled_gives_the_folder_free(tmp_path: Path) -> None:
    opening = asyncio.create_task(spool_in(tmp_path), name="opening")
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    while spool_threads():  # noqa: ASYNC110
        await asyncio.sleep(0.001)

    spool = await spool_in(tmp_path)

    assert spool.boot.boot == 2
    await spool.close()


async def test_the_depth_counts_what_is_not_settled(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path)
    await spool.append([sealed(1, 0), sealed(1, 1)])
    (first,) = await spool.lease(1)
    count, size = spool.depth
    await spool.settle(first.key, Acked())

    assert (count, spool.depth[0]) == (2, 1)
    await spool.append([])
    assert spool.depth == (1, size // 2)
    await spool.close()


async def test_a_lease_that_is_cancelled_at_any_moment_leaves_nothing_leased(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path)
    for seq in range(40):
        leasing = asyncio.create_task(spool.lease(9), name="leasing")
        appending = asyncio.create_task(spool.append([sealed(1, seq)]), name="appending")
        for _ in range(seq % 8):
            await asyncio.sleep(0)
        leasing.cancel()
        (leased,) = await asyncio.gather(leasing, return_exceptions=True)
        await appending
        if isinstance(leased, BaseException):
            leased = await spool.lease(9)
        assert [envelope.key for envelope in leased] == [EnvelopeKey(1, seq)]
    await spool.close()


async def test_an_append_that_is_cancelled_ends_on_disk_and_wakes_who_waits(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path)
    leasing = asyncio.create_task(spool.lease(9), name="leasing")
    appending = asyncio.create_task(spool.append([sealed(1, 0)]), name="appending")
    await asyncio.sleep(0)
    appending.cancel()

    assert [envelope.key.seq for envelope in await leasing] == [0]
    await spool.close()


async def test_a_deferral_that_is_cancelled_is_done_all_the_same_and_wakes_who_waits(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path)
    await spool.append([sealed(1, 0)])
    (first,) = await spool.lease(1)
    leasing = asyncio.create_task(spool.lease(1), name="leasing")
    deferring = asyncio.create_task(spool.settle(first.key, Deferred("no network")), name="deferring")
    await asyncio.sleep(0)
    deferring.cancel()

    assert await leasing == (first,)
    await spool.close()


async def test_two_that_wait_are_both_served(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path)
    waiting = [asyncio.create_task(spool.lease(1), name="leasing") for _ in range(2)]
    await asyncio.sleep(0.01)

    await spool.append([sealed(1, 0), sealed(1, 1)])

    assert sorted(envelope.key.seq for leased in await asyncio.gather(*waiting) for envelope in leased) == [0, 1]
    await spool.close()


async def test_deliveries_are_noted_in_one_write_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "NOTE_AFTER_S", 0.05)
    spool = await spool_in(tmp_path)
    await spool.append([sealed(1, seq) for seq in range(20)])
    state = tmp_path / "state.json"
    before = state.read_bytes()

    for envelope in await spool.lease(20):
        await spool.settle(envelope.key, Acked())
        assert state.read_bytes() == before
    while state.read_bytes() == before:  # noqa: ASYNC110
        await asyncio.sleep(0.001)

    assert b'"settled":[1,19]' in state.read_bytes()
    await spool.close()


async def test_what_a_killed_process_said_it_had_committed_is_there(tmp_path: Path) -> None:
    for boot in range(1, 4):
        child = subprocess.Popen(  # noqa: ASYNC220, S603  our own interpreter; nothing else runs here that reading could hold up
            [sys.executable, "-m", "tests.spool.appending_child", str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        said = [int(child.stdout.readline()) for _ in range(60 * boot)]
        child.kill()
        said += [int(line) for line in child.stdout.read().splitlines()]
        child.stdout.close()
        child.wait()

        spool = await spool_in(tmp_path)
        found = {envelope.key.seq for envelope in await spool.lease(10**6) if envelope.key.boot == spool.boot.boot - 1}
        assert found >= set(said)
        assert spool.boot.previous_last_seq == max(found)
        assert len(found) <= len(said) + 2
        await spool.close()


async def test_who_waits_for_backlog_is_woken_when_what_was_live_becomes_it(tmp_path: Path) -> None:
    clock = DrivenClock()
    spool = await SegmentSpool.open(tmp_path, cap_bytes=10_000_000, clock=clock, log=Ear())
    await spool.append([sealed(1, 0)])
    clock.elapsed_s = LIVE_S - 0.2
    leasing = asyncio.create_task(spool.lease(9, Terms(frozenset({Part.BACKLOG}))), name="leasing")
    await asyncio.sleep(0.05)
    assert not leasing.done()

    clock.elapsed_s = LIVE_S

    assert [envelope.key.seq for envelope in await leasing] == [0]
    await spool.close()


async def test_live_and_backlog_are_leased_beside_each_other(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path)
    await spool.append([sealed(1, 0)])
    await spool.close()
    spool = await spool_in(tmp_path)
    live, backlog = (
        asyncio.create_task(spool.lease(9, Terms(frozenset({part}))), name=f"leasing {part.value}") for part in Part
    )
    assert [envelope.key for envelope in await backlog] == [EnvelopeKey(1, 0)]
    assert not live.done()

    await spool.append([sealed(2, 0)])

    assert [envelope.key for envelope in await live] == [EnvelopeKey(2, 0)]
    await spool.close()


async def test_what_expires_while_nothing_else_happens_is_noted_and_leaves_the_spool_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "EXPIRE_EVERY_S", 0.02)
    clock = DrivenClock()
    spool = await SegmentSpool.open(tmp_path, cap_bytes=10_000_000, clock=clock, log=Ear())
    await spool.append([replace(sealed(1, 0), retention=Retention(wall_s=60), closed_ns=NOON_S * NS)])

    clock.elapsed_s = 61
    await spool.emptied()
    await spool.close()

    assert spool.lost == {"expired": 1}
    assert b'[1,0,0,"expired"' in (tmp_path / "state.json").read_bytes()


async def test_nothing_is_written_while_nothing_happens_though_something_may_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "EXPIRE_EVERY_S", 0.01)
    spool = await spool_in(tmp_path)
    await spool.append([replace(sealed(1, 0), retention=Retention(powered_s=900, wall_s=10**6), closed_ns=NOON_S * NS)])
    before = (tmp_path / "state.json").stat().st_mtime_ns

    await asyncio.sleep(0.1)

    assert (tmp_path / "state.json").stat().st_mtime_ns == before
    await spool.close()


async def test_what_a_start_finds_damaged_is_counted_until_the_next(tmp_path: Path) -> None:
    spool = await SegmentSpool.open(tmp_path, cap_bytes=16_000, log=Ear())
    for seq in range(6):
        await spool.append([sealed(1, seq, size=400)])
    assert spool.damage == Damage()
    await spool.close()
    first, second, third = (tmp_path / f"3-{number:010d}.seg" for number in range(3))
    first.write_bytes(first.read_bytes()[:200])
    second.unlink()
    third.unlink()
    third.mkdir()

    spool = await SegmentSpool.open(tmp_path, cap_bytes=16_000, log=Ear())
    damage = spool.damage
    await spool.close()
    spool = await SegmentSpool.open(tmp_path, cap_bytes=16_000, log=Ear())

    assert damage == Damage(segments=1, damaged_bytes=184, missing_segments=1, unreadable_segments=1)
    assert spool.damage == Damage()
    await spool.close()


async def test_what_expires_sooner_than_what_was_there_is_noted_in_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "EXPIRE_EVERY_S", 0.02)
    clock = DrivenClock()
    spool = await SegmentSpool.open(tmp_path, cap_bytes=10_000_000, clock=clock, log=Ear())
    await spool.append([replace(sealed(1, 0), retention=Retention(powered_s=30 * 86_400))])
    await spool.append([replace(sealed(1, 1, priority=4), retention=Retention(powered_s=1))])

    clock.elapsed_s = 5
    async with asyncio.timeout(3):
        while not spool.lost:  # noqa: ASYNC110  nothing tells of it while the other waits
            await asyncio.sleep(0.001)

    assert spool.lost == {"expired": 1}
    await spool.close()


def broken(*_: object) -> NoReturn:
    raise AssertionError("a mistake on the spool's thread")


async def beside(spool: SegmentSpool) -> None:
    """Let a job that nobody waits for end, and be heard of."""
    await asyncio.wrap_future(spool._thread.submit(lambda: None))
    await asyncio.sleep(0)


@pytest.mark.parametrize("job", ["try_commit", "expire"])
async def test_a_mistake_in_what_nobody_waits_for_is_heard_by_who_settles_or_appends_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    spool = await spool_in(tmp_path)
    await spool.append([sealed(1, 0)])
    (first,) = await spool.lease(1)
    with monkeypatch.context() as wrong:
        wrong.setattr(spool._store, job, broken)
        spool._note_now() if job == "try_commit" else spool._expire()
        await beside(spool)
    spool._note_now()  # which is well
    await beside(spool)

    with pytest.raises(AssertionError, match="on the spool's thread"):
        await spool.settle(first.key, Acked())
    with pytest.raises(AssertionError, match="on the spool's thread"):
        await spool.append([sealed(1, 1)])
    await spool.close()
    again = await spool_in(tmp_path)
    assert again.depth[0] == 2
    await again.close()


async def test_what_is_acked_stays_so_until_it_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "NOTE_AFTER_S", 0)  # before it is settled for its own sake
    spool = await spool_in(tmp_path)
    await spool.append([sealed(1, 0), sealed(1, 1)])
    first, second = await spool.lease(2)
    with monkeypatch.context() as wrong:
        wrong.setattr(spool._store, "settle", broken)
        await spool.settle(first.key, Acked())
        async with asyncio.timeout(3):
            while spool._unheard is None:  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(0.001)
        assert spool.depth[0] == 1
    with pytest.raises(AssertionError, match="on the spool's thread"):
        await spool.settle(second.key, Acked())
    await spool.close()

    again = await spool_in(tmp_path)
    assert [envelope.key.seq for envelope in await again.lease(9)] == [1]
    await again.close()


async def test_a_folder_is_given_free_though_what_is_acked_cannot_be_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = await spool_in(tmp_path)
    await spool.append([sealed(1, 0)])
    (first,) = await spool.lease(1)
    monkeypatch.setattr(spool._store, "settle", broken)
    await spool.settle(first.key, Acked())

    with pytest.raises(AssertionError, match="on the spool's thread"):
        await spool.close()

    assert spool_threads() == []
    await (await spool_in(tmp_path)).close()
