"""DuckDB, as an engine for the queries of `edge_cloud/sql`."""

from collections.abc import Mapping
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.dataset

from edge_cloud.errors import BadQuery

_SPARKS_NAMES: Final = (
    "unix_micros(t) as epoch_us(t)",
    "timestamp_micros(us) as make_timestamptz(us)",
    "unix_date(day) as day - date '1970-01-01'",
    "explode(list) as unnest(list)",
    "size(list) as len(list)",
    "sequence(first, last) as generate_series(first, last)",
    "arrays_zip(i, t, r, v, s) as [{'place': z[1], 'dt': z[2], 'raw': z[3], 'val': z[4], 'str': z[5]} for z in list_zip(i, t, r, v, s)]",  # noqa: E501  one text
)
"""Functions of Spark that DuckDB has under other names."""

_COLUMN: Final = (
    '{"name": "VARCHAR", "unit": "VARCHAR", "factor": "DOUBLE", "offset": "DOUBLE", "agg": "VARCHAR",'
    ' "max_error": "DOUBLE", "tu": "VARCHAR", "t0": "BIGINT", "dt": ["BIGINT"], "raw": ["BIGINT"],'
    ' "val": ["DOUBLE"], "str": ["VARCHAR"]}'
)
_ROW: Final = '{"t": "BIGINT", "agg": "VARCHAR", "signals": "MAP(VARCHAR, DOUBLE)"}'
_PAYLOAD: Final = (
    '{"schema": "VARCHAR", "device": "VARCHAR", "boot": "BIGINT", "seq": "BIGINT", "rule": "VARCHAR",'
    f' "columns": [{_COLUMN}], "rows": [{_ROW}]}}'
)


class Duck:
    """Tables in memory that can be asked: an `edge_cloud.gold.Engine`. Times are told in UTC."""

    def __init__(self, tables: Mapping[str, pa.Table | pa.dataset.Dataset]) -> None:
        self._connection = duckdb.connect(config={"TimeZone": "UTC", "autoinstall_known_extensions": False})
        for macro in _SPARKS_NAMES:
            self._connection.execute(f"create macro {macro}")
        for name, table in tables.items():
            self._connection.register(name, table)

    def __call__(self, query: str) -> pa.Table:
        """The rows of a query. Raises BadQuery."""
        try:
            found = self._connection.sql(query)
            rows = found if found is None else found.to_arrow_table()
        except duckdb.Error as error:
            raise BadQuery(str(error).splitlines()[0]) from None
        if rows is None:
            raise BadQuery("it asks for nothing")
        return rows

    def know(self, name: str, rows: pa.Table) -> None:
        """Take a table, or another in place of one of its name."""
        self._connection.register(name, rows)

    def take_texts(self, texts: pa.Table) -> None:
        """Make `payloads` of the column `text` of a table: what `sql/decode.sql` reads."""
        self._connection.register("texts", texts)
        self._connection.execute(
            "create or replace table payloads as select unnest(json_transform(text, $type)) from texts",
            {"type": _PAYLOAD},
        )
