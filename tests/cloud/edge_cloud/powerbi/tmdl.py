"""A model's TMDL as objects with file and line.

As much of the format as this project uses: the rest is judged by Microsoft's parser, see tom.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_NAME = r"(?:'((?:[^']|'')+)'|([^\s=.]+))"
_OBJECT = re.compile(
    rf"(table|column|measure|partition|relationship|role|tablePermission|expression) {_NAME}(?: = ?(.*))?$"
)
_PROPERTY = re.compile(r"(\w+)(?::\s*(.*))?$")
_END = re.compile(rf"{_NAME}\.{_NAME}$")


@dataclass(slots=True)
class Thing:
    """One object: `text` is what stands behind its `=`, with the lines below that are indented twice as deep."""

    kind: str
    name: str
    table: str
    file: str
    line: int
    described: bool
    text: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """line of each property"""

    def end(self, name: str) -> tuple[str, str]:
        """Table and column of a relationship's `fromColumn` or `toColumn`."""
        found = _END.match(self.properties[name])
        assert found, f"{self.file}:{self.lines[name]}: {self.properties[name]}"
        return found[1] or found[2], found[3] or found[4]


@dataclass(frozen=True, slots=True)
class Model:
    """All objects of a folder of TMDL."""

    things: tuple[Thing, ...]

    def of(self, kind: str, table: str | None = None) -> list[Thing]:
        return [one for one in self.things if one.kind == kind and table in (None, one.table)]

    def columns(self) -> set[tuple[str, str]]:
        """(table, column) of all columns."""
        return {(one.table, one.name) for one in self.of("column")}

    def measures(self) -> dict[str, Thing]:
        """Measures by name: unique in a model."""
        return {one.name: one for one in self.of("measure")}


def read(definition: Path) -> Model:
    """The model of a folder `definition`; files are named from the folder above the model's."""
    files = sorted(definition.rglob("*.tmdl"))
    return Model(tuple(thing for path in files for thing in _things(path, path.relative_to(definition.parents[1]))))


def _things(path: Path, name: Path) -> Iterator[Thing]:
    """A line one tab deeper than its object is a property or a child, a deeper one is a part of its text."""
    thing: Thing | None = None
    depth, table, described = 0, "", False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.strip()
        deep = len(line) - len(line.lstrip("\t"))
        found = _OBJECT.match(words) if deep <= depth + 1 else None
        if found and (
            thing is None or deep <= depth or found[1] in {"column", "measure", "partition", "tablePermission"}
        ):
            if thing:
                yield thing
            kind, title = found[1], (found[2] or found[3]).replace("''", "'")
            table = title if kind == "table" else table
            thing, depth = Thing(kind, title, table, name.as_posix(), number, described, found[4] or ""), deep
        elif thing and words and not words.startswith("///"):
            _take(thing, words, deep - depth, number)
        described = words.startswith("///")
    if thing:
        yield thing


def _take(thing: Thing, words: str, deeper: int, number: int) -> None:
    found = _PROPERTY.match(words) if deeper == 1 else None
    if found:
        thing.properties[found[1]] = found[2] or ""
        thing.lines[found[1]] = number
    else:
        thing.text += f"\n{words}"
