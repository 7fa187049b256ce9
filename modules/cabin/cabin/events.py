"""Every fact the cabin tells, by name, in the past tense. Nothing of a calendar, a number or a place stands in any."""

from collections.abc import Sequence
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


def drive_changed(log: Log, *, before: str, after: str) -> None:
    """The vehicle does something else, and other limits hold."""
    log.debug("safety.drive_changed", before=before, after=after)


def roles_missing(log: Log, *, roles: Sequence[str]) -> None:
    """The agent taps no signal for these: the vehicle is never known to be parked, and its page stays locked."""
    log.warning("safety.roles_missing", roles=list(roles))


def roles_found(log: Log) -> None:
    """The agent now taps what was missing."""
    log.info("safety.roles_found")


# --- choices ------------------------------------------------------------------------------------


def choices_not_kept(log: Log, *, reason: str) -> None:
    """The disk did not take who drives here, the language or private mode: they hold until the next start alone."""
    log.warning("choices.choices_not_kept", reason=reason)


# --- calendar -----------------------------------------------------------------------------------


def key_made(log: Log, *, key_id: str) -> None:
    """Items may be sealed to it from now on; the one before is destroyed."""
    log.info("calendar.key_made", key_id=key_id)


def items_judged(log: Log, *, taken: int, old: int, refused: Sequence[str]) -> None:
    """Items came: how many are new, seen before or past their time, and why others cannot be used."""
    if refused:
        log.warning("calendar.items_refused", count=len(refused), reasons=sorted(set(refused))[:5])
    if taken:
        log.info("calendar.items_taken", count=taken)
    if old:
        log.debug("calendar.items_passed_over", count=old)


def items_expired(log: Log, *, count: int) -> None:
    """Their time was over, and they are forgotten."""
    log.debug("calendar.items_expired", count=count)


def calendar_wiped(log: Log, *, everything: bool) -> None:
    """Of one profile, or of all; the key is destroyed."""
    log.info("calendar.wiped", everything=everything)


def calendar_unusable(log: Log, *, reason: str) -> None:
    """What was kept cannot be read and is destroyed; the bridge seals all anew."""
    log.error("calendar.unusable", reason=reason)


def calendar_not_kept(log: Log, *, reason: str) -> None:
    """The disk did not take it: it holds until the next start alone."""
    log.warning("calendar.not_kept", reason=reason)


# --- calls --------------------------------------------------------------------------------------


def phone_found(log: Log) -> None:
    """Calls can be made."""
    log.info("calls.phone_found")


def phone_gone(log: Log) -> None:
    """They cannot."""
    log.info("calls.phone_gone")


def phone_bus_lost(log: Log, *, reason: str) -> None:
    """The system's D-Bus is not there; the first of a spell."""
    log.warning("calls.bus_lost", reason=reason)


def call_made(log: Log, *, waited_s: float) -> None:
    """It is active, and its tones are sent."""
    log.info("calls.call_made", waited_s=round(waited_s, 1))


def call_failed(log: Log, *, reason: str) -> None:
    """It was not made, or ended before its tones were sent."""
    log.warning("calls.call_failed", reason=reason)


# --- disk ---------------------------------------------------------------------------------------


def disk_refused(log: Log, *, part: str, reason: str) -> None:
    """What a part keeps could not be written; it waits in memory and is tried again. Once a spell."""
    log.warning("disk.disk_refused", part=part, reason=reason)


def disk_obeyed(log: Log, *, part: str) -> None:
    """The disk takes again what it refused."""
    log.info("disk.disk_obeyed", part=part)


def disk_job_lost(log: Log, *, part: str) -> None:
    """Too much waited for a disk that refuses; the oldest was given up."""
    log.error("disk.job_lost", part=part)


# --- trips --------------------------------------------------------------------------------------


def trip_begun(log: Log) -> None:
    """A trip is being kept."""
    log.debug("trips.trip_begun")


def trip_kept(log: Log, *, end: str, waited: bool) -> None:
    """One has ended and is on disk; whether it waits for the agent."""
    log.info("trips.trip_kept", end=end, waited=waited)


def trip_dropped(log: Log, *, reason: str) -> None:
    """One is not kept: too short, private, or without consent."""
    log.debug("trips.trip_dropped", reason=reason)


def trips_expired(log: Log, *, count: int, reason: str) -> None:
    """The oldest went: by age, or because there are more than may be kept."""
    log.info("trips.trips_expired", count=count, reason=reason)


def trips_deleted(log: Log, *, count: int) -> None:
    """A person deleted or disallowed them."""
    log.info("trips.trips_deleted", count=count)


def journal_damaged(log: Log, *, file: str, lines: int, torn: bool) -> None:
    """Lines of a file could not be read and were left out; `torn`: the last was being written when the power went."""
    if lines:
        log.error("trips.journal_damaged", file=file, lines=lines, torn=torn)
    else:
        log.info("trips.journal_damaged", file=file, lines=lines, torn=torn)


def trip_refused(log: Log, *, reason: str) -> None:
    """The agent will never take this summary; it is not sent again."""
    log.warning("trips.trip_refused", reason=reason)


def outbox_full(log: Log) -> None:
    """More summaries wait for the agent than may; the oldest was given up for the cloud, the trip itself stays."""
    log.error("trips.outbox_full")


# --- consent ------------------------------------------------------------------------------------


def decision_taken(log: Log, *, purpose: str, answer: str, version: int) -> None:
    """A person has answered, and it is on disk."""
    log.info("consent.decision_taken", purpose=purpose, answer=answer, version=version)


def purpose_wiped(log: Log, *, purpose: str, waited_s: float) -> None:
    """What was kept for a purpose that is no longer allowed is gone."""
    log.info("consent.purpose_wiped", purpose=purpose, waited_s=round(waited_s, 3))


def wipe_put_off(log: Log, *, purpose: str, reason: str) -> None:
    """A wipe did not end; it is done again at the next start, and with the next decision."""
    log.error("consent.wipe_put_off", purpose=purpose, reason=reason)


def ledger_damaged(log: Log, *, lines: int) -> None:
    """Decisions could not be read: what stood before them counts as never asked."""
    log.error("consent.ledger_damaged", lines=lines)


# --- twin ---------------------------------------------------------------------------------------


def twin_applied(log: Log, *, version: int) -> None:
    """The desired properties hold from now on."""
    log.info("twin.document_applied", version=version)


def twin_refused(log: Log, *, version: int, errors: int) -> None:
    """They cannot hold, and those before go on; the reported properties say why."""
    log.warning("twin.document_refused", version=version, errors=errors)


def twin_not_kept(log: Log, *, reason: str) -> None:
    """The disk did not take it, or what it has cannot be read: a start without network has the defaults."""
    log.warning("twin.document_not_kept", reason=reason)


def hub_connected(log: Log) -> None:
    """The hub hears the cabin, and the other way round."""
    log.info("twin.hub_connected")


def hub_lost(log: Log, *, reason: str, retry_num: int, waited_s: float) -> None:
    """It does not; the next try comes after so long. The first of a spell is a warning."""
    (log.warning if retry_num == 0 else log.debug)(
        "twin.hub_lost", reason=reason, retry_num=retry_num, waited_s=round(waited_s, 1)
    )


def method_called(log: Log, *, name: str, status: int) -> None:
    """The cloud called, and was answered."""
    log.info("twin.method_called", name=name, status=status)


def report_refused(log: Log, *, reason: str) -> None:
    """The hub did not take the reported properties."""
    log.warning("twin.report_refused", reason=reason)


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
