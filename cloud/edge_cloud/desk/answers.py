"""Rows of a table, as somebody reads them in a terminal."""

from datetime import datetime

import pyarrow as pa
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show(rows: pa.Table, console: Console) -> None:
    """A table on a terminal; values between tabs, below their names, where another program reads."""
    if console.is_terminal:
        console.print(_printed(rows))
        return
    lines = [rows.column_names, *([cell(value) for value in row.values()] for row in rows.to_pylist())]
    for line in lines:
        typer.echo("\t".join(text.replace("\t", " ").replace("\n", " ") for text in line))


def _printed(rows: pa.Table) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in rows.schema:
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        table.add_column(column.name, justify="right" if number else "left", overflow="fold")
    for row in rows.to_pylist():
        table.add_row(*(Text(cell(value)) for value in row.values()))
    return table


def cell(value: object) -> str:
    """One value as a text: times to the second, fractions to three places, nothing where nothing is known."""
    match value:
        case None:
            return ""
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case float():
            return f"{value:,.3f}".rstrip("0").rstrip(".")
        case bytes():
            return f"{len(value)} bytes"
        case _:
            return str(value)
