"""The model's tables in DuckDB, filtered along the model's relationships as a report's filters are."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.cloud.edge_cloud.powerbi.checks import GOLD
from tests.cloud.edge_cloud.powerbi.tmdl import Model

TWINS = Path(__file__).parent / "twins.sql"
CALENDAR = (date(2025, 1, 1), date(2026, 12, 31))

Row = Mapping[str, object]


def twins() -> dict[str, str]:
    """The SQL of each measure, by its name."""
    parts = TWINS.read_text(encoding="utf-8").split("-- measure: ")[1:]
    return {name.strip(): sql.strip() for name, _, sql in (part.partition("\n") for part in parts)}


class Star:
    """Tables of rows, which `chosen` filters; a column that a row leaves out is empty."""

    def __init__(self, model: Model, rows: Mapping[str, Iterable[Row]]) -> None:
        made = {name: pa.Table.from_pylist(list(rows.get(name, ())), schema=schema) for name, schema in GOLD.items()}
        self._tables = made | {"dates": _dates(*CALENDAR)}
        self._filters = [(one.end("fromColumn"), one.end("toColumn")) for one in model.of("relationship")]

    @classmethod
    def of_tables(cls, model: Model, tables: Mapping[str, pa.Table]) -> "Star":
        """The same of tables that are there already."""
        star = cls(model, {})
        star._tables |= tables
        return star

    def ask(self, sql: str, *, days: Sequence[date] = (), device: str = "", trip: int = 0) -> object:
        """What a twin says where these days (first and last), this vehicle and this trip are chosen; none means all."""
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            for name, table in self._tables.items():
                connection.register(f"all_{name}", table)
            connection.execute("create view calendar as select * from all_dates")
            self._view(connection, "vehicles", [f"device = '{device}'"] if device else [])
            self._view(connection, "dates", [f"date between '{days[0]}' and '{days[1]}'"] if days else [])
            for name in sorted(set(self._tables) - {"vehicles", "dates"}):
                chosen = self._chosen(name, by_days=bool(days), by_vehicle=bool(device))
                self._view(connection, name, chosen + ([f"trip = {trip}"] if trip and name == "trips" else []))
            connection.execute("create schema any_day")
            self._view(connection, "any_day.daily", self._chosen("daily", by_days=False, by_vehicle=bool(device)))
            (answer,) = connection.execute(sql).fetchone()
            return answer

    def _chosen(self, name: str, *, by_days: bool, by_vehicle: bool) -> list[str]:
        """Rows with a blank partner stay where nothing is chosen, as Power BI keeps them."""
        asked = {"dates": by_days, "vehicles": by_vehicle}
        return [
            f"{column} in (select {key} from {dimension})"  # noqa: S608  our own names
            for (fact, column), (dimension, key) in self._filters
            if fact == name and asked[dimension]
        ]

    @staticmethod
    def _view(connection: duckdb.DuckDBPyConnection, name: str, conditions: list[str]) -> None:
        where = " and ".join(conditions) or "true"
        source = f"all_{name.rpartition('.')[2]}"
        connection.execute(f"create view {name} as select * from {source} where {where}")  # noqa: S608  our own names


def _dates(first: date, last: date) -> pa.Table:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return pa.table({"date": days, "month": [day.replace(day=1) for day in days]})


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(f"{text}+00:00")
