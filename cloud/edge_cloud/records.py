"""What passes between the stages: messages as a cloud got them, and the tables they become."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from edge_cloud import tables


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came out of a hub, wherever it was kept since."""

    body: bytes
    """gzip or plain; one payload, or several, a line each"""
    device: str = ""
    """by whom the hub was told it, empty where the file does not say; the body's own word goes before it"""
    properties: Mapping[str, str] = field(default_factory=dict)
    """application properties: `schema`, `lane`, `rule`, and of frames `boot` and `seq`"""
    enqueued_us: int = 0
    """when the cloud took it, us since the Unix epoch; 0 where the file does not say"""
    source: str = ""
    """where it lies: file and position, for a sentence about it"""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Messages as rows, each table as `edge_cloud.tables` has it.

    Nothing is deduplicated, and nothing lost: what is no payload stands in `refused`.
    """

    batches: pa.Table
    samples: pa.Table
    evictions: pa.Table
    buses: pa.Table
    firings: pa.Table
    trip_reports: pa.Table
    refused: pa.Table

    def by_name(self) -> dict[str, pa.Table]:
        """The tables by their names."""
        return {name: getattr(self, name) for name in tables.DECODED}
