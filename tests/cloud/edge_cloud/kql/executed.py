"""The reads of cloud/kql, run by duckdb-kql on tables in memory: a stand-in for Kusto, and where it differs from it."""

import re
from collections.abc import Mapping
from typing import Final

import duckdb_kql
import pyarrow as pa
import pyarrow.compute as pc
from duckdb_kql.stored_functions import parse_functions

from tests.cloud.edge_cloud.kql.compiled import KQL

_FUNCTION: Final = re.compile(
    r"^\.create-or-alter (function with \([^)]*\) (\w+)(\(.*\))\n(\{\n[\s\S]*?^\}))", re.MULTILINE
)
_VIEW: Final = re.compile(
    r"^\.create-or-alter materialized-view .*?\) (\w+) on table \w+\n\{\n([\s\S]*?)^\}", re.MULTILINE
)
_UNIX: Final = re.compile(r"unixtime_(milli|micro)seconds_todatetime\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")
_SORTED: Final = (
    "create macro list_sort(list) as"
    " list_transform(array_sort(list_transform(list, lambda x: cast(x as bigint))), lambda x: to_json(x))"
)
"""The stand-in sorts a list's elements as texts, 10 before 9; Kusto by their type. All lists here hold integers."""

STAND_IN: Final = (
    "function Signals(from_time:datetime, to_time:datetime, car:string, names:dynamic)"
    " { Samples | where t >= from_time and t < to_time and (isempty(car) or device == car) }"
)
"""What the reads read: decoding itself (mv-apply, row_cumsum, series_iir) does not run here."""


def _spelled(text: str) -> str:
    """Two functions that the stand-in lacks, as what they mean; of a tick, which it lacks too, it takes ten."""

    def since(found: re.Match[str]) -> str:
        return f"(datetime(1970-01-01) + totimespan({10_000 if found[1] == 'milli' else 10} * ({found[2]})))"

    return _UNIX.sub(since, re.sub(r"(?<=[01])tick\b", "microsecond", text))


def _files() -> str:
    return "\n".join(path.read_text() for path in sorted(KQL.glob("*.kql")))


BODIES: Final = {found[2]: found[4][1:-1] for found in _FUNCTION.finditer(_files())}
"""Of every function."""
VIEWS: Final = {found[1]: found[2] for found in _VIEW.finditer(_files())}


_ONCE: Final = {found[2]: found[1] for found in _FUNCTION.finditer(_files()) if ":(" not in found[3]}
_KNOWN: Final = parse_functions([STAND_IN, *(_spelled(text) for name, text in _ONCE.items() if name != "Signals")])
"""Read once: the stand-in's parser takes a second for them. Functions of a table it does not know."""


class Kusto:
    """Tables, and queries of them that call the functions of cloud/kql."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._connection = duckdb_kql.connect()
        self._connection.execute("set timezone = 'UTC'")
        self._connection.execute(_SORTED)
        for name, table in tables.items():
            self._connection.register(f"arrow_{name}", _without_zone(table))
            self._connection.execute(f'create table "{name}" as select * from "arrow_{name}"')  # noqa: S608  our own names

    def __call__(self, query: str) -> pa.Table:
        """The rows of a query."""
        return duckdb_kql.arrow(self._connection, _spelled(query), functions=_KNOWN).read_all()

    def of_landed(self, function: str, table: str) -> pa.Table:
        """What a function makes of a landing table. The stand-in takes no table as an argument: a name for it, then."""
        return self(f"let landed = {table};\n{BODIES[function]}")


def _without_zone(table: pa.Table) -> pa.Table:
    """Kusto's datetime has no zone, and is what a day is."""
    for at, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) or pa.types.is_date(field.type):
            plain = table[field.name].cast(pa.timestamp("us"))
            table = table.set_column(at, field.name, plain)
    return table


def as_told(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A read's rows with the types of the cloud's table: zones, and days."""
    found = []
    for field in schema:
        column = table[field.name]
        if pa.types.is_temporal(field.type):
            column = column.cast(pa.timestamp("us"))
        found.append(column.cast(field.type))
    return with_texts(pa.table(found, schema=schema))


def with_texts(table: pa.Table) -> pa.Table:
    """A table whose strings are empty where they are null: Kusto has no other."""
    for at, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(at, field, pc.fill_null(table[field.name], ""))
    return table
