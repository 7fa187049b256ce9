"""The vehicle's last known state on disk, over power cuts."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from edge_agent import events
from edge_agent.durable import TEMPORARY_SUFFIX, read_back, write_durably
from edge_agent.events import Log
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.vehicle_state import judged_body


class StateFile:
    """One file. Blocking."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._written: JsonObject | None = {}
        """None while it is not known what the disk holds"""
        self._failures = 0
        self._one_at_a_time = Lock()  # a write whose task is cancelled goes on

    def read(self) -> JsonObject:
        """What was kept last, as a body of `VehicleState`; {} where nothing was, or, told, nothing can be read."""
        self._written = None  # what cannot be read, or was cut short, may still hold what must not be there
        try:
            content = read_back(self._path)
            body = {} if content is None else judged_body(json.loads(content))
            if not self._path.with_name(self._path.name + TEMPORARY_SUFFIX).exists():
                self._written = body
        except (OSError, ValueError, RecursionError) as error:
            events.kept_state_unusable(self._log, reason=str(error))
            return {}
        return body

    def write(self, newest: Callable[[], JsonObject]) -> None:
        """Have on disk what is newest when it is this one's turn; from any thread. Raises OSError."""
        with self._one_at_a_time:
            body = newest()
            if body == self._written:
                return
            self._written = None  # a sync that fails comes after the rename
            write_durably(self._path, json.dumps(body).encode())
            self._written = body
            self._failures = 0

    def keep(self, newest: Callable[[], JsonObject]) -> None:
        """As `write`; what goes wrong is told and costs no more than the state of an earlier start."""
        try:
            self.write(newest)
        except OSError as error:
            events.state_not_kept(self._log, reason=str(error), retry_num=self._failures)
            self._failures += 1
