"""Every fact the cabin tells, by name, in the past tense. Nothing of a calendar, a number or a place stands in any."""

from typing import Protocol


class Log(Protocol):
    """The part of a structlog logger that is used."""

    def debug(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def info(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def warning(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def error(self, event: str, **fields: object) -> object: ...  # noqa: D102


# --- app ----------------------------------------------------------------------------------------


def cabin_started(log: Log, *, version: str, market: str, address: str, port: int) -> None:
    """The process is wired and serves."""
    log.info("app.cabin_started", version=version, market=market, address=address, port=port)


def cabin_stopped(log: Log, *, waited_s: float) -> None:
    """Everything is closed."""
    log.info("app.cabin_stopped", waited_s=round(waited_s, 3))


# --- tapin --------------------------------------------------------------------------------------

# --- safety -------------------------------------------------------------------------------------


def drive_changed(log: Log, *, before: str, after: str, reason: str) -> None:
    """The vehicle does something else, and other limits hold."""
    log.debug("safety.drive_changed", before=before, after=after, reason=reason)


# --- calendar -----------------------------------------------------------------------------------

# --- calls --------------------------------------------------------------------------------------

# --- trips --------------------------------------------------------------------------------------

# --- consent ------------------------------------------------------------------------------------

# --- twin ---------------------------------------------------------------------------------------

# --- web ----------------------------------------------------------------------------------------
