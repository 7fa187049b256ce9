"""What this process holds of the machine, as /proc says it."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Vitals:
    """At one moment."""

    threads: int
    descriptors: int
    resident_mb: float


def vitals() -> Vitals:
    """Of this process, now."""
    status = Path("/proc/self/status").read_text()
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert resident, status
    return Vitals(
        threads=_entries("task"),
        descriptors=_entries("fd"),
        resident_mb=int(resident[1]) / 1024,
    )


def _entries(folder: str) -> int:
    return sum(1 for _ in Path("/proc/self", folder).iterdir())
