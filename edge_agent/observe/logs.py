"""structlog, one line an event on stdout, as IoT Edge reads them; coloured lines on a terminal.

    <6> 2026-11-22 06:41:11.000 +00:00 [INF] {"event": "app.agent_started", ...}

Severity as syslog's (RFC 5424), time in UTC, then a JSON object with all there is to know, on the same line whatever
it holds. `GetModuleLogs`, `UploadModuleLogs` and `iotedge support-bundle` filter by the first two
(Azure/iotedge, LogMessageParser.cs); what is behind the first brace is for programs.
"""

import logging
import sys
from typing import TextIO

from edge_agent.events import Log
from edge_agent.spared import spared

# structlog imports rich where it finds it, for tracebacks in colour: 0.06 s and 5 MB of a start that shows none.
with spared("rich"):
    import structlog
    from structlog.typing import EventDict, Processor, WrappedLogger

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


class Lines:
    """An `events.Log` that writes; from any thread."""

    def __init__(self, level: str, out: TextIO, render: Processor) -> None:
        self._printer = structlog.PrintLogger(out)
        self._processors = (
            structlog.processors.add_log_level,
            # Always six digits: isoformat leaves them out at a whole second.
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
            render,
        )
        self.set_level(level)

    def set_level(self, level: str) -> None:
        """From now on events of `level` and above are heard."""
        filtering = structlog.make_filtering_bound_logger(LEVELS[level])
        self._log: Log = structlog.wrap_logger(self._printer, self._processors, filtering).bind()

    def debug(self, event: str, **fields: object) -> None:
        """As `events.Log`."""
        self._log.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """As `events.Log`."""
        self._log.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """As `events.Log`."""
        self._log.warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """As `events.Log`."""
        self._log.error(event, **fields)


def configure(level: str, out: TextIO | None = None) -> Lines:
    """A log that writes events of `level` and above to `out`, stdout without; what libraries warn of goes there too."""
    out = sys.stdout if out is None else out
    log = Lines(level, out, structlog.dev.ConsoleRenderer() if out.isatty() else _Line())
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Foreign):
            handler.log = log
    logging.basicConfig(handlers=[_Foreign(log)], format="%(message)s")
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
