"""What a 12 V guard or a power manager reads before it cuts the power: `power.json` in the data folder."""

import asyncio
import json
from pathlib import Path

from edge_agent import events
from edge_agent.durable import write_durably
from edge_agent.events import Log
from edge_agent.power.quiet import PowerState


class PowerFile:
    """One file, replaced whole: who reads it finds the old or the new word."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log

    async def write(self, state: PowerState, since_ms: int) -> None:
        """`{"state": ..., "since_ms": ...}`, over power cuts; `since_ms` is wall time. A disk that fails is told."""
        content = json.dumps({"state": state.value, "since_ms": since_ms}).encode()
        try:
            await asyncio.to_thread(write_durably, self._path, content)
        except OSError as error:
            events.power_not_kept(self._log, reason=str(error))
