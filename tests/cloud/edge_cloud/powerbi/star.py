"""The model's tables in DuckDB, filtered along the model's relationships as a report's filters are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.cloud.edge_cloud.powerbi.checks import GOLD
from tests.cloud.edge_cloud.powerbi.tmdl import Model

TWINS = Path(__file__).parent / "twins.sql"
CALENDAR = (date(2025, 1, 1), date(2026, 12, 31))

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a report's reader has chosen; what is left out means all."""

    days: tuple[date, date] | None = None
    """first and last"""
    device: str = ""
    trip: int = 0


ALL = Choice()


def twins() -> dict[str, str]:
    """The SQL of each measure, by its name."""
    parts = TWINS.read_text(encoding="utf-8").split("-- measure: ")[1:]
    return {name.strip(): sql.strip() for name, _, sql in (part.partition("\n") for part in parts)}


class Star:
    """Tables of rows, which are chosen from; a column that a row leaves out is empty."""

    def __init__(self, model: Model, rows: Mapping[str, Iterable[Row]]) -> None:
        self._filters = [(one.end("fromColumn"), one.end("toColumn")) for one in model.of("relationship")]
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("set timezone = 'UTC'")
        self._chosen: dict[Choice, str] = {}
        made = {name: pa.Table.from_pylist(list(rows.get(name, ())), schema=schema) for name, schema in GOLD.items()}
        self._names = (*made, "dates")
        self.take(made | {"dates": _dates(*CALENDAR)})

    def take(self, tables: Mapping[str, pa.Table]) -> None:
        """Have these tables in place of those of their names."""
        for name, table in tables.items():
            self._connection.register("taken", table)
            self._connection.execute(f"create or replace table all_{name} as from taken")

    def ask(self, sql: str, choice: Choice = ALL) -> object:
        """What a twin says where this is chosen."""
        if choice not in self._chosen:
            self._chosen[choice] = self._choose(choice, f"choice_{len(self._chosen)}")
        self._connection.execute(f"set search_path = '{self._chosen[choice]}'")
        (answer,) = self._connection.execute(sql).fetchone()
        return answer

    def _choose(self, choice: Choice, schema: str) -> str:
        """Views of all tables, in a schema of their own; its name."""
        self._connection.execute(f"create schema {schema}")
        views = {name: self._conditions(name, choice) for name in self._names}
        views["vehicles"] = [f"device = '{choice.device}'"] if choice.device else []
        views["dates"] = [f"date between '{choice.days[0]}' and '{choice.days[1]}'"] if choice.days else []
        views["trips"] += [f"trip = {choice.trip}"] if choice.trip else []
        for name, conditions in views.items():
            self._view(f"{schema}.{name}", name, conditions)
        self._view(f"{schema}.calendar", "dates", [])
        self._view(f"{schema}.daily_of_any_day", "daily", self._conditions("daily", Choice(device=choice.device)))
        return schema

    def _conditions(self, name: str, choice: Choice) -> list[str]:
        """Rows without a partner stay where nothing is chosen, as Power BI keeps them."""
        found = []
        for (fact, column), (dimension, key) in self._filters:
            if fact == name and dimension == "vehicles" and choice.device:
                found.append(f"{column} = '{choice.device}'")
            if fact == name and dimension == "dates" and choice.days:
                days = f"date between '{choice.days[0]}' and '{choice.days[1]}'"
                found.append(f"{column} in (select {key} from main.all_dates where {days})")  # noqa: S608  our own names
        return found

    def _view(self, name: str, of: str, conditions: list[str]) -> None:
        where = " and ".join(conditions) or "true"
        self._connection.execute(f"create view {name} as select * from main.all_{of} where {where}")  # noqa: S608  likewise


def _dates(first: date, last: date) -> pa.Table:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return pa.table({"date": days, "month": [day.replace(day=1) for day in days]})


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(f"{text}+00:00")
