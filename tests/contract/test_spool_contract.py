"""What every spool promises (`ports.Spool`), asked of each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.ports import Spool
from edge_agent.records import (
    Acked,
    BootInfo,
    Deferred,
    Envelope,
    EnvelopeKey,
    Lane,
    LostRange,
    Part,
    Refused,
    Terms,
    Upload,
)
from edge_agent.spool.segments import SegmentSpool
from tests.contract.sqlite_spool import SqliteSpool
from tests.spool.parts import Ear, named, sealed

CAP_BYTES = 64_000
Open = Callable[[], Awaitable[Spool]]


async def segments(folder: Path) -> Spool:
    return await SegmentSpool.open(folder, cap_bytes=CAP_BYTES, log=Ear())


async def sqlite(folder: Path) -> Spool:
    return SqliteSpool(folder, CAP_BYTES)


@pytest.fixture(params=[segments, sqlite])
async def start(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Starts the spool of one folder, closing the one before: each call is a restart of the agent."""
    running: list[Spool] = []

    async def start() -> Spool:
        while running:
            await running.pop().close()
        running.append(await request.param(tmp_path))
        return running[0]

    yield start
    for spool in running:
        await spool.close()


def keys(envelopes: tuple[Envelope, ...]) -> list[tuple[int, int]]:
    return [(envelope.key.boot, envelope.key.seq) for envelope in envelopes]


async def nothing_to_lease(spool: Spool) -> bool:
    try:
        async with asyncio.timeout(0.05):
            await spool.lease(1)
    except TimeoutError:
        return True
    return False


async def test_the_boot_grows_with_each_start_and_a_first_one_has_none_before(start: Open) -> None:
    boots = [(await start()).boot for _ in range(3)]

    assert boots == [BootInfo(1, None, None), BootInfo(2, 1, None), BootInfo(3, 2, None)]


async def test_a_start_knows_where_the_boot_before_ended_even_when_all_of_it_was_delivered(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, 0), sealed(1, 1, priority=0)])
    for envelope in await spool.lease(9):
        await spool.settle(envelope.key, Acked())

    assert (await start()).boot == BootInfo(2, 1, 1)
    assert (await start()).boot == BootInfo(3, 2, None)


async def test_every_field_of_an_envelope_survives(start: Open) -> None:
    envelope = Envelope(
        EnvelopeKey(1, 7),
        4,
        Lane.HOT,
        "Bremse \u00e4",
        "rows/1",
        "application/json;charset=utf-8",
        "",
        bytes(range(256)),
    )
    await (await start()).append([envelope])

    assert await (await start()).lease(1) == (envelope,)


async def test_what_was_kept_in_this_boot_is_leased_first_and_then_by_priority_and_age(start: Open) -> None:
    await (await start()).append([sealed(1, 5, priority=2), sealed(1, 6, priority=1)])
    spool = await start()
    await spool.append([sealed(2, 0, priority=2), sealed(2, 1, priority=0), sealed(2, 2, priority=1)])

    assert keys(await spool.lease(9)) == [(2, 1), (2, 2), (2, 0), (1, 6), (1, 5)]


async def test_terms_hold_back_what_is_less_important_or_waits_for_another_link(start: Open) -> None:
    spool = await start()
    unmetered = replace(sealed(1, 1, priority=2), upload=Upload.UNMETERED)
    await spool.append([sealed(1, 0, priority=7), unmetered, sealed(1, 2, priority=2)])

    assert keys(await spool.lease(9, Terms(last_priority=6, unmetered=False))) == [(1, 2)]
    assert keys(await spool.lease(9, Terms(last_priority=6))) == [(1, 1)]
    assert keys(await spool.lease(9)) == [(1, 0)]


async def test_what_an_earlier_start_left_is_backlog_and_what_this_one_kept_is_live(start: Open) -> None:
    await (await start()).append([sealed(1, 0, priority=0)])
    spool = await start()
    await spool.append([sealed(2, 0, priority=9)])

    assert keys(await spool.lease(9, Terms(frozenset({Part.LIVE})))) == [(2, 0)]
    assert keys(await spool.lease(9, Terms(frozenset({Part.BACKLOG})))) == [(1, 0)]


