"""JSON lines on standard output."""

import logging

import structlog

from calendar_bridge.events import Log


def json_lines() -> Log:
    """The process's log. Other libraries' own logs are not told: they have addresses with tokens in them."""
    logging.disable(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ]
    )
    log: Log = structlog.get_logger()
    return log
