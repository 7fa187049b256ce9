from dataclasses import replace

from tests.powercut.count import Count
from tests.powercut.table import table

NOTHING = Count(cuts=0, committed=0, delivered=0, twice=0, torn=0)


def test_the_table_has_a_cell_for_every_column() -> None:
    head, rule, row = table(NOTHING, []).splitlines()

    assert head.count("|") == rule.count("|") == row.count("|")
    assert row.endswith("| never | never | never |")


def test_the_table_shows_counts_and_times() -> None:
    result = replace(NOTHING, cuts=3, committed=40, lost=("one",), opening_s=(0.1, 0.2, 0.6), restart_s=(3.0,))

    row = table(result, [1.0, 1.5, 1.25]).splitlines()[-1]

    assert row == "| 3 | 40 | 0 | 0 | 0 | 1 | 0 | 0 | 0 | 0.20 s / 0.60 s | 3.00 s / 3.00 s | 1.25 s / 1.50 s |"
