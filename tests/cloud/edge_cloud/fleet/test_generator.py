import pyarrow as pa
import pytest

from edge_cloud.decode import decode
from edge_cloud.fleet.generator import Generated, Plan, generate, vehicle
from tests.cloud.edge_cloud.rows import assert_same_rows

PLAN = Plan(vehicles=12, seconds=120, seed=3, lost=0.05, doubled=0.05)


@pytest.fixture(scope="module")
def fleet() -> Generated:
    return generate(PLAN)


def test_what_arrived_once_decodes_to_the_truth(fleet: Generated) -> None:
    once = list({(m.device, m.properties["boot"], m.properties["seq"]): m for m in fleet.messages}.values())
    decoded = decode(once)

    assert decoded.refused.num_rows == 0
    assert decoded.batches.num_rows == len(once) == fleet.truth.batches < len(fleet.messages)
    assert_same_rows(decoded.samples, fleet.truth.samples)


def test_losses_of_every_place_and_reason_are_in_it(fleet: Generated) -> None:
    gaps = fleet.truth.gaps
    assert set(gaps["place"].to_pylist()) == {"middle", "tail", "boot"}
    assert set(gaps["why"].to_pylist()) == {"cap", "expired", "unknown"}
    assert sum(gaps["batches"].to_pylist()) > 0.05 * fleet.truth.batches


def test_a_vehicle_is_the_same_in_every_fleet() -> None:
    alone, other = (
        vehicle(PLAN, 5),
        vehicle(Plan(**{**{n: getattr(PLAN, n) for n in Plan.__slots__}, "vehicles": 6}), 5),
    )
    assert alone.messages == other.messages
    assert isinstance(alone.truth.samples, pa.Table)
    assert alone.truth.samples.equals(other.truth.samples)
