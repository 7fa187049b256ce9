"""What was sent and what of it was acknowledged, beside what a hub has: the proof that nothing is missing."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

Key = tuple[str, int, int]
"""device, boot, seq"""


@dataclass(slots=True)
class Ledger:
    """Every message of a run, in memory; `write` makes a file of it."""

    acked_us: dict[Key, int] = field(default_factory=dict)
    """when each was acknowledged, us since the run's start"""
    took_us: list[int] = field(default_factory=list)
    """from sending to that"""
    sent: int = 0
    sent_bytes: int = 0
    again: int = 0
    """sendings of a message that was sent before, after a connection was lost"""
    disconnections: int = 0

    def acknowledged(self, key: Key, size: int, sent_us: int, now_us: int) -> None:
        """One message is in the hub's hands."""
        self.acked_us[key] = now_us
        self.took_us.append(now_us - sent_us)
        self.sent_bytes += size

    def write(self, path: Path) -> None:
        """One JSON line an acknowledged message: device, boot, seq, and when, in us since the start."""
        with path.open("w") as file:
            for (device, boot, seq), us in self.acked_us.items():
                file.write(json.dumps([device, boot, seq, us]) + "\n")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ledger held against what arrived."""

    acknowledged: int
    lost: tuple[Key, ...]
    """acknowledged, and not there"""
    duplicates: int
    unknown: int
    """there, of the ledger's vehicles and boot, and never acknowledged: sent, the answer lost"""


def judge(ledger: Ledger, arrived: Iterable[Key]) -> Verdict:
    """What is missing. `arrived` may hold others' messages: those of other vehicles or boots are not looked at."""
    ours = {(device, boot) for device, boot, _ in ledger.acked_us}
    there = Counter(key for key in arrived if key[:2] in ours)
    lost = tuple(key for key in ledger.acked_us if key not in there)
    unknown = sum(1 for key in there if key not in ledger.acked_us)
    return Verdict(len(ledger.acked_us), lost, there.total() - len(there), unknown)


def arrived_at(hub_folder: Path, offset: int = 0) -> Iterator[Key]:
    """Of each message of a local hub's folder its name, from a position in the file on.

    Only the start of a line is read as JSON: the body is most of it, and the last thing in it.
    """
    with (hub_folder / "arrived.jsonl").open("rb") as file:
        file.seek(offset)
        for line in file:
            head, found, _ = line.partition(b',"body":"')
            if not found or not line.endswith(b"\n"):
                continue
            row = json.loads(head + b"}")
            tells = row["properties"]
            yield row["device"], int(tells["boot"]), int(tells["seq"])


def percentiles(took_us: list[int]) -> tuple[float, float]:
    """Median and 99th percentile in ms; 0 where nothing was acknowledged."""
    if not took_us:
        return 0.0, 0.0
    return median(took_us) / 1000, sorted(took_us)[len(took_us) * 99 // 100] / 1000
