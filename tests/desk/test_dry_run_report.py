import json
from dataclasses import replace

import pytest

from edge_agent.desk.dry_run_report import LogRead, Report, Use, report
from edge_agent.desk.dry_run_tally import RuleTally, Sealed
from edge_agent.records import BusCounts, Lane, Retention, RuleInfo, TimeUnit, Upload

USE = Use(hours_a_day=2, offline_days=7, spool_cap_bytes=1 << 20)
LOG = LogRead("drive.log", 1800.0, 5000, 900, (("car", BusCounts(seen=5000, decoded=4000, unknown=1000)),))
SEALED = Sealed(messages=30, samples=400, payload_bytes=60_000, blocks=45, record_bytes=63_000, filled=29)


def tally(
    name: str,
    sealed: Sealed,
    *,
    priority: int = 5,
    signals: int = 3,
    silent: tuple[str, ...] = (),
    samples_in: int = 900,
) -> RuleTally:
    info = RuleInfo(name, "periodic", priority, Lane.WARM, "fleet", TimeUnit.MS)
    return RuleTally(info, signals, samples_in, silent, sealed)


def made(*tallies: RuleTally, log: LogRead = LOG, use: Use = USE, silent: tuple[str, ...] = ()) -> Report:
    return report(log, tallies, silent, use)


def test_a_month_is_thirty_days_of_so_many_hours_like_the_log() -> None:
    figures = made(tally("trip", SEALED)).rules[0].figures

    assert figures.messages_a_month == 30 * 120
    assert figures.blocks_4kb_a_month == 45 * 120
    assert figures.payload_mb_a_month == 7.2
    assert figures.bytes_a_sample == 150


def test_driving_twice_as_long_costs_twice_as_much() -> None:
    long = Use(hours_a_day=4, offline_days=7, spool_cap_bytes=1 << 20)

    assert made(tally("trip", SEALED), use=long).rules[0].figures.payload_mb_a_month == 14.4


def test_the_least_important_rule_loses_its_oldest_days_when_the_spool_is_small() -> None:
    use = Use(hours_a_day=2, offline_days=7, spool_cap_bytes=2 << 20)
    found = made(tally("trip", SEALED, priority=1), tally("study", SEALED, priority=9), use=use)
    trip, study = found.rules

    assert (trip.lost_offline_days, trip.figures.lost_offline_bytes) == (0, 0)
    assert study.lost_offline_days is not None
    assert study.figures.lost_offline_bytes == pytest.approx(2 * 14 * 2 * 63_000 - (15 << 17), abs=2 << 17)
    assert study.lost_offline_days == pytest.approx((study.figures.lost_offline_bytes or 0) / (4 * 63_000), abs=0.01)
    assert found.spool_full_after_days == pytest.approx((15 << 17) / (8 * 63_000), rel=0.1)


def test_the_total_is_what_all_rules_are_together() -> None:
    found = made(tally("one", SEALED), tally("two", SEALED))

    assert found.total.samples_in == 1800
    assert found.total.messages == 60
    assert found.total.payload_mb_a_month == 14.4
    assert found.total.bytes_a_sample == 150
    assert found.total.lost_offline_bytes == sum(one.figures.lost_offline_bytes or 0 for one in found.rules)


def test_a_rule_that_names_nothing_in_the_log_says_so() -> None:
    names = tuple(f"A.S{number}" for number in range(7))
    [rule] = made(tally("ghost", Sealed(), signals=7, silent=names, samples_in=0)).rules

    assert rule.remarks == ("names nothing here: no sample of A.S0, A.S1, A.S2, A.S3, A.S4 and 2 more in this log",)
    assert (rule.silent_signals, rule.silent_names) == (7, names[:5])
    assert (rule.figures.bytes_a_sample, rule.figures.payload_mb_a_month, rule.lost_offline_days) == (None, 0, 0)


def test_a_rule_of_which_some_signals_are_silent_names_them() -> None:
    [rule] = made(tally("trip", SEALED, silent=("A.Door",))).rules

    assert rule.remarks == ("no sample of A.Door in this log",)


def test_a_rule_that_hears_its_signals_and_waits_for_more_says_that_it_keeps_nothing() -> None:
    [rule] = made(tally("braking", Sealed())).rules

    assert rule.remarks == ("keeps nothing here: what it waits for does not happen in this log",)


def test_batches_that_only_the_end_of_the_log_sealed_are_told_of() -> None:
    short = Sealed(messages=1, samples=4, payload_bytes=600, blocks=1, record_bytes=700)
    [rule] = made(tally("slow", short)).rules

    assert rule.remarks == ("the log ended before a batch was full: longer drives have fewer, larger messages",)


def test_a_log_that_is_no_time_long_says_nothing_of_a_month() -> None:
    instant = LogRead("one.log", 0.0, 1, 1, ())
    found = made(tally("trip", SEALED), log=instant)

    assert found.total.payload_mb_a_month is None
    assert found.total.messages_a_month is None
    assert found.rules[0].lost_offline_days is None
    assert found.spool_full_after_days is None


def test_as_json_a_rules_figures_stand_beside_its_name() -> None:
    body = json.loads(json.dumps(made(tally("trip", SEALED)).as_json(), allow_nan=False))

    assert body["rules"][0]["rule"] == "trip"
    assert body["rules"][0]["samples_kept"] == 400
    assert "figures" not in body["rules"][0]
    assert body["log"]["buses"]["car"]["unknown"] == 1000
    assert body["use"]["days_a_month"] == 30


def test_what_waits_for_a_link_or_expires_by_the_wall_clock_is_remarked() -> None:
    plain = tally("trip", SEALED)
    waiting = replace(plain, info=replace(plain.info, upload=Upload.UNMETERED, retention=Retention(wall_s=9)))

    assert made(plain).rules[0].remarks == ()
    assert [remark.split()[0] for remark in made(waiting).rules[0].remarks] == ["waits", "expires"]
