"""The texts of sql/ are in what DuckDB and Spark share. Spark runs them in tests/cloud/edge_cloud/spark."""

from importlib.resources import files

import pytest
import sqlglot

from edge_cloud import gold, tables

QUERIES = {name: gold.query(name) for name in (*gold.NAMES, "losses")} | {"decode": gold.decode_query()}
SOURCES = {*tables.DECODED, "roles", "payloads"}


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_a_query_parses_in_both_dialects(name: str, dialect: str) -> None:
    sqlglot.parse_one(QUERIES[name], dialect=dialect, error_level=sqlglot.ErrorLevel.RAISE)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_silver_tables_and_roles_alone(name: str) -> None:
    tree = sqlglot.parse_one(QUERIES[name], dialect="spark")
    made = {cte.alias for cte in tree.find_all(sqlglot.exp.CTE)}
    assert {table.name for table in tree.find_all(sqlglot.exp.Table)} - made <= SOURCES


def test_every_gold_table_but_the_costs_has_its_file() -> None:
    names = {path.name for path in files("edge_cloud").joinpath("sql").iterdir()}
    assert names - {"__pycache__"} == {f"{name}.sql" for name in ({*tables.GOLD} - {"costs"}) | {"losses", "decode"}}
    assert {*gold.NAMES} == {*tables.GOLD} - {"costs"}
