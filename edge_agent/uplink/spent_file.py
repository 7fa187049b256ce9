"""What was spent of the budget, over power cuts."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from threading import Lock

from edge_agent import events
from edge_agent.durable import read_back, write_durably
from edge_agent.events import Log
from edge_agent.uplink.budget import Spent


class SpentFile:
    """One file. Blocking; what goes wrong is told, and all else goes on."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._written: Spent | None = None
        self._one_at_a_time = Lock()  # a write whose task is cancelled goes on

    def read(self) -> Spent:
        """What was written last; nothing spent where nothing was, or nothing can be read."""
        try:
            content = read_back(self._path)
            return Spent() if content is None else _judged(json.loads(content))
        except (OSError, ValueError, RecursionError) as error:
            events.spent_unusable(self._log, reason=str(error))
            return Spent()

    def write(self, newest: Callable[[], Spent]) -> None:
        """Keep what is newest when it is this one's turn, if it is news; from any thread."""
        with self._one_at_a_time:
            spent = newest()
            if spent == self._written:
                return
            try:
                write_durably(self._path, json.dumps(asdict(spent)).encode())
            except OSError as error:
                events.spent_not_kept(self._log, reason=str(error))
            else:
                self._written = spent


def _judged(content: object) -> Spent:
    names = {field.name for field in fields(Spent)}
    if not isinstance(content, dict) or content.keys() != names:
        raise ValueError(f"not an object with the members {', '.join(sorted(names))}")
    if wrong := [name for name, value in content.items() if type(value) is not int or value < 0]:
        raise ValueError(f"{wrong[0]} is no count")
    return Spent(**content)