async def test_each_is_leased_once_and_no_more_than_asked_for(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, seq) for seq in range(3)])

    assert keys(await spool.lease(2)) == [(1, 0), (1, 1)]
    assert keys(await spool.lease(2)) == [(1, 2)]
    assert await nothing_to_lease(spool)


async def test_a_lease_waits_for_the_next_append(start: Open) -> None:
    spool = await start()
    leasing = asyncio.create_task(spool.lease(2), name="leasing")
    await asyncio.sleep(0)

    await spool.append([sealed(1, 0)])

    assert keys(await leasing) == [(1, 0)]


async def test_a_lease_that_is_cancelled_leaves_nothing_leased(start: Open) -> None:
    spool = await start()
    leasing = asyncio.create_task(spool.lease(2), name="leasing")
    await asyncio.sleep(0)
    leasing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leasing

    await spool.append([sealed(1, 0)])

    assert keys(await spool.lease(2)) == [(1, 0)]


async def test_a_lease_that_is_cancelled_while_it_finds_something_leaves_nothing_leased(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, 0)])
    leasing = asyncio.create_task(spool.lease(2), name="leasing")
    await asyncio.sleep(0)
    leasing.cancel()
    (leased,) = await asyncio.gather(leasing, return_exceptions=True)
    if isinstance(leased, tuple):  # a spool that needs no thread was quicker
        await spool.settle(leased[0].key, Deferred("not wanted"))

    assert keys(await spool.lease(2)) == [(1, 0)]


async def test_what_was_acked_is_forgotten_in_any_order_and_the_rest_comes_back(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, seq) for seq in range(5)])
    leased = await spool.lease(4)
    for place in (3, 1):
        await spool.settle(leased[place].key, Acked())

    spool = await start()

    assert keys(await spool.lease(9)) == [(1, 0), (1, 2), (1, 4)]


async def test_what_was_deferred_is_offered_again_in_its_place(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, seq) for seq in range(3)])
    (first,) = await spool.lease(1)

    await spool.settle(first.key, Deferred("no network"))

    assert keys(await spool.lease(9)) == [(1, 0), (1, 1), (1, 2)]


async def test_deferring_wakes_who_waits(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, 0)])
    (first,) = await spool.lease(1)
    leasing = asyncio.create_task(spool.lease(1), name="leasing")
    await asyncio.sleep(0)

    await spool.settle(first.key, Deferred("no network"))

    assert keys(await leasing) == [(1, 0)]


async def test_what_was_refused_is_owed_and_not_offered_again(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, 0), sealed(1, 1)])
    (first,) = await spool.lease(1)

    await spool.settle(first.key, Refused("too big"))

    assert (await spool.append([sealed(1, 2)])).owed == (LostRange(1, 0, 0, "refused"),)
    assert keys(await (await start()).lease(9)) == [(1, 1), (1, 2)]


async def refuse_first(spool: Spool) -> None:
    """Leaves batch 1/0 lost, and nothing else on disk."""
    await spool.append([sealed(1, 0)])
    (first,) = await spool.lease(1)
    await spool.settle(first.key, Refused("too big"))


LOST = LostRange(1, 0, 0, "refused")


async def test_a_loss_is_returned_by_each_append_until_one_commits_a_batch_that_tells_it(start: Open) -> None:
    spool = await start()
    await refuse_first(spool)
    assert (await spool.append([sealed(1, 1)])).owed == (LOST,)
    assert (await spool.append([sealed(1, 2)])).owed == (LOST,)

    spool = await start()

    assert (await spool.append([sealed(2, 0)])).owed == (LOST,)
    assert (await spool.append([sealed(2, 1, tells=(LOST,))])).owed == ()
    assert (await (await start()).append([sealed(3, 0)])).owed == ()


