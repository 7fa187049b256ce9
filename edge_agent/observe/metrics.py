"""The door to prometheus-client: the agent's status as metrics, at http://<address>:<port>/metrics."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import accumulate

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_agent import events
from edge_agent.events import Log
from edge_agent.observe.health import Verdict
from edge_agent.observe.latency import BOUNDS_S, Latency
from edge_agent.observe.status import Status
from edge_agent.records import BusState

ANSWER_S = 2.0
"""A scrape that the event loop does not answer by then fails, as it should: the agent is stuck."""

FATES = ("decoded", "unknown", "wrong_length", "remote", "error")
"""What becomes of a frame; together all that were seen."""
LOST = ("cap", "thinned", "expired", "damaged", "memory", "refused", "no_key", "dropped", "consent")
"""Why a batch will not arrive, as `LostRange` has it; each is there from the start, so that an increase shows."""
OF_BUSES = {
    "edge_acquire_frames_dropped": ("dropped", "Frames lost before decoding."),
    "edge_decode_messages_incomplete": ("incomplete", "Messages in several packets of which not all came."),
    "edge_decode_samples_out_of_range": ("out_of_range", "Samples outside the database's minimum and maximum."),
    "edge_decode_frames_missed": ("missed", "Frames that did not come in their message's cycle time."),
}

DAMAGE = (
    ("damaged_segments", "segments", "Segments in which this start could not read something."),
    ("damaged_bytes", "damaged_bytes", "Bytes of them that are no whole record."),
    ("missing_segments", "missing_segments", "Segments that were needed and are gone."),
    ("unreadable_segments", "unreadable_segments", "Segments that the disk would not open."),
)


def labels_of(hub: str, device: str, module: str, boot: int) -> dict[str, str]:
    """Whose metrics they are, as IoT Edge's own modules say it; its collector adds none of these (Azure/iotedge#6141).

    `instance_number` is another one after each restart, when all counters begin anew.
    """
    return {"iothub": hub, "edge_device": device, "module_name": module, "instance_number": str(boot)}


@asynccontextmanager
async def metrics_served(
    address: str, port: int, metrics: Callable[[], Iterable[Metric]], log: Log, *, labels: Mapping[str, str]
) -> AsyncIterator[int | None]:
    """Serves until the block ends; gives the port, or None where it is taken, which is told and stops nothing.

    `metrics` is called on the running loop. Every sample gets `labels` besides its own. Port 0 is any free one.
    """
    registry = CollectorRegistry()
    registry.register(_Scraped(metrics, labels, asyncio.get_running_loop()))
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        events.metrics_not_served(log, address=address, port=port, reason=error.strerror or str(error))
        yield None
        return
    thread.name = "metrics"
    try:
        yield server.server_port
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


class _Scraped(Collector):
    """The metrics as of each scrape, which comes on a thread of the server."""

    def __init__(
        self, metrics: Callable[[], Iterable[Metric]], labels: Mapping[str, str], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._metrics = metrics
        self._labels = labels
        self._loop = loop

    def describe(self) -> Iterator[Metric]:
        """Nothing: to find names in use the registry need not scrape."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All metrics. Raises TimeoutError where the loop does not answer."""

        async def metrics() -> list[Metric]:
            return list(self._metrics())

        for family in asyncio.run_coroutine_threadsafe(metrics(), self._loop).result(ANSWER_S):
            family.samples = [one._replace(labels={**self._labels, **one.labels}) for one in family.samples]
            yield family


def metrics_of(status: Status, health: Verdict, latency: Latency) -> Iterator[Metric]:
    """What the agent says of itself, as Prometheus names it; counters are of this start."""
    yield GaugeMetricFamily("edge_agent_healthy", "Whether every stage makes progress.", value=int(health.healthy))
    yield from _metrics_of_buses(status)
    yield from _metrics_of_latency(latency)
    yield from _counters(status)
    yield from _metrics_of_tap(status)
    yield from _gauges(status)


def _counters(status: Status) -> Iterator[Metric]:
    """What was done and what was lost."""
    counters = {
        "edge_decode_samples": (status.samples, "Samples decoded."),
        "edge_policy_samples_kept": (status.kept_samples, "Samples that the rules kept, on disk for good."),
        "edge_spool_batches_kept": (status.kept_batches, "Batches on disk for good."),
        "edge_spool_bytes_kept": (status.kept_bytes, "Payload on disk for good."),
        "edge_uplink_batches_delivered": (status.delivered_batches, "Batches that the hub acknowledged."),
        "edge_uplink_bytes_delivered": (status.delivered_bytes, "Payload that the hub acknowledged."),
        "edge_uplink_batches_refused": (status.losses["batches_refused"], "Batches the hub will never take."),
    }
    for name, (number, text) in counters.items():
        yield CounterMetricFamily(name, text, value=number)
    lost = {why: status.lost_batches.get(why, 0) for why in (*LOST, *status.lost_batches)}
    yield _counter_by("edge_spool_batches_lost", "Batches that will not arrive.", "why", lost)


