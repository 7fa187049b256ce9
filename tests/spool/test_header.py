from dataclasses import replace
from typing import cast

import numpy as np

from edge_agent.records import EXTENDED_ID, BootInfo, BusCounts, BusHealth, BusState, ClockQuality
from edge_agent.spool.header import header
from tests.spool.batches import BOOT, LOST, NOON_NS, SENDER, SPEED, TORQUE, batch, column

STOOD = batch(column(SPEED, (0, 1)))


def test_a_header_says_who_what_when_and_what_is_missing() -> None:
    sealed = batch(column(SPEED, (NOON_NS, 1), (NOON_NS + 1_999_999, 2)), column(TORQUE, (NOON_NS + 5_000_000, -3)))

    assert header(sealed, SENDER, BOOT, LOST, "columns/1") == {
        "schema": "columns/1",
        "device": "vehicle-1",
        "module": "edge-agent",
        "boot": 3,
        "seq": 5,
        "prev": {"boot": 2, "last_seq": 41},
        "rule": "idle",
        "kind": "periodic",
        "lane": "warm",
        "priority": 5,
        "purpose": "fleet",
        "config": 7,
        "opened_ms": NOON_NS // 1_000_000,
        "closed_ms": NOON_NS // 1_000_000 + 5,
        "fired_ms": [],
        "why": "age",
        "clock": "system",
        "uptime_ms": 12_345,
        "epoch_ms": 0,
        "kept": 3,
        "buses": [
            {
                "name": "can0",
                "seen": 100,
                "decoded": 90,
                "unknown": 8,
                "wrong_length": 2,
                "dropped": 1,
                "remote": 0,
                "error": 0,
                "incomplete": 0,
                "out_of_range": 0,
                "missed": 0,
                "state": None,
                "load_percent": None,
                "unknown_ids": [],
            }
        ],
        "evicted": [
            {"boot": 2, "from": 7, "to": 9, "why": "cap"},
            {"boot": 3, "from": 0, "to": 0, "why": "refused"},
        ],
    }


def test_a_first_boot_has_none_before_it() -> None:
    first = header(batch(column(SPEED, (0, 1))), SENDER, BootInfo(1, None, None), (), "rows/1")

    assert first["prev"] == {"boot": None, "last_seq": None}
    assert first["evicted"] == []


def test_every_bus_has_its_counters() -> None:
    sealed = replace(batch(column(SPEED, (0, 1))), counts=(("front", BusCounts(1)), ("rear", BusCounts(2))))

    buses = header(sealed, SENDER, BOOT, (), "rows/1")["buses"]

    assert isinstance(buses, list)
    assert [(bus["name"], bus["seen"]) for bus in buses if isinstance(bus, dict)] == [("front", 1), ("rear", 2)]


def test_what_is_known_of_a_bus_stands_beside_its_counters() -> None:
    health = BusHealth(BusState.PASSIVE, 41.5, (0x1A2, 0x18FEF100 | EXTENDED_ID))

    buses = header(replace(STOOD, health=(health,)), SENDER, BOOT, (), "rows/1")["buses"]

    [bus] = cast("list[dict[str, object]]", buses)

    assert (bus["state"], bus["load_percent"]) == ("error_passive", 41.5)
    assert bus["unknown_ids"] == ["1a2", "18fef100x"]


def test_a_recording_has_no_clock_to_be_put_right() -> None:
    recorded = replace(STOOD, clock=ClockQuality.RECORDED, epoch_ns=5_000_000)
    unsynced = replace(STOOD, clock=ClockQuality.UNSYNCED, epoch_ns=5_000_000)

    assert header(recorded, SENDER, BOOT, (), "rows/1")["epoch_ms"] is None
    assert header(unsynced, SENDER, BOOT, (), "rows/1")["epoch_ms"] == 5


def test_times_before_the_epoch_are_cut_off_downwards() -> None:
    sealed = batch(column(SPEED, (-1, 1)))

    assert header(sealed, SENDER, BOOT, (), "rows/1")["opened_ms"] == -1
    assert np.floor(-1 / 1e6) == -1
