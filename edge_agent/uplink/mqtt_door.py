"""What all doors to MQTT have alike: reason codes, what caused an error, and clients that are to be silent."""

import logging
from collections.abc import Iterator

FAILED = 0x80
"""Reason codes from here on are refusals (OASIS MQTT 5.0, section 2.4)."""
NOT_ADMITTED = frozenset({0x85, 0x86, 0x87, 0x8A, 0x8C})
"""Client identifier not valid, bad user name or password, not authorized, banned, bad authentication method (OASIS MQTT
5.0, section 3.2.2.2); 0x87 is also the answer to a topic that an access list forbids."""


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """The error, then what it was raised from or while handling, to the innermost."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def reason_of(error: BaseException) -> str:
    """Its text, or where it has none what kind it is."""
    return str(error) or type(error).__name__


def silenced(name: str) -> logging.Logger:
    """For a client or of one: what it warns of reaches us as an exception and is told once, in our words."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.CRITICAL)
    return logger
