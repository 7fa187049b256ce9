"""Power is really cut, and the count of it finds what it is there to find."""

from pathlib import Path
from typing import Any

import pytest

from tests.cabin.powercut.campaign import lives
from tests.cabin.powercut.count import counted
from tests.powercut.machine import missing

KEPT = ["t1", "ignition_off", 100, 400]


def opened(*trips: list[Any], left: bool = False, decided: int = 0) -> dict[str, Any]:
    return {"opened": list(trips), "open_left": left, "plots": True, "decided": decided}


def drive(from_s: int, to_s: int, kept: int = 1) -> list[dict[str, Any]]:
    return [{"now_s": second, "moves": True, "kept": kept} for second in range(from_s, to_s + 1)]


CUT = ["t2", "cut", 1000, 1295]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.skipif(bool(missing()), reason=f"power cannot be cut here: apt-get install {' '.join(missing())}")
async def test_no_trip_stays_open_and_less_than_10_s_are_lost(tmp_path: Path) -> None:
    result = counted(await lives(tmp_path, cuts=8, seed=3))
    assert result.violations == []
    assert result.cuts == 8


def test_a_trip_that_ends_in_time_is_no_violation() -> None:
    result = counted([[opened(KEPT), *drive(1000, 1300)], [opened(KEPT, CUT)]])
    assert (result.violations, result.lost_s) == ([], [5])


@pytest.mark.parametrize(
    ("after", "violation"),
    [
        (opened(KEPT, ["t2", "cut", 1000, 1289]), "11 s of a trip are lost"),
        (opened(KEPT), "0 trips were closed by the cut, after 301 s of a drive"),
        (opened(CUT), "1 trips of earlier lives are gone or changed"),
        (opened(KEPT, CUT, left=True), "a trip is still open"),
        (opened(KEPT, CUT, decided=7), "the decision of 900 does not count, that of 7 does"),
    ],
)
def test_what_a_cut_must_not_do_is_found(after: dict[str, Any], violation: str) -> None:
    before = [opened(KEPT), {"deciding": 900}, {"decided": 900}, *drive(1000, 1300)]
    sound = {**after, "decided": after["decided"] or 900}
    assert f"after cut 1: {violation}" in counted([before, [sound]]).violations
