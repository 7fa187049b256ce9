"""One line an event on stdout, as IoT Edge reads them; coloured lines on a terminal.

    <6> 2026-11-22 06:41:11.000 +00:00 [INF] {"event": "app.agent_started", ...}

Severity as syslog's (RFC 5424), time in UTC, then a JSON object with all there is to know, on the same line whatever
it holds. `GetModuleLogs`, `UploadModuleLogs` and `iotedge support-bundle` filter by the first two
(Azure/iotedge, LogMessageParser.cs); what is behind the first brace is for programs.

Structlog, and rich which it imports, are for a terminal alone: they are 7 MB and 0.1 s that no vehicle needs.
"""

import json
import logging
import sys
from collections.abc import Callable
from threading import Lock
from typing import TextIO

import numpy as np

from edge_agent.clock import SystemClock

LEVELS = {
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "verbose": logging.DEBUG,
}
"""IoT Edge's words for `RuntimeLogLevel`."""

_SEVERITIES = {
    "error": "<3> {} [ERR]",
    "warning": "<4> {} [WRN]",
    "info": "<6> {} [INF]",
    "debug": "<7> {} [DBG]",
}

Told = dict[str, object]
"""an event with its `event`, its `level` and its `timestamp`"""


class Lines:
    """An `events.Log` that writes; from any thread."""

    def __init__(self, level: str, out: TextIO, render: Callable[[Told], str]) -> None:
        self._out = out
        self._render = render
        self._clock = SystemClock()
        self._one_at_a_time = Lock()
        self.set_level(level)

    def set_level(self, level: str) -> None:
        """From now on events of `level` and above are heard."""
        self._least = LEVELS[level]

    def debug(self, event: str, **fields: object) -> None:
        """As `events.Log`."""
        self._tell("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """As `events.Log`."""
        self._tell("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """As `events.Log`."""
        self._tell("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """As `events.Log`."""
        self._tell("error", event, fields)

    def _tell(self, level: str, event: str, fields: Told) -> None:
        if LEVELS[level] < self._least:
            return
        # Always six digits, which datetime leaves out at a whole second.
        timestamp = f"{np.datetime64(self._clock.now_ns() // 1000, 'us')}Z"
        line = self._render({"event": event, **fields, "level": level, "timestamp": timestamp})
        with self._one_at_a_time:
            self._out.write(f"{line}\n")
            self._out.flush()


def configure(level: str, out: TextIO | None = None) -> Lines:
    """A log that writes events of `level` and above to `out`, stdout without; what libraries warn of goes there too."""
    out = sys.stdout if out is None else out
    log = Lines(level, out, _coloured() if out.isatty() else _line)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Foreign):
            handler.log = log
    logging.basicConfig(handlers=[_Foreign(log)], format="%(message)s")
    return log


def _line(told: Told) -> str:
    stamp = str(told["timestamp"])
    prefix = _SEVERITIES[str(told["level"])].format(f"{stamp[:10]} {stamp[11:23]} +00:00")
    return f"{prefix} {json.dumps(told, default=repr)}"


def _coloured() -> Callable[[Told], str]:
    from structlog.dev import ConsoleRenderer  # noqa: PLC0415  see above

    renderer = ConsoleRenderer()
    return lambda told: renderer(None, "", told)


class _Foreign(logging.Handler):
    """What libraries warn of through the standard library goes the same way."""

    def __init__(self, log: Lines) -> None:
        super().__init__(logging.WARNING)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001  logging's own contract: a call that cannot be formatted is told, not raised
            self.handleError(record)
        else:
            self.log.warning("foreign.warned", logger=record.name, message=message)