def _gauges(status: Status) -> Iterator[Metric]:
    """What there is now."""
    spent = GaugeMetricFamily("edge_uplink_spent", "In this day or month, of each limit.", labels=("limit",))
    for limit, number in status.spent.items():
        spent.add_metric((limit,), number)
    yield spent
    gauges = {
        "edge_spool_batches_waiting": (status.spooled_batches, "Batches on disk or in memory, and not delivered."),
        "edge_spool_bytes_waiting": (status.spooled_bytes, "Bytes of their records."),
        "edge_spool_on_disk": (int(status.spool_on_disk), "0 while the disk takes no batches and memory holds them."),
        "edge_spool_memory_batches": (status.memory_batches, "Batches that memory alone holds."),
        "edge_spool_memory_bytes": (status.memory_bytes, "Bytes of their records."),
        "edge_uplink_batches_quarantined": (status.quarantined_batches, "Connections died of them; they wait apart."),
        "edge_uplink_metered": (int(status.link_metered), "Whether bytes cost money, or nobody says that they do not."),
        "edge_uplink_roaming": (int(status.link_roaming), "Whether the network is one abroad."),
        "edge_uplink_budget_percent": (status.budget_percent, "Spent, of the limit that is nearest."),
        "edge_uplink_up": (int(status.link_up), "Whether there is a connection."),
        "edge_twin_version_running": (status.config_version, "$version of the desired properties that run."),
        "edge_agent_boot": (status.boot, "The agent's starts on this vehicle."),
    }
    gauges |= {f"edge_spool_{name}": (status.spool_damage.get(count, 0), text) for name, count, text in DAMAGE}
    for name, (number, text) in gauges.items():
        yield GaugeMetricFamily(name, text, value=number)


def _counter_by(name: str, text: str, label: str, numbers: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, number in numbers.items():
        family.add_metric((value,), number)
    return family


def _metrics_of_tap(status: Status) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "edge_tap_connected", "Whether the local bus has the agent.", value=int(status.tap_connected)
    )
    yield CounterMetricFamily("edge_tap_ticks_published", "Ticks on the local bus.", value=status.tap_ticks)
    yield _counter_by("edge_tap_ticks_dropped", "Ticks that were not published.", "reason", status.tap_dropped)
    yield _counter_by("edge_tap_messages_unheard", "Messages to the agent, dropped.", "reason", status.tap_unheard)


def _metrics_of_latency(latency: Latency) -> Iterator[Metric]:
    legs = {
        "edge_policy_batch_sealed_seconds": (latency.sealed, "From a batch's first sample to its seal."),
        "edge_spool_batch_committed_seconds": (latency.committed, "From there to the return of its commit."),
        "edge_uplink_batch_acked_seconds": (latency.acked, "From there to the hub's acknowledgement."),
    }
    for name, (histogram, text) in legs.items():
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
        yield HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.sum_s)


def _metrics_of_buses(status: Status) -> Iterator[Metric]:
    frames = CounterMetricFamily("edge_decode_frames", "Frames seen, by what became of them.", labels=("bus", "fate"))
    for bus, counts in status.buses.items():
        for fate in FATES:
            frames.add_metric((bus, fate), counts[fate])
    yield frames
    for name, (count, text) in OF_BUSES.items():
        family = CounterMetricFamily(name, text, labels=("bus",))
        for bus, counts in status.buses.items():
            family.add_metric((bus,), counts[count])
        yield family
    is_open = GaugeMetricFamily("edge_acquire_bus_open", "Whether frames arrive, if there are any.", labels=("bus",))
    load = GaugeMetricFamily("edge_decode_bus_load_percent", "Of the bit rate, last whole minute.", labels=("bus",))
    state = GaugeMetricFamily("edge_decode_bus_state", "1 for the controller's state.", labels=("bus", "state"))
    for bus in status.buses:
        is_open.add_metric((bus,), int(bus in status.open_buses))
        health = status.health.get(bus, {})
        percent = health.get("load_percent")
        if isinstance(percent, int | float):
            load.add_metric((bus,), percent)
        if "state" in health:
            for one in BusState:
                state.add_metric((bus, one.value), int(one.value == health["state"]))
    yield from (is_open, load, state)
