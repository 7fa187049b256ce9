from datetime import date

import pyarrow as pa
import pytest

from edge_cloud.price.costs import costs
from edge_cloud.price.tariff import load_tariff
from edge_cloud.tables import COSTS, DAILY

TARIFF = load_tariff()


def daily(rows: list[tuple[str, date, int]]) -> pa.Table:
    told = [
        {
            "device": device,
            "day": day,
            "blocks": blocks,
            "body_bytes": 4000 * blocks,
            "samples": 9,
            "got": 3,
            "minutes": 60,
        }
        for device, day, blocks in rows
    ]
    return pa.Table.from_pylist(told, schema=DAILY)


def test_a_months_bill_is_shared_by_the_blocks_that_were_sent() -> None:
    days = [date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 2)]
    found = costs(daily([("a", days[0], 5), ("a", days[1], 30), ("b", days[1], 10), ("b", days[2], 20)]), TARIFF)

    assert found.schema.equals(COSTS)
    rows = [tuple(row.values()) for row in found.to_pylist()]
    august, september = date(2026, 8, 1), date(2026, 9, 1)
    cheapest = min(unit.price for unit in TARIFF.hub)
    assert rows == [
        ("a", august, 5, 20_000, 9, 3, cheapest, "USD"),
        ("a", september, 30, 120_000, 9, 3, cheapest / 2, "USD"),
        ("b", september, 30, 120_000, 18, 6, cheapest / 2, "USD"),
    ]


def test_what_a_few_days_sent_is_taken_for_all_the_month() -> None:
    a_day = TARIFF.hub[0].blocks_a_day
    few = costs(daily([("a", date(2026, 9, 1), 3 * a_day)]), TARIFF)
    many = costs(daily([("a", date(2026, 9, 1), 3 * a_day), ("a", date(2026, 9, 2), 0)]), TARIFF)

    assert few["price"].to_pylist() == [pytest.approx(3 * TARIFF.hub[0].price)]
    assert many["price"].to_pylist() == [pytest.approx(2 * TARIFF.hub[0].price)]


def test_vehicles_that_sent_nothing_cost_nothing() -> None:
    assert costs(daily([("a", date(2026, 9, 1), 0)]), TARIFF)["price"].to_pylist() == [0.0]
    assert costs(DAILY.empty_table(), TARIFF).num_rows == 0
