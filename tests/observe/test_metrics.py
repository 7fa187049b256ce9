"""Scraped as Prometheus does it, over HTTP, and read back by its own parser."""

import asyncio
import http.client
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from edge_agent.observe.health import Verdict
from edge_agent.observe.latency import Latency
from edge_agent.observe.metrics import FATES, LOST, labels_of, metrics_of, metrics_served
from edge_agent.observe.status import Status
from edge_agent.records import BusCounts
from edge_agent.spool.recovery import Damage
from tests.acquire.told import Told

DRIVE = BusCounts(50, 30, 9, 5, dropped=7, remote=4, error=2, incomplete=1, out_of_range=3, missed=6)
STATUS = Status(
    boot=12,
    config_version=42,
    link_up=True,
    open_buses=("drive",),
    buses={"drive": asdict(DRIVE), "body": asdict(BusCounts())},
    health={"drive": {"state": "error_passive", "load_percent": 41.5, "unknown_ids": ["7ff"]}, "body": {}},
    losses={"frames": 7, "batches_refused": 1},
    events={"fired": 0},
    samples=300,
    kept_samples=200,
    kept_batches=20,
    kept_bytes=2000,
    spooled_batches=5,
    spooled_bytes=500,
    delivered_batches=15,
    delivered_bytes=1500,
    lost_batches={"cap": 4, "memory": 2},
    spool_on_disk=False,
    quarantined_batches=2,
    memory_batches=3,
    memory_bytes=300,
    spool_damage=asdict(Damage(segments=2, damaged_bytes=700, missing_segments=1, unreadable_segments=4)),
    tap_connected=True,
    tap_ticks=90,
    tap_dropped={"offline": 4, "busy": 1, "cut": 0},
    tap_unheard={"too_large": 3, "too_many": 1},
    link_metered=False,
    link_roaming=True,
    budget_percent=81,
    spent={"bytes_per_day": 4096},
)

Labels = tuple[tuple[str, str], ...]
WELL = Verdict(healthy=True, sentence="every stage makes progress")


def shown(status: Status, latency: Latency | None = None) -> Callable[[], Iterable[Metric]]:
    return lambda: metrics_of(status, WELL, latency or Latency())


