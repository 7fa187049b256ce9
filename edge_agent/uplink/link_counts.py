"""What became of connections and batches. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkCounts:
    """What became of connections and batches since the agent's start; they add up."""

    sessions: int = 0
    """connections made"""
    failures: int = 0
    """connections that could not be made, or were lost"""
    acked: int = 0
    acked_bytes: int = 0
    """of payload"""
    refused: int = 0
    uncertain: int = 0
    """sends that ended without an answer; the hub may have the batch, and gets it again"""

    def __add__(self, other: "LinkCounts") -> "LinkCounts":
        return LinkCounts(
            self.sessions + other.sessions,
            self.failures + other.failures,
            self.acked + other.acked,
            self.acked_bytes + other.acked_bytes,
            self.refused + other.refused,
            self.uncertain + other.uncertain,
        )
