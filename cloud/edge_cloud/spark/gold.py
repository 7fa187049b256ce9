"""`python -m edge_cloud.spark.gold`: gold tables made anew where something arrived since they were made last.

What arrived is told by the files that `batches` has now and had not at the version that the gold tables name in their
commits. A device's gaps and completeness are made anew whole, for they need no samples; trips and days only where a
batch arrived, or where a loss came to be known, or was filled: a late batch may tell the lost end of a boot of days
ago. Each table is changed by one merge; made twice, or again after a kill between two tables, it is the same.

The rows that change come through the driver: about 150 MB of days for a million vehicles.
"""

import logging
import time
from datetime import date, timedelta
from typing import Annotated, Final

import pyarrow as pa
import typer

from edge_cloud import gold, tables
from edge_cloud.desk.dimensions import built_in_roles
from edge_cloud.spark.engine import KnowingEngine, SparkEngine
from edge_cloud.spark.gold_tables import GoldTables
from edge_cloud.spark.session import desk_session, platform_session

_log = logging.getLogger("edge_cloud.gold")

_ARRIVED: Final = """\
select device, day from arrived
union
select device, cast(closed as date) as day from arrived where closed is not null"""

_DAYS_OF_CHANGED_LOSSES: Final = """\
with changed as (
    (select * from losses except select * from losses_before)
    union
    (select * from losses_before except select * from losses)
)
select distinct known_days.device, known_days.day
from changed
inner join (select device, day from daily_before union select device, day from touched) as known_days
    on changed.device = known_days.device
    and changed.earliest_us - {pause_us} < (unix_date(known_days.day) + 1) * 86400000000
    and changed.latest_us + {pause_us} >= unix_date(known_days.day) * 86400000000
union
select device, day from touched"""

_DOUBLED: Final = """\
select count(*) as names, min(device) as device from (
    select device, boot, seq from batches where device in (select device from touched)
    group by device, boot, seq having count(*) > 1
) as doubled"""


def make_touched(
    engine: KnowingEngine, lake: GoldTables, setting: gold.Setting, *, whole: bool = False
) -> dict[str, int]:
    """Bring all gold tables to what the silver tables say now; tells how many rows of each were made.

    `whole` makes everything anew: after the roles, the setting or the queries have changed.
    """
    now = lake.version()
    arrived = lake.arrived(None if whole else lake.made(), now)
    if not arrived:
        return {}
    engine.know_files("arrived", lake.folder("batches"), arrived, tables.BATCHES)
    engine.know("touched", touched := engine(_ARRIVED).cast(gold.TOUCHED))
    _know_silver(engine, lake, touched)
    _tell_doubled(engine)
    devices = pa.table({"device": touched["device"].unique()})
    _know_losses(engine, lake)
    made: dict[str, pa.Table] = {}
    for name in ("gaps", "completeness"):
        made[name] = gold.make(engine, name, setting, touched=True, known=tuple(made))
        engine.know(name, made[name])
    engine.know("losses", engine(gold.query("losses", setting, touched=True, known=tuple(made))))
    pause_us = round(setting.pause_s * 1_000_000)
    engine.know("touched", touched := engine(_DAYS_OF_CHANGED_LOSSES.format(pause_us=pause_us)).cast(gold.TOUCHED))
    _know_silver(engine, lake, touched)
    for name in ("trips", "daily", "last_known"):
        made[name] = gold.make(engine, name, setting, touched=True, known=("losses", *made))
        engine.know(name, made[name])
    _write(lake, made, devices, touched, now)
    if whole:
        # A time that an earlier rule believed must not stand against those of this one.
        lake.replace("last_known", devices, made["last_known"], now)
    else:
        lake.newer("last_known", made["last_known"], now)
    return {name: len(rows) for name, rows in made.items()}


def _tell_doubled(engine: KnowingEngine) -> None:
    """What the stream cannot see, which compares batches of one day: two by one name whose days differ."""
    [found] = engine(_DOUBLED).to_pylist()
    if found["names"]:
        _log.warning(
            "%d names (device, boot, seq) of batches stand twice, one of them of %s: a count of boots that began"
            " anew, somebody who speaks for the vehicle, or a log of frames that came again after days",
            *(found["names"], found["device"]),
        )


def _know_silver(engine: KnowingEngine, lake: GoldTables, touched: pa.Table) -> None:
    """Of tables of samples the days around those touched; of others all, for a device's boots may be of any day."""
    around = {day + timedelta(days=n) for day in touched["day"].unique().to_pylist() for n in range(-2, 2)}
    for name in ("batches", "evictions", "samples", "firings"):
        days = around if name in {"samples", "firings"} else None
        engine.know_files(name, lake.folder(name), lake.files(name, days), tables.DECODED[name])
    roles = lake.read("roles")
    engine.know("roles", roles if len(roles) else built_in_roles())


def _know_losses(engine: KnowingEngine, lake: GoldTables) -> None:
    """`losses_before` and `daily_before`: what the gold tables say of the devices so far."""
    for name in ("gaps", "completeness", "daily"):
        engine.know_files(f"{name}_before", lake.folder(name), lake.files(name), tables.GOLD[name])
    of_devices = "select * from {0}_before where device in (select device from touched)"
    for name in ("gaps", "completeness"):
        engine.know(name, engine(of_devices.format(name)))
    engine.know("losses_before", engine(gold.query("losses", known=("gaps", "completeness"))))


def _write(lake: GoldTables, made: dict[str, pa.Table], devices: pa.Table, touched: pa.Table, version: int) -> None:
    before = pa.table(
        {"device": touched["device"], "day": pa.array(_day_before(touched["day"].to_pylist()), pa.date32())}
    )
    days = pa.concat_tables([touched, before]).group_by(["device", "day"]).aggregate([])
    for name in ("gaps", "completeness"):
        lake.replace(name, devices, made[name], version)
    for name in ("trips", "daily"):
        lake.replace(name, days, made[name], version)


def _day_before(days: list[date]) -> list[date]:
    return [day - timedelta(days=1) for day in days]


def make_gold(
    lake: Annotated[str, typer.Option(help="Folder or URL of the tables.")],
    whole: Annotated[bool, typer.Option("--whole", help="Make all anew, not only what arrived.")] = False,
    desk: Annotated[int, typer.Option(min=0, help="Cores of a Spark of this machine; 0 takes the platform's.")] = 0,
    storage: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, an option of the lake's store.")] = None,
) -> None:
    """Bring gaps, completeness, trips, days and last known values up to what has arrived."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    _log.setLevel(logging.INFO)
    spark = desk_session(desk) if desk else platform_session()
    tables_of = GoldTables(lake, dict(option.split("=", 1) for option in storage or ()))
    setting = gold.Setting(made_us=time.time_ns() // 1000)
    made = make_touched(SparkEngine(spark), tables_of, setting, whole=whole)
    _log.info("made %s", ", ".join(f"{rows} rows of {name}" for name, rows in made.items()) or "nothing: none arrived")


if __name__ == "__main__":
    typer.run(make_gold)
