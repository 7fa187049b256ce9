"""How much waits on disk or in memory, since when, and what was lost, for the twin. Pure."""

from collections.abc import Mapping

from edge_agent.spool.overflow import Standing
from edge_agent.twin.reported import Reported

SECTION = "spool"


class SpoolReports:
    """Says the section when it is fed; it goes with the patch of each minute, soon where the disk left or returned."""

    def __init__(self, reported: Reported) -> None:
        self._reported = reported
        self._since_ns: int | None = None
        self._on_disk = True

    def feed(
        self, depth: tuple[int, int], standing: Standing, lost: Mapping[str, int], now_ns: int, quarantined: int = 0
    ) -> None:
        """So many batches and bytes are not delivered, and so many were lost by why, at this wall time.

        `since_ms` is since when something always was: nothing of this start has waited longer. What an earlier start
        left counts from this one's beginning. `memory_batches`, and of all batches those `quarantined`, are only told
        where there are any.
        """
        batches, held_bytes = depth
        if batches == 0:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = now_ns
        since = {} if self._since_ns is None else {"since_ms": self._since_ns // 1_000_000}
        held = {"memory_batches": standing.memory_batches, "memory_bytes": standing.memory_bytes}
        self._reported.say(
            SECTION,
            {
                "batches": batches,
                "bytes": held_bytes,
                **since,
                "on_disk": standing.on_disk,
                **(held if standing.memory_batches else {}),
                **({"quarantined_batches": quarantined} if quarantined else {}),
                **({"lost": dict(lost)} if lost else {}),
            },
            soon=standing.on_disk is not self._on_disk,
        )
        self._on_disk = standing.on_disk
