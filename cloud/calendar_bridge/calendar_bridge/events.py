"""Every fact the bridge tells, by name, in the past tense. Nothing of a calendar, a person or a token stands in any.

`seat` is a hash of vehicle and profile, so that an operator can follow one of them without knowing whose it is.
"""

from typing import Protocol


class Log(Protocol):
    """The part of a structlog logger that is used."""

    def debug(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def info(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def warning(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def error(self, event: str, **fields: object) -> object: ...  # noqa: D102


def bridge_started(log: Log, *, version: str, port: int, grants: int) -> None:
    """The process listens and follows what was granted."""
    log.info("app.bridge_started", version=version, port=port, grants=grants)


def bridge_stopped(log: Log) -> None:
    """Everything is closed."""
    log.info("app.bridge_stopped")


def calendar_linked(log: Log, *, seat: str) -> None:
    """A driver has consented, and a car is served."""
    log.info("link.calendar_linked", seat=seat)


def link_rejected(log: Log, *, reason: str) -> None:
    """Somebody wanted to link a calendar and could not; the reason is a sentence of ours."""
    log.warning("link.link_rejected", reason=reason)


def consent_lost(log: Log, *, seat: str, code: str) -> None:
    """The driver or an administrator took it back; the car's items go, and the token."""
    log.warning("link.consent_lost", seat=seat, code=code)


def seat_replaced(log: Log, *, seat: str) -> None:
    """Another calendar was linked to it; the one before is forgotten."""
    log.info("link.seat_replaced", seat=seat)


def calendar_seeded(log: Log, *, seat: str, count: int, reason: str) -> None:
    """What is in the window was read anew: at the start, at midnight, or because Graph lost the state."""
    log.info("sync.calendar_seeded", seat=seat, count=count, reason=reason)


def patch_sent(log: Log, *, seat: str, added: int, removed: int, held: int, left_out: int) -> None:
    """The twin has what it should; `left_out` are the furthest, which do not fit."""
    log.info("sync.patch_sent", seat=seat, added=added, removed=removed, held=held, left_out=left_out)


def items_left_out(log: Log, *, seat: str, count: int) -> None:
    """The furthest items do not fit the twin; told as their count changes."""
    log.warning("sync.items_left_out", seat=seat, count=count)


def events_rejected(log: Log, *, seat: str, count: int, reason: str) -> None:
    """Events that cannot be placed in time were not sent; one of the reasons."""
    log.warning("sync.events_rejected", seat=seat, count=count, reason=reason)


def key_missed(log: Log, *, seat: str, changed: bool) -> None:
    """The car has no key, or another than the driver saw on its screen: nothing is sent, and what is there goes."""
    if changed:
        log.error("sync.key_missed", seat=seat, changed=changed)
    else:
        log.info("sync.key_missed", seat=seat, changed=changed)


def retry_scheduled(log: Log, *, seat: str, caused_by: str, waits_s: float, retry_num: int) -> None:
    """Something failed that can succeed later. The first of a spell is a warning."""
    tell = log.debug if retry_num else log.warning
    tell("sync.retry_scheduled", seat=seat, caused_by=caused_by, waits_s=round(waits_s, 1), retry_num=retry_num)


def follower_stuck(log: Log, *, seat: str, reason: str) -> None:
    """A service refuses what it is documented to do; tried again in an hour."""
    log.error("sync.follower_stuck", seat=seat, reason=reason)


def subscription_made(log: Log, *, seat: str, renewed: bool) -> None:
    """Graph tells of changes."""
    log.info("notify.subscription_made", seat=seat, renewed=renewed)


def notification_refused(log: Log, *, reason: str) -> None:
    """Somebody else than Graph, or about a subscription that is not ours any more; nothing was done."""
    log.warning("notify.notification_refused", reason=reason)


def request_failed(log: Log, *, error: str, at: str) -> None:
    """A mistake of ours, by the kind of error and the line; not by its text."""
    log.error("web.request_failed", error=error, at=at)
