"""structlog, configured once: one JSON line an event on stdout; coloured lines on a terminal."""

import logging
import sys
from typing import TextIO

import structlog

LEVELS = {
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "verbose": logging.DEBUG,
}
"""IoT Edge's words for `RuntimeLogLevel`."""


def configure(level: str, out: TextIO = sys.stdout) -> None:
    """Send events of `level` and above to `out`."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if out.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Foreign(logging.WARNING)], format="%(message)s")


class _Foreign(logging.Handler):
    """What libraries warn of through the standard library goes the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001  logging's own contract: a call that cannot be formatted is told, not raised
            self.handleError(record)
        else:
            structlog.get_logger().warning("foreign.warned", logger=record.name, message=message)
