"""Every fact the agent tells, by name, in the past tense; its level is fixed by what was lost.

DEBUG    as intended, often          INFO   what an operator asked for happened
WARNING  something failed, no loss   ERROR  something was lost, with `count` and `reason`

Names are `stage.noun_past-verb`. Numbers are fields with their unit. One line a batch, none a frame.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Protocol

from edge_agent.errors import Fault
from edge_agent.records import Batch, BusCounts, BusHealth, EnvelopeKey, LostRange, id_text


class Log(Protocol):
    """The part of a structlog logger that is used."""

    def debug(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def info(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def warning(self, event: str, **fields: object) -> object: ...  # noqa: D102
    def error(self, event: str, **fields: object) -> object: ...  # noqa: D102


# --- app ---------------------------------------------------------------------------------------


def agent_started(log: Log, *, version: str, boot: int, buses: Sequence[str], data_folder: str) -> None:
    """The process is wired and runs."""
    log.info("app.agent_started", version=version, boot=boot, buses=list(buses), data_folder=data_folder)


def metrics_not_served(log: Log, *, address: str, port: int, reason: str) -> None:
    """Nobody can scrape metrics; all else goes on."""
    log.warning("app.metrics_not_served", address=address, port=port, reason=reason)


def health_not_answered(log: Log, *, folder: str, reason: str) -> None:
    """Nobody can ask how the agent is, so `edge-agent health` takes it for unhealthy; all else goes on."""
    log.warning("app.health_not_answered", folder=folder, reason=reason)


def log_level_changed(log: Log, *, level: str, said_by: str) -> None:
    """Events are told from another level on."""
    log.info("app.log_level_changed", to=level, said_by=said_by)


def drain_started(log: Log, *, reason: str) -> None:
    """The source was stopped or has ended; what is on the way is finished."""
    log.info("app.drain_started", reason=reason)


def drain_finished(log: Log, *, waited_s: float, spooled: int) -> None:
    """Everything that was on the way is delivered or on disk."""
    log.info("app.drain_finished", waited_s=round(waited_s, 3), spooled=spooled)


def drain_timed_out(log: Log, *, waited_s: float, late: Sequence[str], count: int) -> None:
    """Some stages did not finish in time; what is on disk stays there. `count` batches were not committed yet.

    They are lost, but for those of a commit that was under way and ends well after all; and the cloud cannot tell, for
    the `prev` of the next start ends before them.
    """
    tell = log.error if count else log.warning
    lost = {"count": count, "reason": "not_committed"} if count else {}
    tell("app.drain_timed_out", waited_s=round(waited_s, 3), late=list(late), **lost)


def stage_failed(log: Log, *, stage: str, error: str, reason: str, traceback: str) -> None:
    """A mistake in our own code; the process leaves, and IoT Edge starts it again."""
    log.error("app.stage_failed", count=1, stage=stage, error=error, reason=reason, traceback=traceback)


def power_changed(log: Log, *, state: str, by: str, batches_left: int) -> None:
    """`sending` and `quiet`: what an ignition that is off makes of us; `by` says who or what led to it."""
    log.info("app.power_changed", state=state, by=by, batches_left=batches_left)


def power_not_kept(log: Log, *, reason: str) -> None:
    """The file that a power manager reads could not be written; it says what it said before."""
    log.warning("app.power_not_kept", reason=reason)


# --- acquire -----------------------------------------------------------------------------------


def bus_opened(log: Log, *, bus: str, interface: str, channel: str) -> None:
    """Frames of this bus are read from now on."""
    log.info("acquire.bus_opened", bus=bus, interface=interface, channel=channel)


def bus_lost(log: Log, *, bus: str, reason: str, retry_num: int, wait_s: float) -> None:
    """A bus cannot be read; it is tried again. Only the first failure of a spell is a WARNING."""
    tell = log.warning if retry_num == 0 else log.debug
    tell("acquire.bus_lost", bus=bus, reason=reason, retry_num=retry_num, wait_s=round(wait_s, 3))


def receive_buffer_small(log: Log, *, bus: str, size: int, wanted: int) -> None:
    """The kernel may lose frames of this bus when the agent is held up; net.core.rmem_max limits the buffer."""
    log.warning("acquire.receive_buffer_small", bus=bus, bytes=size, wanted_bytes=wanted)


def id_filter_set(log: Log, *, bus: str, filters: int) -> None:
    """The kernel passes only the arbitration ids that the running rules want."""
    log.info("acquire.id_filter_set", bus=bus, filters=filters)


def id_filter_left_open(log: Log, *, bus: str, filters: int, limit: int) -> None:
    """The running rules want more arbitration ids than the kernel takes filters: it passes all."""
    log.warning("acquire.id_filter_left_open", bus=bus, filters=filters, limit=limit)


def frames_dropped(log: Log, *, bus: str, count: int, reason: str) -> None:
    """Frames were lost before decoding."""
    log.error("acquire.frames_dropped", bus=bus, count=count, reason=reason)


def log_ended(log: Log, *, path: str, frames: int) -> None:
    """A log file was read to its end."""
    log.info("acquire.log_ended", path=path, frames=frames)


def log_held_back(log: Log) -> None:
    """A log is not read yet: it waits for the first rules, for none are kept from an earlier start."""
    log.info("acquire.log_held_back", until="the first rules")


# --- decode ------------------------------------------------------------------------------------


def database_loaded(log: Log, *, bus: str, path: str, messages: int, signals: int, remarks: Sequence[str]) -> None:
    """A database file can be decoded with; `edge-agent check` tells every remark, this line the first few."""
    told = {"remarks": len(remarks), "first_remarks": list(remarks[:3])} if remarks else {}
    log.info("decode.database_loaded", bus=bus, path=path, messages=messages, signals=signals, **told)


def database_refused(log: Log, *, bus: str, sentence: str) -> None:
    """A database file is unusable: its messages will be counted as unknown."""
    log.error("decode.database_refused", bus=bus, count=1, reason=sentence)


def kept_database_outdated(log: Log, *, path: str) -> None:
    """What an earlier start kept of a database was made by another version; the file is parsed anew."""
    log.info("decode.kept_database_outdated", path=path)


def kept_database_unusable(log: Log, *, path: str, reason: str) -> None:
    """What an earlier start kept of a database is damaged; the file is parsed anew."""
    log.warning("decode.kept_database_unusable", path=path, reason=reason)


def database_not_kept(log: Log, *, path: str, reason: str) -> None:
    """A loaded database could not be written for the next start, which will parse its file again."""
    log.warning("decode.database_not_kept", path=path, reason=reason)


def first_frame_decoded(log: Log, *, uptime_s: float) -> None:
    """The first frame of this start whose message a database has; `uptime_s` counts from when the stages were wired."""
    log.info("decode.first_frame_decoded", uptime_s=round(uptime_s, 3))


def mapping_loaded(log: Log, *, bus: str, path: str, signals: int, remarks: Sequence[str]) -> None:
    """Signals of a bus go by VSS paths; `edge-agent check` tells every remark, this line the first few."""
    told = {"remarks": len(remarks), "first_remarks": list(remarks[:3])} if remarks else {}
    log.info("decode.mapping_loaded", bus=bus, path=path, signals=signals, **told)


def mapping_refused(log: Log, *, bus: str, sentence: str) -> None:
    """A mapping file is unusable: the bus's signals keep their databases' names, and rules with VSS paths fail."""
    log.error("decode.mapping_refused", bus=bus, count=1, reason=sentence)


def computed_sample_left_out(log: Log, *, path: str) -> None:
    """A formula of the mapping has no number for what its signals said; told once a path."""
    log.warning("decode.computed_sample_left_out", path=path)


def plan_compiled(log: Log, *, config_version: int, signals: int, rows: int) -> None:
    """The tables for a new configuration are ready."""
    log.info("decode.plan_compiled", config_version=config_version, signals=signals, rows=rows)


def bus_health(log: Log, *, bus: str, counts: BusCounts, health: BusHealth) -> None:
    """What one bus did in a minute of the stream, and how it is now."""
    told = {
        "state": health.state.value if health.state else None,
        "load_percent": health.load_percent,
        "unknown_ids": [id_text(can_id) for can_id in health.unknown_ids],
        "missed_messages": list(health.missed_messages),
        "out_of_range_signals": list(health.out_of_range_signals),
    }
    log.info("decode.bus_health", bus=bus, **asdict(counts), **told)


def bus_troubled(log: Log, *, bus: str, state: str, changes: int) -> None:
    """A controller went error-passive or bus-off; `changes` of that kind were seen since it was told last."""
    log.warning("decode.bus_troubled", bus=bus, state=state, changes=changes)


def bus_recovered(log: Log, *, bus: str, changes: int) -> None:
    """A controller that was error-passive or bus-off is neither now."""
    log.info("decode.bus_recovered", bus=bus, changes=changes)


# --- policy ------------------------------------------------------------------------------------


def batch_sealed(log: Log, batch: Batch) -> None:
    """A batch was closed and got its sequence number."""
    log.debug("policy.batch_sealed", seq=batch.seq, rule=batch.rule.name, samples=batch.kept, why=batch.why.value)


def consent_followed(log: Log, *, version: int, private: bool, allowed: Sequence[str], waiting: Sequence[str]) -> None:
    """The driver decided; these purposes are allowed now, and these rules wait, each behind the purposes it lacks."""
    log.info("policy.consent_followed", version=version, private=private, allowed=list(allowed), waiting=list(waiting))


def consent_refused(log: Log, *, reason: str) -> None:
    """A message about consent cannot be read; what was decided before stands."""
    log.error("policy.consent_refused", count=1, reason=reason)


def kept_consent_unusable(log: Log, *, reason: str) -> None:
    """The decision kept from an earlier start is damaged; nothing is consented to until one is heard."""
    log.warning("policy.kept_consent_unusable", reason=reason)


def consent_not_kept(log: Log, *, reason: str, retry_num: int) -> None:
    """The decision could not be written, or what was withdrawn not be wiped; both are tried again each second.

    Only the first failure of a spell is an ERROR.
    """
    tell = log.error if retry_num == 0 else log.debug
    tell("policy.consent_not_kept", count=1, reason=reason, retry_num=retry_num)


def consent_wiped(log: Log, *, purposes: Sequence[str], waited_s: float) -> None:
    """Nothing of these purposes is on disk or in memory any more."""
    log.info("policy.consent_wiped", purposes=list(purposes), waited_s=round(waited_s, 3))


def trip_unanswered(log: Log, *, reason: str) -> None:
    """The cabin was not told what became of a trip; it asks again with its next connection."""
    log.info("policy.trip_unanswered", reason=reason)


def trip_refused(log: Log, *, trip: str, reason: str) -> None:
    """A trip's summary is not sent; the cabin was told why."""
    log.warning("policy.trip_refused", trip=trip, reason=reason)