@pytest.mark.parametrize("restart", [False, True])
async def test_a_loss_is_forgotten_with_the_delivery_of_the_batch_that_tells_it(start: Open, restart: bool) -> None:
    spool = await start()
    await refuse_first(spool)
    await spool.append([])
    await spool.append([sealed(1, 1, tells=(LOST,))])
    spool = await start() if restart else spool
    (teller,) = await spool.lease(9)
    await spool.settle(teller.key, Acked())

    assert (await spool.append([])).owed == ()
    assert (await (await start()).append([])).owed == ()


@pytest.mark.parametrize("restart", [False, True])
async def test_a_loss_whose_teller_was_refused_is_owed_again_with_the_teller(start: Open, restart: bool) -> None:
    spool = await start()
    await refuse_first(spool)
    await spool.append([])
    await spool.append([sealed(1, 1, tells=(LOST,))])
    spool = await start() if restart else spool
    (teller,) = await spool.lease(9)
    await spool.settle(teller.key, Refused("too big as well"))

    assert (await spool.append([])).owed == (LostRange(1, 0, 1, "refused"),)


@pytest.mark.parametrize("restart", [False, True])
async def test_a_loss_whose_teller_was_evicted_is_owed_again_with_the_teller(start: Open, restart: bool) -> None:
    spool = await start()
    await refuse_first(spool)
    await spool.append([])
    assert (await spool.append([sealed(1, 1, 9, tells=(LOST,))])).owed == ()
    spool = await start() if restart else spool
    boot = spool.boot.boot

    for seq in range(2, 25):
        owed = (await spool.append([sealed(boot, seq, 0, 3_000)])).owed

    assert owed[0] == LOST
    assert named(owed)[1] == EnvelopeKey(1, 1)


async def test_a_teller_for_which_there_is_no_room_tells_nothing(start: Open) -> None:
    spool = await start()
    await refuse_first(spool)
    await spool.append([])

    owed = (await spool.append([sealed(1, 1, 3, CAP_BYTES + 1, tells=(LOST,))])).owed

    assert owed == (LOST, LostRange(1, 1, 1, "cap"))


async def test_losses_that_follow_each_other_are_one_range_and_others_are_not(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, seq) for seq in range(6)])
    for place, envelope in enumerate(await spool.lease(6)):
        await spool.settle(envelope.key, Acked() if place == 2 else Refused("too big"))

    assert (await spool.append([])).owed == (LostRange(1, 0, 1, "refused"), LostRange(1, 3, 5, "refused"))


async def test_at_the_cap_the_least_important_goes_first_and_exactly_what_went_is_told(start: Open) -> None:
    spool = await start()
    for seq in range(0, 40, 2):
        assert (await spool.append([sealed(1, seq, 5, 1_000), sealed(1, seq + 1, 8, 1_000)])).owed == ()
    lost: list[EnvelopeKey] = []
    for seq in range(40, 90):
        owed = named((await spool.append([sealed(1, seq, 2, 1_000)])).owed)
        lost += sorted(set(owed).difference(lost))

    kept = [envelope.key for envelope in await spool.lease(1_000)]

    assert sorted(kept + lost) == [EnvelopeKey(1, seq) for seq in range(90)]
    assert lost[:20] == [EnvelopeKey(1, seq) for seq in range(1, 40, 2)]
    assert lost[20:] == [EnvelopeKey(1, seq) for seq in range(0, 2 * len(lost[20:]), 2)]


async def test_what_is_in_flight_is_never_given_up(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, seq, 9, 1_000) for seq in range(30)])
    leased = await spool.lease(5)

    lost: list[EnvelopeKey] = []
    for seq in range(30, 120):
        lost = named((await spool.append([sealed(1, seq, 0, 1_000)])).owed)

    assert lost
    assert not {envelope.key for envelope in leased}.intersection(lost)
    for envelope in leased:
        await spool.settle(envelope.key, Acked())


async def test_a_batch_that_can_never_fit_is_itself_the_loss(start: Open) -> None:
    spool = await start()
    await spool.append([sealed(1, 0, 9)])

    assert (await spool.append([sealed(1, 1, 0, CAP_BYTES + 1)])).owed == (LostRange(1, 1, 1, "cap"),)
    assert keys(await spool.lease(9)) == [(1, 0)]
