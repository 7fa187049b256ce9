"""What one vehicle sends: from a dry run of its rules, or one of a few profiles. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_cloud.errors import EdgeCloudError

DAYS_A_MONTH: Final = 30
PEAK_SHARE: Final = 0.15
"""of a fleet's vehicles that drive in its busiest hour, where nothing else is said"""


class NoTraffic(EdgeCloudError):  # noqa: N818  a verdict on one file
    """A report that cannot be used; the sentence names the place."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What one rule, or one lane, sends in a month."""

    name: str
    lane: str
    messages: float
    blocks: float
    """of 4096 bytes begun, as IoT Hub meters"""
    payload_bytes: float
    samples: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """One vehicle's month."""

    flows: tuple[Flow, ...]
    hours_a_day: float
    """that it drives, and sends"""

    def total(self, lane: str | None = None) -> Flow:
        """The sum of all flows, or of one lane's."""
        chosen = [flow for flow in self.flows if lane in {None, flow.lane}]
        sums = [sum(getattr(flow, name) for flow in chosen) for name in Flow.__slots__[2:]]
        return Flow("all", lane or "both", *sums)

    @property
    def messages_an_hour(self) -> float:
        """While it drives."""
        return self.total().messages / DAYS_A_MONTH / self.hours_a_day


@dataclass(frozen=True, slots=True)
class Regular:
    """One kind of message of a profile."""

    name: str
    lane: str
    an_hour: float
    payload_bytes: float
    samples: float
    """in one message"""


_HOT: Final = Regular("events", "hot", 6, 700, 3)
_PROFILES: Final[Mapping[str, Sequence[Regular]]] = {
    "lean": (Regular("bulk", "warm", 60, 7_200, 6_000), _HOT),
    "lean-live": (Regular("bulk", "warm", 60, 7_200, 6_000), _HOT, Regular("live", "hot", 360, 700, 10)),
    "rich": (Regular("bulk", "warm", 360, 9_000, 9_000), _HOT),
    "rows": (Regular("rows of 9.9 bytes", "warm", 360, 9_900, 1_000), _HOT),
}
PROFILES: Final = tuple(_PROFILES)
"""lean: 100 samples/s in batches of 60 s; lean-live: and the vehicle's state each 10 s; rich: 900 samples/s in batches
of 10 s; rows: 100 samples/s as another agent's rows, each with its own name and time."""


def of_profile(name: str, hours_a_day: float = 1.2, block_bytes: int = 4096) -> Traffic:
    """One of PROFILES; every message counts its payload alone, as blocks that were begun."""
    hours = hours_a_day * DAYS_A_MONTH
    flows = [
        Flow(
            one.name,
            one.lane,
            one.an_hour * hours,
            one.an_hour * hours * -(-one.payload_bytes // block_bytes),
            one.an_hour * hours * one.payload_bytes,
            one.an_hour * hours * one.samples,
        )
        for one in _PROFILES[name]
    ]
    return Traffic(tuple(flows), hours_a_day)


def of_dry_run(path: Path) -> Traffic:
    """What `edge-agent dry-run --json` printed of a twin and a drive. Raises NoTraffic."""
    try:
        report = json.loads(path.read_text())
        per_month = report["use"]["days_a_month"] * report["use"]["hours_a_day"] * 3600 / report["log"]["drive_s"]
        flows = [
            Flow(
                rule["rule"],
                rule["lane"],
                rule["messages"] * per_month,
                rule["blocks_4kb"] * per_month,
                rule["payload_bytes"] * per_month,
                rule["samples_kept"] * per_month,
            )
            for rule in report["rules"]
        ]
        traffic = Traffic(tuple(flows), float(report["use"]["hours_a_day"]))
    except OSError as error:
        raise NoTraffic(f"{path}: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise NoTraffic(f"{path}: no JSON: {error}; it is what edge-agent dry-run --json prints") from None
    except ZeroDivisionError:
        raise NoTraffic(f"{path}: its drive is no time long: nothing can be said of a month") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NoTraffic(f"{path}: no usable {error}; it is what edge-agent dry-run --json prints") from None
    if not traffic.hours_a_day > 0 or not traffic.total().blocks > 0:
        raise NoTraffic(f"{path}: it sends nothing: no rule has a message, or it drives no hour a day")
    return traffic
