"""A device that fails with EIO below a real file system, and the agent as it is deployed on it.

The kernel is user-mode-linux, and a device-mapper device fails on order between ext4 and the disk image: "flakey" has
every write fail, "error" every read of a block.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from edge_agent.records import EnvelopeKey
from tests.baddisk.judgement import UNTOLD, committed, delivered, sealed
from tests.baddisk.vehicle import Vehicle
from tests.powercut.machine import missing

_NEEDED = {*missing(), *(() if shutil.which("dmsetup", path="/usr/sbin:/sbin:/usr/bin") else ("dmsetup",))}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(_NEEDED), reason=f"NO FAILING DEVICE TESTED: apt-get install {' '.join(sorted(_NEEDED))}"),
]


def _times(vehicle: Vehicle, name: str, count: int) -> Callable[[], bool]:
    """Whether an event is told so many times more than now."""
    wanted = len(vehicle.told(name)) + count
    return lambda: len(vehicle.told(name)) >= wanted


def _acked(vehicle: Vehicle) -> set[EnvelopeKey]:
    return {EnvelopeKey(_whole(one["boot"]), _whole(one["seq"])) for one in vehicle.told("uplink.batch_acked")}


def _missing(vehicle: Vehicle, keys: Iterable[EnvelopeKey]) -> Mapping[EnvelopeKey, str]:
    return delivered(vehicle.arrivals()).missing(keys)


def _lost(vehicle: Vehicle) -> Sequence[object]:
    return [event["reason"] for event in vehicle.told("spool.batches_lost")]


def _whole(value: object) -> int:
    assert isinstance(value, int), value
    return value


async def _begin(vehicle: Vehicle) -> None:
    """Until batches are committed and arrive."""
    await vehicle.order("hub_comes")
    await vehicle.until(lambda: vehicle.told("twin.document_applied"), "the hub's rules run")
    await vehicle.order("load_comes")
    await vehicle.until(_times(vehicle, "uplink.batch_acked", 5), "batches arrive")


async def test_while_every_write_fails_the_agent_delivers_from_memory_tells_what_it_loses_and_returns_to_the_disk(
    tmp_path: Path,
) -> None:
    vehicle = Vehicle(tmp_path, "errors=continue")
    await vehicle.prepare("-O", "^has_journal")  # with one, ext4 stays read-only once a write of it has failed
    async with vehicle.life():
        await _begin(vehicle)
        await vehicle.order("hub_goes")
        await vehicle.until(_times(vehicle, "spool.batches_appended", 5), "batches wait on the disk")
        await vehicle.order("writes_fail")
        await vehicle.until(lambda: vehicle.told("spool.disk_left"), "the agent leaves the disk")
        on_disk = set(committed(vehicle.events))
        await vehicle.until(lambda: "memory" in _lost(vehicle), "memory overflows")
        await vehicle.order("hub_comes")
        await vehicle.until(lambda: _acked(vehicle) - on_disk, "batches arrive from memory")
        await vehicle.order("hub_goes")
        assert vehicle.told("spool.disk_returned") == []
        await vehicle.order("disk_is_well")
        await vehicle.until(lambda: vehicle.told("spool.disk_returned"), "the agent returns to the disk")
        await vehicle.until(_times(vehicle, "spool.batches_appended", 5), "batches are committed again")
        await vehicle.order("caches_are_forgotten", "hub_comes", "load_goes")
        awaited = sealed(vehicle.events)
        await vehicle.until(lambda: UNTOLD not in _missing(vehicle, awaited).values(), "all that was kept arrives")
        await vehicle.order("agent_leaves")
        await vehicle.until(lambda: vehicle.ended, "the agent leaves in order")

    assert vehicle.ended == "0: "
    assert [one["reason"] for one in vehicle.told("spool.disk_left")] == ["Input/output error"]
    assert set(_missing(vehicle, awaited).values()) == {"memory"}
    assert _missing(vehicle, on_disk) == {}


async def test_a_file_system_that_turned_read_only_keeps_what_was_committed_until_the_next_start(
    tmp_path: Path,
) -> None:
    vehicle = Vehicle(tmp_path, "errors=remount-ro")
    await vehicle.prepare()
    async with vehicle.life():
        await _begin(vehicle)
        await vehicle.order("hub_goes")
        await vehicle.until(_times(vehicle, "spool.batches_appended", 10), "batches wait on the disk")
        await vehicle.order("writes_fail")
        await vehicle.until(lambda: vehicle.told("spool.disk_left"), "the agent leaves the disk")
        await vehicle.order("it_is_read_only", "disk_is_well", "it_is_read_only")
        kept = committed(vehicle.events)
        await vehicle.order("hub_comes")
        await vehicle.until(lambda: _acked(vehicle) - set(kept), "batches arrive from memory")
        assert vehicle.told("spool.disk_returned") == []
        assert [one["reason"] for one in vehicle.told("spool.disk_left")] == ["Input/output error"]

    async with vehicle.life():
        pending = _whole(vehicle.told("spool.opened")[0]["pending"])
        await vehicle.order("hub_comes")
        await vehicle.until(lambda: len(_acked(vehicle)) == pending, "what was on the disk arrives")

    assert pending > 10
    assert _missing(vehicle, kept) == {}


async def test_a_record_in_a_block_that_cannot_be_read_any_more_is_told_as_lost_and_all_else_arrives(
    tmp_path: Path,
) -> None:
    vehicle = Vehicle(tmp_path, "errors=remount-ro")
    await vehicle.prepare()
    async with vehicle.life():
        await _begin(vehicle)
        await vehicle.order("hub_goes")
        # Many: the first of them were read back already, and wait in the uplink.
        await vehicle.until(_times(vehicle, "spool.batches_appended", 25), "batches wait on the disk")
        await vehicle.order("a_block_is_unreadable")
        kept = committed(vehicle.events)
        await vehicle.order("hub_comes")
        await vehicle.until(lambda: UNTOLD not in _missing(vehicle, kept).values(), "all else arrives, and is told")

        assert vehicle.told("spool.disk_left") == []
        assert set(_lost(vehicle)) == {"damaged"}

    assert set(_missing(vehicle, kept).values()) == {"damaged"}
    assert len(_missing(vehicle, kept)) <= 2