# --- spool -------------------------------------------------------------------------------------


def spool_opened(log: Log, *, path: str, boot: int, pending: int, pending_bytes: int) -> None:
    """The spool was recovered."""
    log.info("spool.opened", path=path, boot=boot, pending=pending, pending_bytes=pending_bytes)


def batches_appended(log: Log, *, count: int, payload_bytes: int, last_seq: int) -> None:
    """Batches are on disk for good."""
    log.debug("spool.batches_appended", count=count, bytes=payload_bytes, last_seq=last_seq)


def batches_lost(log: Log, lost: Sequence[LostRange]) -> None:
    """Batches were given up for one reason; the next batch tells the cloud each range, this line the first few.

    Where a rule asked for it (`expired`, `thinned`), or the driver (`consent`), it is no error.
    """
    tell = log.info if lost[0].why in {"expired", "thinned", "consent"} else log.error
    tell(
        "spool.batches_lost",
        count=sum(part.last_seq - part.first_seq + 1 for part in lost),
        reason=lost[0].why,
        ranges=[f"{part.boot}/{part.first_seq}-{part.last_seq}" for part in lost[:8]],
    )


def state_lost(log: Log, *, path: str, boot: int) -> None:
    """The state file is damaged or missing; what was delivered lately may be sent again."""
    log.warning("spool.state_lost", path=path, boot=boot)


