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


def broker_connected(log: Log, *, host: str, port: int) -> None:
    """The agent's messages come."""
    log.info("tapin.broker_connected", host=host, port=port)


def broker_lost(log: Log, *, reason: str) -> None:
    """They do not come; the page says so, and is locked."""
    log.warning("tapin.broker_lost", reason=reason)


def message_rejected(log: Log, *, place: str, reason: str) -> None:
    """A message of the broker is not what it must be, and was not used."""
    log.warning("tapin.message_rejected", place=place, reason=reason)


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


def page_joined(log: Log, *, pages: int) -> None:
    """A page listens; how many do now."""
    log.debug("web.page_joined", pages=pages)


def page_left(log: Log, *, pages: int) -> None:
    """A page has gone, or was let go because it did not read."""
    log.debug("web.page_left", pages=pages)


def launch_token_redeemed(log: Log) -> None:
    """A browser came with the token of the file and may ask from now on; the file has the next one."""
    log.info("web.launch_token_redeemed")


def request_refused(log: Log, *, status: int, reason: str) -> None:
    """Somebody else than the page asked, or the page asked wrongly; nothing was done."""
    log.debug("web.request_refused", status=status, reason=reason)


def request_failed(log: Log, *, error: str, at: str) -> None:
    """A mistake of ours, by the kind of error and the line; not by its text, which may be of a calendar."""
    log.error("web.request_failed", error=error, at=at)
