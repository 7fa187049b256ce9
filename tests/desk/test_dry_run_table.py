from dataclasses import replace

from edge_agent.desk.dry_run_report import Report
from edge_agent.desk.dry_run_table import table
from edge_agent.desk.dry_run_tally import Sealed
from tests.desk.test_dry_run_report import LOG, SEALED, USE, made, tally

TABLE = """\
drive.log: 1,800.0 s, 5,000 frames, 4,000 decoded, 900 samples of the rules' signals

                                      bytes a    4 KB             MB a  blocks a           lost
rule   prio     in   kept      bytes   sample  blocks  messages  month     month        offline
trip      1    900    400     60,000   150.00      45        30    7.2     5,400  3.6 of 7 days
study     9    900  4,000  1,600,000   400.00     900       300  192.0   108,000  7.0 of 7 days
ghost     5      0      0          0        -       0         0    0.0         0        nothing
total        1,800  4,400  1,660,000   377.27     945       330  199.2   113,400

a month is 30 days of 2 h, in drives as long as this log; IoT Hub meters blocks
offline for 7 days, a spool of 1 MiB is full after 0.13 days
study, ghost: no sample of A.Door in this log
conditions: no sample of A.Rain in this log, what hangs on it never happens"""

STUDY = Sealed(messages=300, samples=4000, payload_bytes=1_600_000, blocks=900, record_bytes=1_700_000, filled=299)


def shown() -> Report:
    return made(
        tally("trip", SEALED, priority=1),
        tally("study", STUDY, priority=9, silent=("A.Door",)),
        tally("ghost", Sealed(), silent=("A.Door",), samples_in=0),
        silent=("A.Rain",),
    )


def test_a_table_has_a_line_for_each_rule_one_for_all_and_what_needs_saying() -> None:
    assert table(shown()) == TABLE


def test_a_spool_that_holds_all_says_so() -> None:
    assert "a spool of 1,024 MiB holds it all" in table(
        made(tally("trip", SEALED), use=replace(USE, spool_cap_bytes=1 << 30))
    )


def test_a_log_that_is_no_time_long_leaves_the_month_empty() -> None:
    said = table(made(tally("trip", SEALED), log=replace(LOG, drive_s=0.0)))

    assert "this log is no time long: nothing follows from it for a month" in said
    assert [line.split()[-3:] for line in said.splitlines() if line.startswith("trip")] == [["-", "-", "-"]]
    assert "None" not in said


def test_a_budget_is_said_not_to_be_reckoned_with() -> None:
    said = table(made(tally("trip", SEALED), use=replace(USE, budgeted=True)))

    assert "the budget is not reckoned with" in said
    assert "budget" not in table(shown())
