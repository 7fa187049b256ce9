"""Every recorded drive through the whole line, sample by sample what cantools says."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from edge_agent.spool.reading import Payload
from tests.journey.line import (
    EACH_SECOND,
    EVERYTHING,
    agent_process,
    assert_numbered_without_gaps,
    assert_same,
    buses_variable,
    delivered,
    desire,
    document,
    joined,
    local_hub,
)
from tests.journey.oracle import Bus, Truth, kept, truth
from tests.journey.recordings import DATA, LOGS, recorded

ADDRESS = "127.0.0.61"


class Drive(NamedTuple):
    """A recording, and the buses that it is of."""

    log: Path
    buses: tuple[Bus, ...]


def drive(folder: str, log: str, *databases: str) -> Drive:
    """A recording of one bus."""
    return Drive(LOGS / folder / log, (Bus("car", None, tuple(LOGS / folder / name for name in databases)),))


KONA = "hyundai_kona_ev_2021"
AURIS = ("accel", "brake", "engineoff", "handbrake", "ignition", "keyengage", "lights", "turnleft", "turnright")
DRIVES = (
    drive("ford_mustang_s550", "mustang_s550.log", "ford_lincoln_base_pt.dbc"),
    drive("tesla_model3_kuksa", "it-candump0.log", "it-can.dbc"),
    Drive(
        LOGS / KONA / "221217-1-2021-pcan-bcan-no-key.log",
        (
            Bus("powertrain", "can0", (LOGS / KONA / "pcan_fixed.dbc",)),
            Bus("body", "can1", (LOGS / KONA / "bcan_fixed.dbc",)),
        ),
    ),
    drive(KONA, "bms_idle_log_no_diagnostic_function_selected_30sec.asc", "pcan_fixed.dbc"),
    drive(KONA, "bms_main_relay_on.asc", "pcan_fixed.dbc"),
    drive(KONA, "bms_precharge_relay_on.asc", "pcan_fixed.dbc"),
    *(
        drive("toyota_auris", f"{name}.log", "toyota_new_mc_pt_generated.dbc", "toyota_iQ_2009_can.dbc")
        for name in AURIS
    ),
    drive("vw_mqb_e2e_vectors", "checksum_vectors_a.log", "vw_mqb.dbc"),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LOGS.is_dir(), reason=f"NO RECORDED DRIVE WAS TESTED: {DATA} is missing"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("drive", DRIVES, ids=lambda drive: f"{drive.log.parent.name}-{drive.log.stem}")
async def test_every_sample_of_a_recorded_drive_arrives_as_cantools_reads_it(drive: Drive, tmp_path: Path) -> None:
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything=EVERYTHING, each_second=EACH_SECOND))
        variables = {"BUSES": buses_variable(drive.buses), "REPLAY_LOG": str(drive.log), "REPLAY_SPEED": "0"}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            assert await agent.ended(90) == 0, agent.text()
            assert agent.alarms() == []
    arrived = delivered(hub.folder)
    expected = truth(recorded(drive.log), drive.buses)

    assert arrived.duplicates == 0
    assert_complete(arrived.payloads, expected)
    assert_same(arrived.payloads, kept(expected.samples))
    for (_, name), samples in joined(arrived.payloads).items():
        assert {sample.unit for sample in samples} == {expected.units[name]}
    tell(drive, arrived.payloads, arrived.body_bytes, expected)


def assert_complete(payloads: Sequence[Payload], expected: Truth) -> None:
    """What the headers prove: a first boot, no gap, and counters that add up to the log."""
    assert_numbered_without_gaps(payloads)
    for payload in payloads:
        assert payload.boot == 1
        assert payload.header["prev"] == {"boot": None, "last_seq": None}
        assert payload.header["evicted"] == []
        assert payload.header["clock"] == "recorded"
    buses = cast("list[dict[str, object]]", payloads[-1].header["buses"])
    for bus, (name, counts) in zip(buses, expected.counted.items(), strict=True):
        told = {"name": name, **asdict(counts), "dropped": 0, "remote": 0, "error": 0, "incomplete": 0, "state": None}
        assert told == {key: bus[key] for key in told}
        assert bool(bus["unknown_ids"]) == bool(counts.unknown)


def tell(drive: Drive, payloads: Sequence[Payload], body_bytes: int, expected: Truth) -> None:
    """Figures to quote, shown with `pytest -rA`."""
    frames = sum(counts.seen for counts in expected.counted.values())
    decoded = sum(map(len, expected.samples.values()))
    samples = sum(payload.kept for payload in payloads)
    print(  # noqa: T201
        f"{drive.log.parent.name}/{drive.log.name}: {frames} frames, {decoded} samples decoded, "
        f"{samples} kept, {len(payloads)} batches, {body_bytes / samples:.2f} bytes a sample; "
        f"{expected.beyond_cantools} frames beyond cantools"
    )


def test_recordings_in_mf4_wait_for_a_reader() -> None:
    waiting = sorted(str(path.relative_to(LOGS)) for path in LOGS.rglob("*.MF4"))
    assert waiting
    pytest.skip(f"not tested, they need an MF4 reader: {', '.join(waiting)}")
