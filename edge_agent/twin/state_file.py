"""The vehicle's last known state on disk, over power cuts."""

import json
from pathlib import Path
from threading import Lock

from edge_agent import events
from edge_agent.durable import read_back, write_durably
from edge_agent.events import Log
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.vehicle_state import judged_body


class StateFile:
    """One file. Blocking; what goes wrong is told and costs no more than the state of an earlier start."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._written: JsonObject = {}
        self._one_at_a_time = Lock()  # a write whose task is cancelled goes on

    def read(self) -> JsonObject:
        """What was kept last, as a body of `VehicleState`; {} where nothing was, or nothing can be read."""
        try:
            content = read_back(self._path)
            self._written = {} if content is None else judged_body(json.loads(content))
        except (OSError, ValueError, RecursionError) as error:
            events.kept_state_unusable(self._log, reason=str(error))
        return self._written

    def write(self, body: JsonObject) -> None:
        """Keep it, if it is news; from any thread."""
        with self._one_at_a_time:
            if body == self._written:
                return
            try:
                write_durably(self._path, json.dumps(body).encode())
            except OSError as error:
                events.state_not_kept(self._log, reason=str(error))
            else:
                self._written = body
