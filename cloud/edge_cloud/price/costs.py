"""What each vehicle's messages cost, month by month: the gold table `costs`. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import pyarrow as pa

from edge_cloud.price.bill import bill
from edge_cloud.price.tariff import Tariff
from edge_cloud.price.traffic import DAYS_A_MONTH, Flow, Traffic
from edge_cloud.tables import COSTS

_SUMS: Final = ("blocks", "body_bytes", "samples", "got", "minutes")
_LEAST_HOURS: Final = 0.1
"""a day, of a fleet of which no trip is known: the busiest hour is then that much busier"""


@dataclass(slots=True)
class _Month:
    days: set[date] = field(default_factory=set)
    vehicles: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))


def costs(daily: pa.Table, tariff: Tariff) -> pa.Table:
    """From gold `daily` to `costs`: a month's bill of the fleet, shared by the blocks each vehicle sent.

    The fleet pays for units all month, whatever it sent: what the days that are there sent is taken for each of them.
    """
    months: Mapping[date, _Month] = defaultdict(_Month)
    for row in daily.select(["device", "day", *_SUMS]).to_pylist():
        month = months[row["day"].replace(day=1)]
        month.days.add(row["day"])
        for name in _SUMS:
            month.vehicles[row["device"]][name] += row[name] or 0
    rows = [one for day, month in sorted(months.items()) for one in _rows(day, month, tariff)]
    return pa.Table.from_pylist(rows, schema=COSTS)


def _rows(first: date, month: _Month, tariff: Tariff) -> list[dict[str, object]]:
    vehicles = len(month.vehicles)
    total = {name: sum(of_one[name] for of_one in month.vehicles.values()) for name in _SUMS}
    whole = DAYS_A_MONTH / len(month.days) / vehicles
    flow = Flow("all", "warm", *(total[name] * whole for name in ("got", "blocks", "body_bytes", "samples")))
    hours = max(_LEAST_HOURS, total["minutes"] / 60 / vehicles / len(month.days))
    fleet = bill(Traffic((flow,), min(24.0, hours)), vehicles, tariff)
    return [
        {
            "device": device,
            "month": first,
            "blocks": int(of_one["blocks"]),
            "body_bytes": int(of_one["body_bytes"]),
            "rows": int(of_one["samples"]),
            "messages": int(of_one["got"]),
            "price": fleet.price * of_one["blocks"] / total["blocks"] if total["blocks"] else 0.0,
            "currency": tariff.currency,
        }
        for device, of_one in sorted(month.vehicles.items())
    ]
