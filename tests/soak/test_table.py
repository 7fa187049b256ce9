from collections import Counter

from tests.soak.battery import FAULTS
from tests.soak.count import QUARANTINED, Count, Course, Tried
from tests.soak.table import tables
from tests.soak.vitals import Vitals

FAULT = FAULTS[1].name


def tried(recovery_s: float, threads: int) -> Tried:
    return Tried(FAULT, 0, 4.0, recovery_s, recovery_s + 0.1, sessions=2, vitals=Vitals(threads, 30, 71.6))


COURSE = Course(
    [tried(1.0, 17), tried(7.5, 18), tried(2.0, 17)],
    start=Vitals(17, 30, 71.6),
    end=Vitals(19, 30, 71.6),
    drained=True,
    alarms=Counter({QUARANTINED: 4}),
    sessions=7,
    uncertain=3,
)
RESULT = Count(2000, 2000, 0, 0, 2, Counter({FAULT: 2}), ())


def test_a_fault_has_a_row_with_its_longest_recovery_and_its_duplicates() -> None:
    assert f"| {FAULT} | 3 | 12 | 7.5 s | 7.6 s | 6 | 2 |" in tables(COURSE, RESULT).splitlines()


def test_the_whole_is_told_with_the_share_of_duplicates() -> None:
    assert "| 2000 | 2000 | 0 | 0 | 2 (0.100%) | 7 | 4 |" in tables(COURSE, RESULT).splitlines()


def test_start_middle_and_end_stand_side_by_side() -> None:
    assert tables(COURSE, RESULT).splitlines()[-3:] == [
        "| start | 17 | 30 | 72 MB |",
        "| middle | 18 | 30 | 72 MB |",
        "| end | 19 | 30 | 72 MB |",
    ]


def test_every_row_has_a_cell_for_every_column() -> None:
    for table in tables(COURSE, RESULT).split("\n\n"):
        head, *rows = table.splitlines()
        assert {row.count("|") for row in rows} == {head.count("|")}
