"""The arithmetic of a fleet against a table that was reckoned by hand, and against a search that tries everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_cloud.price.bill import bill, share
from edge_cloud.price.tariff import load_tariff
from edge_cloud.price.traffic import Flow, Traffic, of_profile

TARIFF = load_tariff()
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("profile", "vehicles", "blocks_m", "a_second", "gigabytes", "rows_g", "units", "a_vehicle"),
    [
        ("lean", 100_000, 15, 275, 52, 43, "3 x S2", 0.0075),
        ("lean", MILLION, 151, 2_750, 518, 432, "1 x S3", 0.0025),
        ("lean", 5 * MILLION, 756, 13_750, 2_600, 2_200, "5 x S3", 0.0025),
        ("lean-live", 100_000, 58, 1_750, None, 43, "1 x S3", 0.025),
        ("lean-live", MILLION, 576, 17_500, None, 432, "3 x S3", 0.0075),
        ("lean-live", 5 * MILLION, 2_880, 87_500, None, 2_200, "15 x S3", 0.0075),
        ("rich", 100_000, 130, 1_500, 390, 390, "1 x S3", 0.025),
        ("rich", MILLION, 1_303, 15_000, 3_900, 3_900, "5 x S3", 0.0125),
        ("rich", 5 * MILLION, 6_516, 76_000, 19_400, 19_400, "22 x S3", 0.011),
        ("rows", MILLION, 1_303, 15_000, 4_300, 432, "5 x S3", 0.0125),
    ],
)
def test_the_bill_is_that_of_the_table(  # noqa: PLR0917  a row of it
    profile: str,
    vehicles: int,
    blocks_m: float,
    a_second: float,
    gigabytes: float | None,
    rows_g: float,
    units: str,
    a_vehicle: float,
) -> None:
    fleet = bill(of_profile(profile), vehicles, TARIFF)

    # The table's figures have two digits, or leave out the few bytes of the hot lane.
    assert fleet.blocks_a_day / 1e6 == pytest.approx(blocks_m, rel=0.02)
    assert fleet.messages_a_second == pytest.approx(a_second, rel=0.02)
    assert gigabytes is None or fleet.payload_bytes_a_day / 1e9 == pytest.approx(gigabytes, rel=0.02)
    assert fleet.rows_a_day / 1e9 == pytest.approx(rows_g, rel=0.03)
    assert units in fleet.lines[0].name
    assert fleet.price_a_vehicle == pytest.approx(a_vehicle, rel=0.01)
    assert fleet.hubs >= vehicles / TARIFF.devices_a_hub


@given(
    st.integers(1, 5 * MILLION),
    st.floats(1, 1e5),
    st.floats(1, 1e6),
    st.floats(0.1, 24),
    st.floats(0.01, 1),
)
def test_no_other_choice_of_units_that_carries_it_is_cheaper(
    vehicles: int, messages: float, blocks: float, hours: float, peak: float
) -> None:
    traffic = Traffic((Flow("one", "warm", messages, blocks, 0, 0),), hours)
    fleet = bill(traffic, vehicles, TARIFF, peak)

    def carries(name: str, units: int) -> bool:
        [unit] = [one for one in TARIFF.hub if one.name == name]
        hubs = -(-vehicles // TARIFF.devices_a_hub)
        a_second = max(units * unit.messages_a_second, hubs * unit.least_messages_a_second)
        enough = units * unit.blocks_a_day >= fleet.blocks_a_day * (1 - 1e-12)
        return units >= hubs and enough and a_second >= fleet.messages_a_second * (1 - 1e-12)

    assert carries(fleet.unit.name, fleet.units)
    for unit in TARIFF.hub:
        cheaper = int((fleet.price - 0.01) // unit.price)
        assert not carries(unit.name, cheaper), f"{cheaper} x {unit.name}"


def test_the_shares_of_all_flows_are_the_price_of_a_vehicle() -> None:
    traffic = of_profile("lean-live")
    fleet = bill(traffic, MILLION, TARIFF)

    parts = [share(flow, traffic, fleet) for flow in traffic.flows]
    assert sum(parts) == pytest.approx(fleet.price_a_vehicle)
    assert parts[2] == pytest.approx(3 * parts[0])  # a live message each 10 s costs three times the whole bulk
