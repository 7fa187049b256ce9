"""A dry run's figures: for each rule what this log gave, and what that means by the month and offline. Pure.

The fields, their units and their order are those of `--json`; docs/dry-run.md explains each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add

from edge_agent.desk.dry_run_offline import Inflow, Outcome, offline
from edge_agent.desk.dry_run_tally import RuleTally, Sealed
from edge_agent.records import BusCounts, Upload
from edge_agent.spool.header import JsonValue
from edge_agent.uplink.metering import BLOCK_BYTES

DAYS_A_MONTH = 30
SILENT_NAMED = 5
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Use:
    """How the vehicle is used: what one log cannot say."""

    hours_a_day: float
    """of driving"""
    offline_days: float
    spool_cap_bytes: int
    budgeted: bool = False
    """whether the document has a budget, which is not reckoned with"""


@dataclass(frozen=True, slots=True)
class LogRead:
    """What the figures are of."""

    path: str
    drive_s: float
    frames: int
    samples: int
    """of all signals that some rule wants"""
    buses: tuple[tuple[str, BusCounts], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one rule, or of all. By the month: None where the log is no time long."""

    samples_in: int
    """of its signals, whatever became of them; of all rules: each rule's"""
    samples_kept: int
    messages: int
    payload_bytes: int
    bytes_a_sample: float | None
    """of payload, for each kept sample; None where none was kept"""
    blocks_4kb: int
    messages_a_month: int | None
    blocks_4kb_a_month: int | None
    payload_mb_a_month: float | None
    """of 1,000,000 bytes"""
    spool_bytes: int
    """what the batches take on disk"""
    lost_offline_bytes: int | None
    """of what the rule puts into the spool during `offline_days`"""


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule."""

    rule: str
    kind: str
    lane: str
    priority: int
    purpose: str
    signals: int
    silent_signals: int
    """of its signals, those that the log has no sample of"""
    silent_names: tuple[str, ...]
    """the first few"""
    lost_offline_days: float | None
    """of `offline_days`, the oldest"""
    figures: Figures
    remarks: tuple[str, ...]
    """what to know before the figures are believed, a sentence each"""


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    log: LogRead
    use: Use
    rules: tuple[RuleReport, ...]
    silent_in_conditions: tuple[str, ...]
    """signals that only conditions name, and that the log has no sample of"""
    total: Figures
    spool_full_after_days: float | None
    """offline until the first batch would go; None where that is not within `offline_days`"""

    def as_json(self) -> dict[str, JsonValue]:
        """One object; a rule's figures stand beside its name."""
        log = asdict(self.log) | {"buses": {name: asdict(counts) for name, counts in self.log.buses}}
        rules = [{**asdict(one), **asdict(one.figures)} for one in self.rules]
        for one in rules:
            del one["figures"]
        use = asdict(self.use)
        del use["budgeted"]
        return {
            "log": log,
            "use": use | {"days_a_month": DAYS_A_MONTH, "block_bytes": BLOCK_BYTES},
            "rules": rules,
            "silent_in_conditions": list(self.silent_in_conditions),
            "total": asdict(self.total),
            "spool_full_after_days": self.spool_full_after_days,
        }


def report(log: LogRead, tallies: Sequence[RuleTally], silent_in_conditions: Sequence[str], use: Use) -> Report:
    """The figures of a finished run."""
    outcome = _offline(tallies, log, use)
    lost = outcome.lost_bytes if outcome else (None,) * len(tallies)
    all_sealed = reduce(add, (tally.sealed for tally in tallies), Sealed())
    all_lost = sum(outcome.lost_bytes) if outcome else None
    full_hours = outcome.first_loss_hours if outcome else None
    return Report(
        log=log,
        use=use,
        rules=tuple(_rule(tally, gone, log, use) for tally, gone in zip(tallies, lost, strict=True)),
        silent_in_conditions=tuple(silent_in_conditions),
        total=_figures(sum(tally.samples_in for tally in tallies), all_sealed, all_lost, log, use),
        spool_full_after_days=None if full_hours is None else round(full_hours / use.hours_a_day, 2),
    )


def _offline(tallies: Sequence[RuleTally], log: LogRead, use: Use) -> Outcome | None:
    """None where the log is no time long."""
    if not log.drive_s:
        return None
    inflows = [
        Inflow(tally.info.priority, _an_hour(tally.sealed.record_bytes, log), tally.info.upload, tally.info.retention)
        for tally in tallies
    ]
    return offline(inflows, hours=use.offline_days * use.hours_a_day, cap_bytes=use.spool_cap_bytes)


def _an_hour(count: int, log: LogRead) -> float:
    return count / log.drive_s * 3600


def _rule(tally: RuleTally, lost_bytes: int | None, log: LogRead, use: Use) -> RuleReport:
    info = tally.info
    lost_days = None
    if lost_bytes is not None:
        a_day = _an_hour(tally.sealed.record_bytes, log) * use.hours_a_day
        lost_days = round(lost_bytes / a_day, 2) if a_day else 0.0
    return RuleReport(
        rule=info.name,
        kind=info.kind,
        lane=info.lane.value,
        priority=info.priority,
        purpose=info.purpose,
        signals=tally.signals,
        silent_signals=len(tally.silent),
        silent_names=tally.silent[:SILENT_NAMED],
        lost_offline_days=lost_days,
        figures=_figures(tally.samples_in, tally.sealed, lost_bytes, log, use),
        remarks=tuple(_remarks(tally)),
    )


def _figures(samples_in: int, sealed: Sealed, lost_bytes: int | None, log: LogRead, use: Use) -> Figures:
    a_month = use.hours_a_day * DAYS_A_MONTH * 3600 / log.drive_s if log.drive_s else None
    return Figures(
        samples_in=samples_in,
        samples_kept=sealed.samples,
        messages=sealed.messages,
        payload_bytes=sealed.payload_bytes,
        bytes_a_sample=round(sealed.payload_bytes / sealed.samples, 3) if sealed.samples else None,
        blocks_4kb=sealed.blocks,
        messages_a_month=None if a_month is None else round(sealed.messages * a_month),
        blocks_4kb_a_month=None if a_month is None else round(sealed.blocks * a_month),
        payload_mb_a_month=None if a_month is None else round(sealed.payload_bytes * a_month / MEGABYTE, 3),
        spool_bytes=sealed.record_bytes,
        lost_offline_bytes=lost_bytes,
    )


def no_sample_of(names: Sequence[str]) -> str:
    """Which signals the log does not have, the first few by name."""
    more = f" and {len(names) - SILENT_NAMED} more" if len(names) > SILENT_NAMED else ""
    return f"no sample of {', '.join(names[:SILENT_NAMED])}{more} in this log"


def _remarks(tally: RuleTally) -> Iterator[str]:
    if tally.silent:
        nothing = "names nothing here: " if len(tally.silent) == tally.signals else ""
        yield nothing + no_sample_of(tally.silent)
    if tally.samples_in and not tally.sealed.samples:
        yield "keeps nothing here: what it waits for does not happen in this log"
    if tally.sealed.messages and not tally.sealed.filled:
        yield "the log ended before a batch was full: longer drives have fewer, larger messages"
    if tally.info.upload is Upload.UNMETERED:
        yield "waits for an unmetered link: without one it is offline, whatever its figures by the month say"
    if tally.info.retention.wall_s:
        yield "expires by wall time too, which is not reckoned with"