def state_set_aside(log: Log, *, path: str, boot: int) -> None:
    """A newer release noted the state; it is kept, and what this one cannot read of it may be sent again."""
    log.warning("spool.state_set_aside", path=path, boot=boot)


def segments_missing(log: Log, *, path: str, stream: str, numbers: Sequence[int]) -> None:
    """Segments vanished; `spool.batches_lost` says which batches, where they can be named."""
    log.error(
        "spool.segments_missing",
        path=path,
        stream=stream,
        count=len(numbers),
        numbers=list(numbers[:8]),
        reason="damaged",
    )


def damaged_not_kept(log: Log, *, path: str, reason: str) -> None:
    """A damaged segment is mended, but as it was found it could not be set aside."""
    log.warning("spool.damaged_not_kept", path=path, reason=reason)


def state_write_failed(log: Log, *, reason: str) -> None:
    """What was delivered could not be noted; it may be sent again after a crash."""
    log.warning("spool.state_write_failed", reason=reason)


def segment_damaged(log: Log, *, path: str, damaged_bytes: int, kept: int) -> None:
    """Part of a segment cannot be read; `spool.batches_lost` says which batches, where they can be named."""
    log.error("spool.segment_damaged", path=path, count=1, bytes=damaged_bytes, kept=kept, reason="damaged")


