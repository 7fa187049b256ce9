"""The gold tables of a lake, made anew from everything in it."""

from collections.abc import Callable
from pathlib import Path

from edge_cloud import gold
from edge_cloud.desk.dimensions import with_every_device, write_dimensions
from edge_cloud.duck import Duck
from edge_cloud.lake import SCHEMAS, Lake
from edge_cloud.price.costs import costs
from edge_cloud.price.tariff import load_tariff


def asked(lake: Lake) -> Duck:
    """The engine over all tables of a lake."""
    return Duck({name: lake.rows(name) for name in SCHEMAS})


def make_gold(
    lake: Lake, setting: gold.Setting, roles: Path | None, vehicles: Path | None, tell: Callable[[str, int], None]
) -> None:
    """Dimensions and gold tables, all or none; `tell` hears each table's name and rows.

    `costs` are by the tariff that is built in: what it says of its date and source holds for them.
    """
    with lake.step():
        write_dimensions(lake, roles, vehicles)
    engine = asked(lake)
    with lake.step():
        for at, name in enumerate(gold.NAMES):
            made = gold.make(engine, name, setting, known=gold.NAMES[:at])
            lake.replace(name, made)
            engine.know(name, made)
            tell(name, made.num_rows)
            if name == "completeness":
                lake.replace("vehicles", with_every_device(lake.read("vehicles"), made["device"].to_pylist()))
            if name == "daily":
                lake.replace("costs", costs(made, load_tariff(None)))
