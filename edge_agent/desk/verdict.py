"""What was kept against what arrived."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.spool.reading import Payload


@dataclass(frozen=True, slots=True)
class Verdict:
    """The count at the end."""

    frames_sent: int
    frames_read: int
    frames_dropped: int
    kept_batches: int
    kept_samples: int
    delivered_batches: int
    delivered_samples: int
    """each batch counted once"""
    duplicates: int
    """batches that arrived more than once; `(device, boot, seq)` names them"""
    delivered_bytes: int
    """of payload, each batch counted once"""
    unknown_frames: int = 0
    """read, and no database has their ids"""

    @property
    def lost_samples(self) -> int:
        """Kept by the rules and not arrived."""
        return max(0, self.kept_samples - self.delivered_samples)

    @property
    def never_on_disk(self) -> bool:
        """Whether more arrived than was kept: what memory alone holds while the disk takes nothing is not kept yet."""
        return self.delivered_samples > self.kept_samples or self.delivered_batches > self.kept_batches

    @property
    def lost_frames(self) -> int:
        """Played onto the bus and not decoded."""
        return self.frames_sent - self.frames_read + self.frames_dropped

    @property
    def good(self) -> bool:
        """Whether nothing is missing, nor more there than was kept."""
        kept, delivered = (self.kept_batches, self.kept_samples), (self.delivered_batches, self.delivered_samples)
        return kept == delivered and self.lost_frames == 0 and self.kept_samples > 0

    @property
    def bytes_a_sample(self) -> float:
        """Payload bytes for one sample."""
        return self.delivered_bytes / self.delivered_samples if self.delivered_samples else 0.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """Distinct batches of one boot."""

    batches: int
    samples: int
    payload_bytes: int
    duplicates: int


def count_arrived(payloads: Iterable[tuple[Payload, int]], boot: int) -> Arrived:
    """Count (payload, bytes) pairs, each `(device, boot, seq)` once."""
    once: dict[tuple[str, int, int], tuple[int, int]] = {}
    copies = 0
    for payload, size in payloads:
        if payload.boot == boot:
            copies += 1
            once[payload.device, payload.boot, payload.seq] = (len(payload.samples), size)
    samples = sum(samples for samples, _ in once.values())
    return Arrived(len(once), samples, sum(size for _, size in once.values()), copies - len(once))