def segment_set_aside(log: Log, *, path: str, reason: str, lost: bool) -> None:
    """A segment was renamed: this version cannot read it, or (lost) nobody can."""
    tell = log.error if lost else log.warning
    tell("spool.segment_set_aside", path=path, count=1, reason=reason)


def segment_mend_failed(log: Log, *, path: str, reason: str) -> None:
    """Damage could not be taken out of a segment; the next start will tell it again."""
    log.warning("spool.segment_mend_failed", path=path, reason=reason)


def tail_cut(log: Log, *, path: str, tail_bytes: int) -> None:
    """An append that had not returned when the power went was taken off."""
    log.info("spool.tail_cut", path=path, bytes=tail_bytes)


def refused_set_aside(log: Log, *, key: EnvelopeKey, removed: int) -> None:
    """A refused batch lies in the refused folder, older ones gave room."""
    log.info("spool.refused_set_aside", boot=key.boot, seq=key.seq, removed=removed)


def refused_not_kept(log: Log, *, key: EnvelopeKey, reason: str) -> None:
    """A refused batch, which is told as lost already, could not even be set aside."""
    log.warning("spool.refused_not_kept", boot=key.boot, seq=key.seq, reason=reason)


def disk_left(log: Log, *, reason: str, batches: int, size: int) -> None:
    """The disk did not take batches; these wait in memory, and more from now on."""
    log.warning("spool.disk_left", reason=reason, batches=batches, bytes=size)


def disk_returned(log: Log, *, written: int, lost: int) -> None:
    """The disk takes batches again: so many went to it at once, so many were given up for lack of memory before."""
    log.info("spool.disk_returned", written=written, lost=lost)


def free_space_low(log: Log, *, free_bytes: int, min_free_bytes: int) -> None:
    """The file system, not the spool's cap, now limits what is kept: the floor of free space is reached."""
    log.warning("spool.free_space_low", free_bytes=free_bytes, min_free_bytes=min_free_bytes)


def free_space_back(log: Log, *, free_bytes: int, min_free_bytes: int) -> None:
    """There is twice the floor of free space again."""
    log.info("spool.free_space_back", free_bytes=free_bytes, min_free_bytes=min_free_bytes)


def key_awaited(log: Log, *, reason: str) -> None:
    """Payloads are to be encrypted and the key is not here: nothing goes to the disk until it is."""
    log.warning("spool.key_awaited", reason=reason)


