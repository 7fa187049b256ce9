"""What the agent knows of itself as of now, asked of its stages; whoever wants to know goes through here."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from edge_agent.channel import Channel
from edge_agent.decode.bus_reports import BusReports
from edge_agent.observe.health import Progress
from edge_agent.observe.status import Status
from edge_agent.policy.collector import Collector
from edge_agent.records import Batch, FrameBlock
from edge_agent.sift import Sift
from edge_agent.spool.keep import Keeping
from edge_agent.spool.segments import SegmentSpool
from edge_agent.tap.live import LiveTap
from edge_agent.tap.local_bus import LocalBus
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.inbox import ModuleInbox
from edge_agent.uplink.deliver import Delivery
from edge_agent.uplink.tariff import Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The stages, in the order of the journey. Asking changes nothing and is cheap."""

    opened: Callable[[], Iterable[str]]
    """names of the buses that are open"""
    frames: Channel[FrameBlock]
    sift: Sift
    reports: BusReports
    collector: Collector
    batches: Channel[Batch]
    keeping: Keeping
    spool: SegmentSpool
    inbox: ModuleInbox
    local_bus: LocalBus
    tap: LiveTap
    tariff: Tariff
    delivery: Delivery

    def progress(self, *, expects_blocks: bool) -> Progress:
        """What was done, and what there is to do; `expects_blocks` while live buses are read."""
        counts, on_disk = self.delivery.counts, self.spool.standing.on_disk
        return Progress(
            blocks=self.frames.put_total,
            expects_blocks=expects_blocks,
            sifted=self.frames.taken_total,
            unsifted=len(self.frames),
            sealed=self.batches.put_total,
            committed=self.keeping.committed_batches,
            answered=counts.acked + counts.refused,
            attempts=counts.sessions + counts.failures,
            link_up=self.delivery.up,
            connecting=self.delivery.connecting,
            sendable=on_disk and self._can_send(),
            on_disk=on_disk,
        )

    def urgent_waits(self) -> bool:
        """Whether something may be sent now. What memory alone holds is taken for it: it would not survive."""
        return self._can_send() or self.spool.standing.memory_batches > 0

    def _can_send(self) -> bool:
        """Whether something on disk may go now; what is in quarantine goes now and then, and nobody waits for it."""
        return self.spool.holds(self.tariff.allowance.terms, but=self.delivery.quarantine.keys)

    def local(self) -> JsonObject:
        """What the local bus is told of the agent; of the link null where nobody says what it is."""
        link, (pending, pending_bytes) = self.tariff.link, self.spool.depth
        is_said = link.said_by != "nobody"
        return {
            "link_up": self.delivery.up,
            "metered": link.metered if is_said else None,
            "roaming": link.roaming if is_said or link.roaming else None,
            "spooled_batches": pending,
            "spooled_bytes": pending_bytes,
            "delivered_batches": self.delivery.counts.acked,
            "lost_batches": sum(self.spool.lost.values()),
        }

    def status(self) -> Status:
        """What the agent says of itself."""
        pending, pending_bytes = self.spool.depth
        standing = self.spool.standing
        return Status(
            boot=self.spool.boot.boot,
            config_version=self.inbox.running_version or 0,
            link_up=self.delivery.up,
            open_buses=tuple(sorted(self.opened())),
            buses={name: asdict(counts) for name, counts in self.collector.counts},
            health=self.reports.health,
            losses={
                "frames": sum(counts.dropped for _, counts in self.collector.counts),
                "batches_refused": self.delivery.counts.refused,
            },
            events=asdict(self.collector.watched),
            samples=self.sift.samples,
            kept_samples=self.keeping.kept_samples,
            kept_batches=self.keeping.kept_batches,
            kept_bytes=self.keeping.kept_bytes,
            spooled_batches=pending,
            spooled_bytes=pending_bytes,
            delivered_batches=self.delivery.counts.acked,
            delivered_bytes=self.delivery.counts.acked_bytes,
            lost_batches=self.spool.lost,
            spool_on_disk=standing.on_disk,
            quarantined_batches=len(self.delivery.quarantine),
            memory_batches=standing.memory_batches,
            memory_bytes=standing.memory_bytes,
            spool_damage=asdict(self.spool.damage),
            tap_connected=self.local_bus.up,
            tap_ticks=self.tap.published,
            tap_dropped=self.tap.dropped,
            tap_unheard=self.local_bus.unheard,
            link_metered=self.tariff.link.metered,
            link_roaming=self.tariff.link.roaming,
            budget_percent=self.tariff.budget_percent,
            spent=self.tariff.spent.by_limit,
        )
