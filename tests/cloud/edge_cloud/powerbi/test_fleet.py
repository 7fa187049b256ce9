"""Measures over gold that the project's own queries make of a fleet whose truth is known."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from edge_cloud import gold, tables
from edge_cloud.decode import decode
from edge_cloud.duck import Duck
from edge_cloud.fleet.generator import Generated, Plan, generate
from tests.cloud.edge_cloud.powerbi import tmdl
from tests.cloud.edge_cloud.powerbi.star import Star, twins

MODEL = tmdl.read(Path(__file__).parents[4] / "cloud/powerbi/Fleet.SemanticModel/definition")
PLAN = Plan(vehicles=11, seconds=60, lost=0.05)

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def fleet() -> Generated:
    return generate(PLAN)


@pytest.fixture(scope="module")
def star(fleet: Generated) -> Star:
    engine = Duck({name: once(table) for name, table in decode(fleet.messages).by_name().items()})
    roles = [{"role": "speed", "signal": "Motion.VehicleSpeed", "factor": 1.0, "rank": 0}]
    engine.know("roles", pa.Table.from_pylist(roles))
    made: dict[str, pa.Table] = {}
    for name in gold.NAMES:
        made[name] = gold.make(engine, name, known=made)
        engine.know(name, made[name])
    devices = made["completeness"]["device"].unique()
    names = {
        name: devices if name in {"device", "name"} else pa.nulls(len(devices), pa.string())
        for name in tables.VEHICLES.names
    }
    star = Star(MODEL, {})
    star.take(made | {"vehicles": pa.table(names, schema=tables.VEHICLES)})
    return star


def once(table: pa.Table) -> pa.Table:
    """What came twice, one row of it."""
    keys = [name for name in table.column_names if name not in {"enqueued", "source", "body"}]
    numbered = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    return table.take(numbered.group_by(keys).aggregate([("row", "min")])["row_min"])


def test_the_report_counts_every_lost_batch_and_every_sample_of_a_fleet(star: Star, fleet: Generated) -> None:
    lost = pc.sum(fleet.truth.gaps["batches"]).as_py()
    unknown = fleet.truth.gaps.filter(pc.equal(fleet.truth.gaps["why"], "unknown"))

    assert lost > 10
    assert star.ask(twins()["Batches missing"]) == lost
    assert star.ask(twins()["Batches missing without a reason"]) == pc.sum(unknown["batches"]).as_py()
    assert star.ask(twins()["Samples arrived"]) == fleet.truth.samples.num_rows
    assert star.ask(twins()["Completeness of all time"]) == pytest.approx(
        fleet.truth.batches / (fleet.truth.batches + lost)
    )
    assert star.ask(twins()["Vehicles silent"]) is None
    assert star.ask(twins()["Days outside the calendar"]) is None


def test_of_several_days_the_completeness_is_a_lower_bound(star: Star) -> None:
    by_days, of_all = star.ask(twins()["Completeness %"]), star.ask(twins()["Completeness of all time"])

    assert isinstance(by_days, float)
    assert isinstance(of_all, float)
    assert 0 < by_days <= of_all < 1


def test_days_and_trips_drive_the_same_kilometres(star: Star) -> None:
    assert star.ask(twins()["Kilometres"]) == pytest.approx(star.ask(twins()["Trip kilometres"]))
    assert star.ask(twins()["Number of trips"]) == 3 * PLAN.vehicles - 1
