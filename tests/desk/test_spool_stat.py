from dataclasses import replace
from pathlib import Path

from edge_agent.desk.spool_folder import SpoolFolder
from edge_agent.desk.spool_stat import SpoolReport, spool_report
from edge_agent.records import Acked, LostRange, Refused
from tests.desk.spools import BATCHES, envelope, filled, flip, left


def report(folder: Path) -> SpoolReport:
    return spool_report(SpoolFolder(folder))


def text(folder: Path) -> str:
    return "\n".join(report(folder).lines())


def test_what_waits_is_summed_up_by_rule(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)

    told = report(tmp_path).as_json()

    assert isinstance(told["rules"], list)
    assert [(row["priority"], row["upload"], row["lane"], row["rule"], row["batches"]) for row in told["rules"]] == [
        (5, "any", "hot", "alarms", 1),
        (5, "any", "warm", "idle", 2),
        (7, "any", "warm", "trip", 1),
        (7, "unmetered", "warm", "garage", 1),
    ]
    sealed_bytes = sum(len(envelope(one, 1).payload) for one in BATCHES)
    assert told["waiting"] == {"batches": 5, "bytes": sealed_bytes}


def test_the_oldest_and_the_newest_tell_the_time_of_their_samples(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    left(tmp_path, BATCHES[1])

    told = report(tmp_path).as_json()

    noon = "2027-01-15T08:00:00.000Z"
    assert told["oldest"] == {"boot": 1, "seq": 0, "kept_powered_s": 0, "first_sample": noon}
    assert told["newest"] == {"boot": 2, "seq": 1, "kept_powered_s": 0, "first_sample": noon}
    assert f"newest    2/1, samples from {noon}" in text(tmp_path)


def test_an_empty_spool_is_told_as_empty(tmp_path: Path) -> None:
    left(tmp_path)

    told = report(tmp_path).as_json()

    assert (told["boot"], told["last_seq"], told["oldest"], told["rules"]) == (1, None, None, [])
    assert "waiting   0 batches, 0 bytes" in text(tmp_path)
    assert "no agent is seen to use it" in text(tmp_path)


def test_who_uses_it_is_told(tmp_path: Path) -> None:
    store = filled(tmp_path, *BATCHES)
    assert "in use by process " in text(tmp_path)
    store.close()


def test_losses_are_told_as_far_as_the_cloud_will_know_them(tmp_path: Path) -> None:
    store = filled(tmp_path, *BATCHES[:2])
    store.settle(store.lease(1)[0].key, Refused("too large"))
    store.close()

    told = report(tmp_path).as_json()

    assert told["lost_untold"] == [{"boot": 1, "from": 0, "to": 0, "why": "refused"}]
    assert told["refused"] != told["kept_damaged"] == {"files": 0, "bytes": 0}
    assert "lost      1 (1/0 refused) not told yet, none told by batches that wait" in text(tmp_path)
    assert "refused   1 batches" in text(tmp_path)


def test_damage_is_named_with_its_file_and_its_batches(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    flip(tmp_path / "5-0000000000.seg", 300)

    told = report(tmp_path).as_json()

    assert isinstance(told["damaged"], list)
    assert [row["file"] for row in told["damaged"]] == ["5-0000000000.seg"]
    assert told["unreadable"] == [{"boot": 1, "from": 0, "to": 0, "why": "damaged"}]
    assert "cannot be read any more: 1 (1/0 damaged)" in text(tmp_path)


def test_expiry_ahead_is_told(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)

    told = report(tmp_path).as_json()

    assert told["expiry"] == {"batches": 1, "next_powered_s": 3600, "next_at": "2027-01-16T08:00:00Z"}
    assert "expiry    of 1 batches; the next in powered on: 1h, by the clock: 2027-01-16T08:00:00Z" in text(tmp_path)


def test_what_waits_no_more_and_is_still_on_disk_is_told(tmp_path: Path) -> None:
    store = filled(tmp_path, *BATCHES[:2])
    store.settle(store.lease(1)[0].key, Acked())
    store.close()

    done = len(envelope(BATCHES[0], 1).payload)
    assert report(tmp_path).as_json()["done"] == {"batches": 1, "bytes": done}
    assert f"1 batch, {done} bytes in them wait no more" in text(tmp_path)


def test_segments_of_another_format_are_named(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES[:1])
    (tmp_path / "5-0000000009.seg.v9").write_bytes(b"of the future")

    told = report(tmp_path).as_json()

    assert (told["set_aside"], told["formats"]) == (["5-0000000009.seg.v9"], {"2": 1})
    assert "set aside 5-0000000009.seg.v9" in text(tmp_path)


def test_many_lost_ranges_are_counted_and_the_first_few_named(tmp_path: Path) -> None:
    left(tmp_path)
    told = report(tmp_path)
    many = tuple(LostRange(1, seq, seq, "damaged") for seq in range(0, 40, 2))

    shown = "\n".join(replace(told, untold=many).lines())

    assert "lost      20 (1/0 damaged, 1/2 damaged" in shown
    assert "1/14 damaged, ...) not told yet" in shown


def test_segments_that_were_mended_are_told_with_where_they_are_as_they_were_found(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    flip(tmp_path / "5-0000000000.seg", 300)
    left(tmp_path)

    assert report(tmp_path).as_json()["damaged"] == []
    assert "mended    1 segments as they were found, " in text(tmp_path)
