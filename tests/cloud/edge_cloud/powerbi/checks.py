"""What must hold between the model, the gold tables and the report, beyond what schemas and TOM know."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from edge_cloud import tables
from tests.cloud.edge_cloud.powerbi import pbir, tmdl
from tests.cloud.edge_cloud.powerbi.pbir import Document, Finding
from tests.cloud.edge_cloud.powerbi.tmdl import Model, Thing

GOLD = {**tables.GOLD, **tables.DIMENSIONS, "live": tables.LAST_KNOWN}
"""What each table of the model is read from, by its name; `dates` is calculated."""
_TYPES = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64()}
_COLUMN = re.compile(r"\b(\w+)\[(\w+)\]")
_MEASURE = re.compile(r"(?<!\w)\[([^\]]+)\]")

ROLES = {
    "actionButton": set(),
    "barChart": {"Category", "Y", "Series"},
    "card": {"Values"},
    "columnChart": {"Category", "Y", "Series"},
    "lineStackedColumnComboChart": {"Category", "Y", "Y2", "Series"},
    "slicer": {"Values"},
    "tableEx": {"Values"},
    "textbox": set(),
}
"""The wells of each kind of visual that the report uses."""


def findings(project: Path) -> list[Finding]:
    """Everything that is wrong with a project, in order of place."""
    model = tmdl.read(project / "Fleet.SemanticModel" / "definition")
    found = [*of_relationships(model), *of_sources(model), *of_dax(model)]
    for document in pbir.documents(project):
        if isinstance(document, Finding):
            found.append(document)
        else:
            found += [*pbir.judge(document), *of_fields(document, model), *of_visual(document)]
    return sorted(found)


def of_relationships(model: Model) -> Iterator[Finding]:
    """Both ends are columns, and of one type."""
    types = {(one.table, one.name): one.properties["dataType"] for one in model.of("column")}
    for one in model.of("relationship"):
        ends = {name: one.end(name) for name in ("fromColumn", "toColumn")}
        for name, end in ends.items():
            if end not in types:
                yield Finding(one.file, one.lines[name], f"relationship {one.name} ends at no column: {'.'.join(end)}")
        if len({types.get(end) for end in ends.values()}) != 1:
            yield Finding(one.file, one.line, f"relationship {one.name} joins columns of two types")


def of_sources(model: Model) -> Iterator[Finding]:
    """The columns of each table are those of its gold table: all of them, of its types, and chosen by its partition."""
    for table in model.of("table"):
        if table.name not in GOLD:
            continue
        schema = GOLD[table.name]
        columns = model.of("column", table.name)
        for one in columns:
            yield from _source(one, schema)
        missing = sorted(set(schema.names) - {one.properties["sourceColumn"] for one in columns})
        if missing:
            yield Finding(table.file, table.line, f"table {table.name} leaves out {', '.join(missing)}")
        for partition in model.of("partition", table.name):
            yield from _partition(partition, schema)


def _source(column: Thing, schema: pa.Schema) -> Iterator[Finding]:
    name, kind = column.properties["sourceColumn"], column.properties["dataType"]
    if name not in schema.names:
        yield Finding(
            column.file, column.lines["sourceColumn"], f"sourceColumn {name} is not in the gold table {column.table}"
        )
        return
    found = schema.field(name).type
    fits = found == _TYPES[kind] if kind in _TYPES else pa.types.is_timestamp(found) or pa.types.is_date(found)
    if not fits:
        yield Finding(
            column.file, column.lines["dataType"], f"dataType {kind} of {column.table}.{name}, which is {found}"
        )


def _partition(partition: Thing, schema: pa.Schema) -> Iterator[Finding]:
    """An entity has all columns; a query names them, and its times, which lose their zone."""
    if partition.text.startswith("entity"):
        return
    chosen = re.search(r"SelectColumns\(Source, \{(.*?)\}\)", partition.text)
    if chosen is None or re.findall(r'"(\w+)"', chosen[1]) != schema.names:
        yield Finding(
            partition.file, partition.line, f"partition {partition.name} does not choose {', '.join(schema.names)}"
        )
    times = [one.name for one in schema if pa.types.is_timestamp(one.type)]
    if "DeltaLake" in partition.text and re.findall(r'\{"(\w+)", AsUtc,', partition.text) != times:
        yield Finding(
            partition.file, partition.line, f"partition {partition.name} does not take the zone of {', '.join(times)}"
        )


def of_dax(model: Model) -> Iterator[Finding]:
    """What measures and roles name is there, and no measure has the name of a column beside it, which DAX forbids."""
    columns, measures = model.columns(), model.measures()
    for one in [*model.of("measure"), *model.of("tablePermission")]:
        for table, column in _COLUMN.findall(one.text):
            if (table, column) not in columns:
                yield Finding(one.file, one.line, f"{one.kind} {one.name} names no column: {table}[{column}]")
        for name in _MEASURE.findall(_COLUMN.sub("", one.text)):
            if name not in measures:
                yield Finding(one.file, one.line, f"{one.kind} {one.name} names no measure: [{name}]")
    for one in measures.values():
        if one.name.casefold() in {name.casefold() for table, name in columns if table == one.table}:
            yield Finding(one.file, one.line, f"measure {one.name} has the name of a column of {one.table}")
    twice = [one for one in model.of("measure") if one is not measures[one.name]]
    yield from (Finding(one.file, one.line, f"measure {one.name} is there twice") for one in twice)


def fields(value: object, path: pbir.Steps = ()) -> Iterator[tuple[str, str, str, pbir.Steps]]:
    """(Column or Measure, table, name, place of the name) of all that a document of the report names."""
    if isinstance(value, dict):
        for kind in ("Column", "Measure"):
            if isinstance(value.get(kind), dict):
                entity = value[kind]["Expression"]["SourceRef"]["Entity"]
                yield kind, entity, value[kind]["Property"], (*path, kind, "Property")
        for key, inner in value.items():
            yield from fields(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from fields(inner, (*path, at))


def of_fields(document: Document, model: Model) -> Iterator[Finding]:
    """Every field of the report is in the model, as what the report takes it for."""
    measures = {(one.table, one.name) for one in model.of("measure")}
    for kind, table, name, place in fields(document.value):
        if (table, name) not in (model.columns() if kind == "Column" else measures):
            yield Finding(document.file, document.lines[place], f"the model has no {kind.lower()} {table}[{name}]")


def of_visual(document: Document) -> Iterator[Finding]:
    """A visual is of a kind we know, with its wells; it lies on its page, and says in words what it shows."""
    if not document.file.endswith("visual.json"):
        return
    visual = document.value["visual"]  # type: ignore[index]  # the schema has been asked before
    kind = visual["visualType"]
    wells = set(visual.get("query", {}).get("queryState", {}))
    if kind not in ROLES or not wells <= ROLES[kind]:
        yield Finding(
            document.file, document.lines["visual", "visualType"], f"no {kind} has {', '.join(sorted(wells))}"
        )
    place = document.value["position"]  # type: ignore[index]  # likewise
    if place["x"] + place["width"] > 1280 or place["y"] + place["height"] > 720:
        yield Finding(document.file, document.lines["position",], "it lies outside its page")
    box = visual.get("visualContainerObjects", {})
    if not literal(box, "general", "altText"):
        yield Finding(document.file, document.lines["visual",], "it has no alternative text")
    if kind not in {"textbox", "actionButton"} and not literal(box, "title", "text"):
        yield Finding(document.file, document.lines["visual",], "it has no title")


def literal(
    box: dict[str, list[dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]]]], group: str, name: str
) -> str:
    """A text among a visual's properties; empty where it is not there."""
    for one in box.get(group, []):
        if name in one["properties"]:
            return one["properties"][name]["expr"]["Literal"]["Value"].strip("'")
    return ""
