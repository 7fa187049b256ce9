"""A month without a link, a thirtieth of a tenth of it: the whole of it is run by hand, `python -m bench.month`."""

from pathlib import Path

from bench.month import PRIORITIES, month
from edge_agent.spool.owed import COARSE_RANGES, MOST_RANGES

CAP_BYTES = 8 << 20
DAYS, ROUNDS_A_DAY = 3, 60
LOOK_EVERY = 5


def test_a_month_offline_fits_the_disk_and_memory_and_ends_with_what_matters(tmp_path: Path) -> None:
    seen = month(tmp_path, cap_bytes=CAP_BYTES, days=DAYS, rounds_a_day=ROUNDS_A_DAY, look_every=LOOK_EVERY)
    newest = {priority: set(keys[-20:]) for priority, keys in seen.sealed.items()}

    assert sum(map(len, seen.sealed.values())) == seen.batches > 2 * CAP_BYTES / 16_000
    assert max(seen.folder_bytes) <= CAP_BYTES
    assert seen.there.issuperset(seen.sealed[min(PRIORITIES)])
    assert seen.there.issuperset(newest[4])
    lost = [number for keys in seen.sealed.values() for number in keys if number not in seen.there]
    told = {boot << 32 | seq for boot, first, last in seen.told for seq in range(first, last + 1)}
    assert lost
    assert told.issuperset(lost)
    assert max(seen.ranges) <= MOST_RANGES + COARSE_RANGES
    assert max(seen.state_bytes) <= 40_000
    first, last = seen.resident_bytes[len(seen.resident_bytes) // 3], seen.resident_bytes[-1]
    assert last <= 1.1 * first
