"""The gold tables, made by the queries of `edge_cloud/sql` on any engine: DuckDB on a desk, Spark for a fleet. Pure.

The queries are in the SQL that both engines share, with Spark's names for four functions on times and a few on lists;
`edge_cloud.duck` teaches them to DuckDB. Each query reads tables by their names in `edge_cloud.tables`, and here gets
before it whatever it needs of other queries, so that every text stands by itself.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, TypeAlias

import pyarrow as pa

from edge_cloud import tables

Engine: TypeAlias = Callable[[str], pa.Table]
"""Takes a query and gives its rows. It knows the silver tables, `roles`, and where asked for `touched`."""

NAMES: Final = ("gaps", "completeness", "trips", "daily", "last_known")
"""What is made here, in this order; `costs` comes of a tariff."""

TOUCHED: Final = pa.schema([("device", pa.string()), ("day", pa.date32())])
"""Devices and UTC days of which something arrived."""

_READS: Final = {
    "completeness": ("gaps",),
    "losses": ("gaps", "completeness"),
    "trips": ("gaps", "completeness", "losses"),
    "daily": ("gaps", "completeness", "losses", "trips"),
}
"""Which queries stand before another, in an order that has each after those it reads."""

_PART: Final = re.compile(r"(?:with )?(?P<name>\w+) as \(")

_OF_TOUCHED_DEVICES: Final = """\
{name} as (
select * from {name} where device in (select device from touched)
)"""

_OF_TOUCHED_DAYS: Final = """\
{name} as (
select * from {name} where exists (
select 1 from touched
where {name}.device = touched.device and {name}.day between touched.day - {before} and touched.day + 1)
)"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a fleet may see otherwise than another, and when it looks."""

    pause_s: float = 300
    """without a sample of the speed, after which a new trip begins"""
    silence_s: float = 10
    """between two samples, across which nothing is integrated"""
    moving_kmh: float = 1
    """the least speed that makes a trip of a run of samples"""
    harsh: tuple[str, ...] = ()
    """rules of kind `event` whose firings are harsh driving; where none is named, all that have it in their name"""
    ahead_s: float = 600
    """by which a clock may be ahead of the hub's and its samples still be the newest: a year of drift by 20 ppm"""
    made_us: int | None = None
    """when gold is made, since 1970: taken for the arrival where none is told; by None no such time is too late"""


def query(name: str, setting: Setting | None = None, *, touched: bool = False, known: Collection[str] = ()) -> str:
    """The text that makes a table of NAMES, or `losses`, which `trips` and `daily` read besides.

    Tables that the engine is said to have already (`known`) are read, not made again before it.

    With `touched` only rows that what arrived can have changed: of `gaps`, `completeness` and `last_known` the devices
    of the table `touched`; of `trips` and `daily` its days and those before them, as a trip is of its start's day.
    A trip is followed over midnight, not over a second one. `last_known` is then the newest of those days alone.
    """
    parts = [*(_narrowed(name) if touched else ()), *_settings(setting or Setting())]
    parts += [f"{one} as (\n{_text(one)})" for one in _READS.get(name, ()) if one not in known]
    kept = " where (device, day) in (select device, day from touched union select device, day - 1 from touched)"
    last = kept if touched and name in {"trips", "daily"} else ""
    return "with " + ",\n".join([*parts, f"wanted as (\n{_text(name)})"]) + f"\nselect * from wanted{last}"


def make(
    engine: Engine, name: str, setting: Setting | None = None, *, touched: bool = False, known: Collection[str] = ()
) -> pa.Table:
    """A table of NAMES, of the schema in `edge_cloud.tables`; `touched` and `known` as `query` tells it."""
    found = engine(query(name, setting, touched=touched, known=known))
    schema = tables.GOLD[name]
    return found.select(schema.names).cast(schema)


@dataclass(frozen=True, slots=True)
class Step:
    """One named part of a query."""

    name: str
    text: str
    own: bool
    """whether it is a part of a file of `sql`: what is worth to be computed once, as later parts read it"""


def steps(query: str) -> tuple[list[Step], str]:
    """A query in its parts, each of which reads only tables and parts before it, and what remains: the last one.

    For an engine that would put every part into every other that reads it. A part begins with a line `name as (`, the
    first behind `with`, and ends with a line `)` or `),`, as in all files of `sql`; a part may have parts of its own.
    """
    found: list[Step] = []
    lines = [line for line in query.split("\n") if not line.startswith("--")]
    last, rest = _parts(lines, found, depth=0)
    if rest:
        raise AssertionError(f"a part ends where none began, {len(rest)} lines before the end")
    return found, last


def _parts(lines: list[str], found: list[Step], depth: int) -> tuple[str, list[str]]:
    """Takes a query off the lines, up to the end of the part that it is: its text without parts, and the lines left."""
    begins = lines[0].startswith("with ")
    while begins and (part := _PART.fullmatch(lines[0])):
        text, lines = _parts(lines[1:], found, depth + 1)
        found.append(Step(part["name"], text, own=depth > 0))
        closed, lines = lines[0], lines[1:]
        if closed == ")":
            break
    end = next((n for n, line in enumerate(lines) if line in {")", "),"}), len(lines))
    return "\n".join(lines[:end]), lines[end:]


def decode_query() -> str:
    """The text that makes `samples` of the table `payloads`."""
    return _text("decode")


def _text(name: str) -> str:
    return files("edge_cloud").joinpath("sql", f"{name}.sql").read_text("utf-8")


def _settings(setting: Setting) -> list[str]:
    micros = (round(seconds * 1_000_000) for seconds in (setting.pause_s, setting.silence_s, setting.ahead_s))
    times = dict(zip(("pause_us", "silence_us", "ahead_us"), micros, strict=True), made_us=setting.made_us)
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in setting.harsh)
    chosen = f"rule in ({names})" if names else "instr(lower(rule), 'harsh') > 0"
    numbers = ", ".join(f"cast({'null' if us is None else us} as bigint) as {name}" for name, us in times.items())
    return [
        f"setting as (\nselect {numbers}, cast({setting.moving_kmh} as double) as moving_kmh\n)",
        f"harsh_rules as (\nselect distinct rule from firings where {chosen}\n)",
    ]


def _narrowed(name: str) -> list[str]:
    """The silver tables as far as `touched` asks for them; a table without the columns of a query stays out."""
    if name == "last_known":
        return [_OF_TOUCHED_DEVICES.format(name="batches"), _OF_TOUCHED_DAYS.format(name="samples", before=0)]
    whole = [_OF_TOUCHED_DEVICES.format(name=one) for one in ("batches", "evictions")]
    days = [_OF_TOUCHED_DAYS.format(name=one, before=2) for one in ("samples", "firings")]
    return whole if name in {"gaps", "completeness"} else [*whole, *days]
