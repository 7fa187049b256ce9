"""What a fleet costs a month by a tariff. Pure arithmetic; nothing of it was compared with a bill."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from edge_cloud.price.tariff import HubUnit, Tariff
from edge_cloud.price.traffic import DAYS_A_MONTH, PEAK_SHARE, Flow, Traffic

ROW_BYTES: Final = 3
"""of a decoded sample in Delta (docs/cloud.md)"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill."""

    name: str
    price: float
    """of the whole fleet a month"""


@dataclass(frozen=True, slots=True)
class Bill:
    """A fleet's month."""

    vehicles: int
    unit: HubUnit
    units: int
    hubs: int
    blocks_a_day: float
    messages_a_second: float
    """in the busiest hour"""
    payload_bytes_a_day: float
    rows_a_day: float
    lines: tuple[Line, ...]

    @property
    def price(self) -> float:
        """Of the whole fleet."""
        return sum(line.price for line in self.lines)

    @property
    def price_a_vehicle(self) -> float:
        """A vehicle's share, all alike."""
        return self.price / self.vehicles


def bill(traffic: Traffic, vehicles: int, tariff: Tariff, peak_share: float = PEAK_SHARE) -> Bill:
    """The cheapest units that carry the day's blocks and the busiest hour's messages; on a tie the fewer units."""
    month = traffic.total()
    blocks_a_day = month.blocks * vehicles / DAYS_A_MONTH
    messages_a_second = traffic.messages_an_hour * vehicles * peak_share / 3600
    least_hubs = ceil(vehicles / tariff.devices_a_hub)

    def needed(unit: HubUnit) -> int:
        by_second = messages_a_second / unit.messages_a_second
        if messages_a_second <= unit.least_messages_a_second * least_hubs:
            by_second = 1
        return max(1, least_hubs, ceil(blocks_a_day / unit.blocks_a_day), ceil(by_second))

    unit = min(tariff.hub, key=lambda one: (needed(one) * one.price, needed(one)))
    units = needed(unit)
    hubs = max(least_hubs, ceil(units / unit.units_a_hub))
    payload, rows = month.payload_bytes * vehicles, month.samples * vehicles
    paid = {"payload": payload, "rows": rows * ROW_BYTES}
    others = [Line(one.name, paid[one.of] / 1e9 * one.price) for one in tariff.by_gigabyte]
    hub = Line(f"IoT Hub: {units} x {unit.name} on {hubs} hub{'s' * (hubs > 1)}", units * unit.price)
    of_a_day = payload / DAYS_A_MONTH, rows / DAYS_A_MONTH
    return Bill(vehicles, unit, units, hubs, blocks_a_day, messages_a_second, *of_a_day, (hub, *others))


def share(flow: Flow, traffic: Traffic, fleet: Bill) -> float:
    """What of a vehicle's price one flow makes, by its blocks."""
    return fleet.price_a_vehicle * flow.blocks / traffic.total().blocks
