"""structlog, configured once: one line an event on stdout, as IoT Edge reads them; coloured lines on a terminal.

    <6> 2026-11-22 06:41:11.000 +00:00 [INF] {"event": "app.agent_started", ...}

Severity as syslog's (RFC 5424), time in UTC, then a JSON object with all there is to know, on the same line whatever
it holds. `GetModuleLogs`, `UploadModuleLogs` and `iotedge support-bundle` filter by the first two
(Azure/iotedge, LogMessageParser.cs); what is behind the first brace is for programs.
"""

import logging
import sys
from typing import TextIO

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
    "critical": "<2> {} [FTL]",
    "error": "<3> {} [ERR]",
    "warning": "<4> {} [WRN]",
    "info": "<6> {} [INF]",
    "debug": "<7> {} [DBG]",
}


def configure(level: str, out: TextIO = sys.stdout) -> None:
    """Send events of `level` and above to `out`."""
    render: tuple[Processor, ...] = (structlog.processors.format_exc_info, _Line())
    if out.isatty():
        render = (structlog.dev.ConsoleRenderer(),)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            # Always six digits: isoformat leaves them out at a whole second.
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
            *render,
        ],
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    set_level(level)
    logging.basicConfig(handlers=[_Foreign(logging.WARNING)], format="%(message)s")


def set_level(level: str) -> None:
    """From now on events of `level` and above are heard, of loggers that there are too."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]))


class _Line:
    """Renders an event that has its `level` and its `timestamp`."""

    def __init__(self) -> None:
        self._json = structlog.processors.JSONRenderer()

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        stamp = str(event["timestamp"])
        prefix = _SEVERITIES[event["level"]].format(f"{stamp[:10]} {stamp[11:23]} +00:00")
        return f"{prefix} {self._json(logger, name, event)!s}"


class _Foreign(logging.Handler):
    """What libraries warn of through the standard library goes the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001  logging's own contract: a call that cannot be formatted is told, not raised
            self.handleError(record)
        else:
            structlog.get_logger().warning("foreign.warned", logger=record.name, message=message)
