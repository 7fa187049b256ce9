"""How much waits on disk, and since when, for the twin. Pure."""

from edge_agent.reported import Reported

SECTION = "spool"


class SpoolReports:
    """Says the section when it is fed; it goes with the patch of each minute."""

    def __init__(self, reported: Reported) -> None:
        self._reported = reported
        self._since_ns: int | None = None

    def feed(self, batches: int, held_bytes: int, now_ns: int) -> None:
        """So much is on disk and not delivered, at this wall time.

        `since_ms` is since when something always was: nothing of this start has waited longer. What an earlier start
        left counts from this one's beginning.
        """
        if batches == 0:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = now_ns
        since = {} if self._since_ns is None else {"since_ms": self._since_ns // 1_000_000}
        self._reported.say(SECTION, {"batches": batches, "bytes": held_bytes, **since})