def key_replaced(log: Log, *, kept_as: str) -> None:
    """The workload API cannot unwrap the key there was: a new one took over, and the old one waits in a file."""
    log.warning("spool.key_replaced", kept_as=kept_as)


def segment_locked(log: Log, *, path: str, count: int) -> None:
    """Batches are encrypted with a key that is not this start's; their file stays until the room is needed."""
    log.error("spool.segment_locked", path=path, count=count, reason="no_key")


# --- tap ---------------------------------------------------------------------------------------


def local_bus_up(log: Log, *, broker: str, retry_num: int, down_s: float) -> None:
    """The vehicle's local broker has the agent; the next tick is a full one."""
    log.info("tap.bus_up", broker=broker, retry_num=retry_num, down_s=round(down_s, 3))


def local_bus_down(log: Log, *, reason: str, retry_num: int, wait_s: float) -> None:
    """There is no local broker: ticks are dropped and counted. The first failure of a spell is a WARNING."""
    tell = log.warning if retry_num == 0 else log.debug
    tell("tap.bus_down", reason=reason, retry_num=retry_num, wait_s=round(wait_s, 3))


def subscription_refused(log: Log, *, topic: str, reason: str) -> None:
    """The local broker does not let the agent hear a topic; all else goes on."""
    log.warning("tap.subscription_refused", topic=topic, reason=reason)


def local_message_refused(log: Log, *, topic: str, reason: str) -> None:
    """The local broker does not let the agent say this; told once a connection."""
    log.warning("tap.message_refused", topic=topic, reason=reason)


def local_message_dropped(log: Log, *, topic: str, reason: str) -> None:
    """What came over the local bus was not taken in, being `too_large` or one of `too_many`; told once a connection."""
    log.warning("tap.message_dropped", topic=topic, reason=reason)


def connection_undisposed(log: Log, *, count: int) -> None:
    """A connection to the local broker could not be ended in time and was abandoned, one of so many now."""
    log.warning("tap.connection_undisposed", count=count)


# --- uplink ------------------------------------------------------------------------------------


def link_up(log: Log, *, retry_num: int, down_s: float) -> None:
    """Connected; the twin was read."""
    log.info("uplink.link_up", retry_num=retry_num, down_s=round(down_s, 3))


def link_down(log: Log, *, reason: str, retry_num: int, wait_s: float) -> None:
    """No connection; batches stay on disk. The first failure of a spell is a WARNING."""
    tell = log.warning if retry_num == 0 else log.debug
    tell("uplink.link_down", reason=reason, retry_num=retry_num, wait_s=round(wait_s, 3))


def resumed(log: Log, *, suspended_s: float) -> None:
    """The system was suspended; a connection there was before that is given up."""
    log.info("uplink.resumed", suspended_s=round(suspended_s, 3))


def link_closed(log: Log) -> None:
    """We closed the connection: at a stop, to be quiet, after a suspend, or to make a new one in time."""
    log.info("uplink.link_closed")


def batch_acked(log: Log, *, key: EnvelopeKey, payload_bytes: int, attempts: int, waited_s: float) -> None:
    """The hub has it; the spool may forget it."""
    log.debug(
        "uplink.batch_acked",
        boot=key.boot,
        seq=key.seq,
        bytes=payload_bytes,
        attempts=attempts,
        waited_s=round(waited_s, 3),
    )


def batch_refused(log: Log, *, key: EnvelopeKey, reason: str) -> None:
    """The hub will never take it; it was set aside."""
    log.error("uplink.batch_refused", count=1, boot=key.boot, seq=key.seq, reason=reason)


def batch_quarantined(log: Log, *, key: EnvelopeKey, reason: str, waiting: int) -> None:
    """Connections ended while a batch was sent; it waits apart, one of `waiting`, to be tried again alone."""
    log.warning("uplink.batch_quarantined", boot=key.boot, seq=key.seq, reason=reason, waiting=waiting)


def session_undisposed(log: Log, *, count: int) -> None:
    """A client of the uplink could not be shut down in time and was abandoned, one of so many now."""
    log.warning("uplink.session_undisposed", count=count)


