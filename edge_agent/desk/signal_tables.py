"""Samples as CSV, a file a signal."""

import csv
import re
from collections import defaultdict
from pathlib import Path

from edge_agent.spool.columns import ROWS
from edge_agent.spool.header import JsonValue
from edge_agent.spool.reading import Payload

HEAD = ("t_ns", "value", "unit", "raw", "aggregate", "rule", "boot", "seq", "clock")
"""`raw` is empty where a payload has none (`rows/1`); `clock` says what the times are worth"""

ROWS_AT_ONCE = 100_000
"""held in memory: a vehicle may have more signals than a process may have open files"""
LONGEST_NAME = 120


class SignalTables:
    """Adds to a folder's files, a signal's rows in the order in which they come; after the last comes `flush`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: defaultdict[str, list[tuple[JsonValue, ...]]] = defaultdict(list)
        self._held = 0
        self._paths: dict[str, Path] = {}
        self._taken: set[str] = set()

    def add(self, payload: Payload) -> None:
        """All samples of a payload. Raises OSError."""
        clock = payload.header.get("clock")
        for sample in payload.samples:
            raw = "" if payload.schema == ROWS else sample.number
            row = (sample.t_ns, sample.value, sample.unit, raw, sample.aggregate, payload.rule, payload.boot)
            self._rows[sample.name].append((*row, payload.seq, clock))
        self._held += len(payload.samples)
        if self._held >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what is held. Raises OSError."""
        for signal, rows in self._rows.items():
            is_new = signal not in self._paths
            with self._path(signal).open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([HEAD, *rows] if is_new else rows)
        self._rows.clear()
        self._held = 0

    def _path(self, signal: str) -> Path:
        """A file of its own for each signal, where capitals are not told apart too."""
        if signal not in self._paths:
            name, again = file_name(signal), 2
            while name.casefold() in self._taken:
                name, again = f"{file_name(signal)}~{again}", again + 1
            self._taken.add(name.casefold())
            self._paths[signal] = self._folder / f"{name}.csv"
        return self._paths[signal]


def file_name(text: str) -> str:
    """What a file may be called everywhere: letters, digits and `._+-`, not hidden, not too long."""
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", text)[:LONGEST_NAME]
    return f"_{name}" if not name or name.startswith((".", "-")) else name
