"""structlog, one line an event on stdout as IoT Edge's log commands read them; coloured lines on a terminal.

<6> 2026-11-22 06:41:11.000 +00:00 [INF] {"event": "app.cabin_started", ...}
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from cabin.events import Log

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


def log_of(level: str, out: TextIO = sys.stdout) -> Log:
    """A log that writes events of `level` and above to `out`; what libraries warn of goes there too."""
    render: Processor = structlog.dev.ConsoleRenderer() if out.isatty() else _Line()
    log: Log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
            render,
        ],
        structlog.make_filtering_bound_logger(LEVELS[level]),
    ).bind()
    logging.basicConfig(handlers=[_Foreign(log)], format="%(message)s", force=True)
    return log


class _Line:
    """Renders an event that has its `level` and its `timestamp`."""

    def __init__(self) -> None:
        self._json = structlog.processors.JSONRenderer(default=repr)

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        stamp = str(event["timestamp"])
        prefix = _SEVERITIES[event["level"]].format(f"{stamp[:10]} {stamp[11:23]} +00:00")
        return f"{prefix} {self._json(logger, name, event)!s}"


class _Foreign(logging.Handler):
    """What libraries warn of through the standard library goes the same way."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001  logging's own contract: a call that cannot be formatted is told, not raised
            self.handleError(record)
        else:
            self._log.warning("foreign.warned", logger=record.name, message=message)
