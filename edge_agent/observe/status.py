"""What the agent says of itself: the direct method `status`, and whoever watches at a desk."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_agent.twin.fitting import JsonObject


@dataclass(frozen=True, slots=True)
class Status:
    """Counters since the start, and what lies on disk now."""

    boot: int
    config_version: int
    """`$version` of the desired properties that run; 0 before there are any"""
    link_up: bool
    open_buses: tuple[str, ...]
    buses: Mapping[str, Mapping[str, int]]
    """of each bus its `BusCounts`"""
    health: Mapping[str, JsonObject]
    """of each bus what is known of it besides, as in the reported properties"""
    losses: Mapping[str, int]
    """`frames` that were lost before decoding, `batches_refused` that the hub will never take"""
    events: Mapping[str, int]
    """since the running configuration began: how often its events `fired`, and how often that was `suppressed`; the
    samples and frames their memory of the past holds, and those it had no room for"""
    samples: int
    """decoded"""
    kept_samples: int
    """kept by the rules, and on disk for good"""
    kept_batches: int
    kept_bytes: int
    """of payload"""
    spooled_batches: int
    """on disk or in memory, and not delivered, those of earlier boots too"""
    spooled_bytes: int
    delivered_batches: int
    delivered_bytes: int
    lost_batches: Mapping[str, int] = field(default_factory=dict)
    """that will not arrive, by `why` as `evicted` of the batches tells it; those found damaged at the start too"""
    spool_on_disk: bool = True
    """False while the disk takes nothing, or has too little free space, and the agent runs from memory"""
    quarantined_batches: int = 0
    """of `spooled_batches`, those that connections died of, which wait apart to be tried again"""
    memory_batches: int = 0
    """of `spooled_batches`, those that memory alone holds: not yet kept, and gone if the power goes"""
    memory_bytes: int = 0
    spool_damage: Mapping[str, int] = field(default_factory=dict)
    """of the spool's `Damage`, which this start found; batches that it cost are in `lost_batches`, those with a name"""
    tap_connected: bool = False
    """whether the vehicle's local bus has the agent"""
    tap_ticks: int = 0
    """published there"""
    tap_dropped: Mapping[str, int] = field(default_factory=dict)
    """ticks that were not: `offline` without a connection, `busy` while the one before had not gone, `cut` with the
    connection"""
    tap_unheard: Mapping[str, int] = field(default_factory=dict)
    """messages that came over the bus and were dropped: `too_large`, or `too_many` at once, which end the connection"""
    link_metered: bool = True
    """bytes cost money now, or nobody says that they do not"""
    link_roaming: bool = False
    budget_percent: int = 0
    """spent, of the limit that is nearest"""
    spent: Mapping[str, int] = field(default_factory=dict)
    """in this day and month: `bytes_per_day`, `bytes_per_month`, `roaming_bytes_per_month`, `blocks_per_day`"""
