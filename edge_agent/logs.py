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
    # Foreign libraries speak through the standard library; their warnings go the same way, as plain text.
    logging.basicConfig(stream=out, level=logging.WARNING, format='{"event": "foreign.warned", "logger": "%(name)s"}')