def nothing_desired(log: Log, *, topic: str) -> None:
    """The broker holds no desired properties for the agent; what ran before goes on."""
    log.info("uplink.nothing_desired", topic=topic)


def report_refused(log: Log, *, reason: str) -> None:
    """The hub did not take a patch of the reported properties.

    A section is due again within a minute, the answer to a document with the next connect.
    """
    log.error("uplink.report_refused", count=1, reason=reason)


def method_failed(log: Log, *, name: str, reason: str) -> None:
    """A direct method met what nobody thought of; its caller was told, and all else goes on."""
    log.warning("uplink.method_failed", name=name, reason=reason)


def method_called(log: Log, *, name: str, status: int) -> None:
    """A direct method was answered."""
    log.info("uplink.method_called", name=name, status=status)


def link_changed(log: Log, *, metered: bool, roaming: bool, said_by: str) -> None:
    """Another kind of link counts from now on."""
    log.info("uplink.link_changed", metered=metered, roaming=roaming, said_by=said_by)


def link_file_unusable(log: Log, *, path: str, reason: str) -> None:
    """The file about the link has a mistake; what it said last goes on."""
    log.warning("uplink.link_file_unusable", path=path, reason=reason)


def unmetered_unknown(log: Log, *, rules: Sequence[str]) -> None:
    """Rules wait for a link that is not metered, and nothing says of any link that it is not: they wait for ever."""
    log.warning("uplink.unmetered_unknown", rules=list(rules))


def budget_level_changed(log: Log, *, level: str, percent: int) -> None:
    """`low`: priorities 5 to 9 wait on disk; `spent`: all but priority 0; `open`: none."""
    tell = log.info if level == "open" else log.warning
    tell("uplink.budget_level_changed", level=level, percent=percent)


def spent_unusable(log: Log, *, reason: str) -> None:
    """What was spent before this start cannot be read; day and month begin anew."""
    log.warning("uplink.spent_unusable", reason=reason)


def spent_not_kept(log: Log, *, reason: str) -> None:
    """What was spent could not be written; a start from now on would count from an earlier state."""
    log.warning("uplink.spent_not_kept", reason=reason)


# --- twin --------------------------------------------------------------------------------------


def document_applied(log: Log, *, version: int, rules: int, signals: int) -> None:
    """A twin document is running."""
    log.info("twin.document_applied", version=version, rules=rules, signals=signals)


def document_refused(log: Log, *, version: int, running_version: int | None, faults: Sequence[Fault]) -> None:
    """A twin document was refused; the one before it goes on."""
    log.warning(
        "twin.document_refused",
        version=version,
        running_version=running_version,
        faults=[str(fault) for fault in faults],
    )


def document_not_kept(log: Log, *, reason: str) -> None:
    """The running document could not be written; a start without network would begin with an older one."""
    log.warning("twin.document_not_kept", reason=reason)


def signals_missing(log: Log, *, version: int, missing: Sequence[Fault]) -> None:
    """Signals of the running document are unknown while some database could not be loaded; the rest of it runs."""
    log.warning("twin.signals_missing", version=version, signals=[str(fault) for fault in missing])


def kept_state_unusable(log: Log, *, reason: str) -> None:
    """The vehicle's state kept from an earlier start is damaged; it is not known until its signals come."""
    log.warning("twin.kept_state_unusable", reason=reason)


def state_not_kept(log: Log, *, reason: str, retry_num: int) -> None:
    """The vehicle's state could not be written; a start from now on would begin with an older one.

    It is tried again every five seconds. Only the first failure of a spell is a WARNING.
    """
    tell = log.warning if retry_num == 0 else log.debug
    tell("twin.state_not_kept", reason=reason, retry_num=retry_num)


def kept_document_unusable(log: Log, *, reason: str) -> None:
    """The document kept from an earlier start is damaged; nothing runs until the hub sends its own."""
    log.warning("twin.kept_document_unusable", reason=reason)