def scraped(port: int) -> dict[tuple[str, Labels], float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200
        text = answer.read().decode()
    finally:
        connection.close()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_each_bus_has_its_counters_its_load_and_its_state() -> None:
    async with metrics_served("127.0.0.1", 0, shown(STATUS), Told(), labels={}) as port:
        assert port
        found = await asyncio.to_thread(scraped, port)

    of_drive = (("bus", "drive"),)
    by_fate = {fate: found["edge_decode_frames_total", (("bus", "drive"), ("fate", fate))] for fate in FATES}
    assert by_fate == {"decoded": 30, "unknown": 9, "wrong_length": 5, "remote": 4, "error": 2}
    assert sum(by_fate.values()) == DRIVE.seen
    assert found["edge_acquire_frames_dropped_total", of_drive] == 7
    assert found["edge_decode_messages_incomplete_total", of_drive] == 1
    assert found["edge_decode_samples_out_of_range_total", of_drive] == 3
    assert found["edge_decode_frames_missed_total", of_drive] == 6
    assert found["edge_decode_bus_load_percent", of_drive] == 41.5
    assert found["edge_decode_bus_state", (("bus", "drive"), ("state", "error_passive"))] == 1
    assert found["edge_decode_bus_state", (("bus", "drive"), ("state", "bus_off"))] == 0
    assert [found["edge_acquire_bus_open", (("bus", bus),)] for bus in ("drive", "body")] == [1, 0]
    assert ("edge_decode_bus_load_percent", (("bus", "body"),)) not in found


async def test_what_the_spool_lost_is_counted_by_why_from_zero_and_where_it_keeps_is_told() -> None:
    async with metrics_served("127.0.0.1", 0, shown(STATUS), Told(), labels={}) as port:
        assert port
        found = await asyncio.to_thread(scraped, port)

    lost = {why: found["edge_spool_batches_lost_total", (("why", why),)] for why in LOST}
    assert lost == {
        "cap": 4,
        "thinned": 0,
        "expired": 0,
        "damaged": 0,
        "memory": 2,
        "refused": 0,
        "no_key": 0,
        "consent": 0,
        "dropped": 0,
    }
    assert found["edge_spool_on_disk", ()] == 0
    assert (found["edge_uplink_metered", ()], found["edge_uplink_roaming", ()]) == (0, 1)
    assert found["edge_uplink_budget_percent", ()] == 81
    assert found["edge_uplink_spent", (("limit", "bytes_per_day"),)] == 4096
    assert found["edge_uplink_batches_quarantined", ()] == 2
    assert (found["edge_tap_connected", ()], found["edge_tap_ticks_published_total", ()]) == (1, 90)
    assert [found["edge_tap_ticks_dropped_total", (("reason", why),)] for why in ("offline", "busy", "cut")] == [
        4,
        1,
        0,
    ]
    assert [found["edge_tap_messages_unheard_total", (("reason", why),)] for why in ("too_large", "too_many")] == [3, 1]
    assert (found["edge_spool_memory_batches", ()], found["edge_spool_memory_bytes", ()]) == (3, 300)
    assert (found["edge_spool_damaged_segments", ()], found["edge_spool_damaged_bytes", ()]) == (2, 700)
    assert (found["edge_spool_missing_segments", ()], found["edge_spool_unreadable_segments", ()]) == (1, 4)


async def test_every_scrape_says_how_it_is_now() -> None:
    now = [STATUS]
    async with metrics_served("127.0.0.1", 0, lambda: metrics_of(now[-1], WELL, Latency()), Told(), labels={}) as port:
        assert port
        before = await asyncio.to_thread(scraped, port)
        now.append(replace(STATUS, link_up=False, spooled_batches=6, samples=301))
        after = await asyncio.to_thread(scraped, port)

    names = ("edge_uplink_up", "edge_spool_batches_waiting", "edge_decode_samples_total")
    assert [before[name, ()] for name in names] == [1, 5, 300]
    assert [after[name, ()] for name in names] == [0, 6, 301]


async def test_a_port_that_is_taken_is_told_and_stops_nothing() -> None:
    told = Told()
    async with metrics_served("127.0.0.1", 0, shown(STATUS), told, labels={}) as port:
        assert port
        async with metrics_served("127.0.0.1", port, shown(STATUS), told, labels={}) as other:
            assert other is None
        assert (await asyncio.to_thread(scraped, port))["edge_agent_boot", ()] == 12

    [fields] = told.fields("app.metrics_not_served")
    assert fields["port"] == port
    assert "in use" in str(fields["reason"])


async def test_every_sample_says_whose_it_is() -> None:
    labels = labels_of("h", "d", "m", 12)
    async with metrics_served("127.0.0.1", 0, shown(STATUS), Told(), labels=labels) as port:
        assert port
        found = await asyncio.to_thread(scraped, port)

    assert labels == {"iothub": "h", "edge_device": "d", "module_name": "m", "instance_number": "12"}
    assert all(labels.items() <= dict(told).items() for _, told in found)
    [bus] = [dict(told) for name, told in found if name == "edge_acquire_bus_open" and ("bus", "body") in told]
    assert bus == {**labels, "bus": "body"}


async def test_the_legs_of_a_batchs_way_are_histograms() -> None:
    latency = Latency()
    for seconds in (0.05, 0.3, 7.0, 100_000.0):
        latency.committed.add(seconds)
    async with metrics_served("127.0.0.1", 0, shown(STATUS, latency), Told(), labels={}) as port:
        assert port
        found = await asyncio.to_thread(scraped, port)

    name = "edge_spool_batch_committed_seconds"
    below = {dict(told)["le"]: value for (which, told), value in found.items() if which == f"{name}_bucket"}
    assert [below[le] for le in ("0.1", "0.25", "0.5", "10.0", "86400.0", "+Inf")] == [1, 1, 2, 3, 3, 4]
    assert (found[f"{name}_count", ()], found[f"{name}_sum", ()]) == (4, 100_007.35)
    assert found["edge_agent_healthy", ()] == 1


def test_the_dashboard_asks_only_for_metrics_and_labels_that_there_are() -> None:
    dashboard = json.loads((Path(__file__).parents[2] / "docs" / "grafana-dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    samples = [one for family in shown(STATUS)() for one in family.samples]
    labels = {label for one in samples for label in one.labels} | set(labels_of("", "", "", 0))

    named = {name for expression in asked for name in re.findall(r"[a-z_:]+(?=\{)", expression)}
    assert named <= {one.name for one in samples}
    assert {name for text in asked for name in re.findall(r"edge_[a-z]+_[a-z_]+", text)} == named
    grouped = {label for text in asked for by in re.findall(r"by \(([^)]*)\)", text) for label in by.split(", ")}
    matched = {label for text in asked for label in re.findall(r"([a-z_]+)=", text)}
    assert grouped | matched <= labels
    assert len(asked) >= 12
