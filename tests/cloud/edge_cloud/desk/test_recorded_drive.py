"""Nineteen minutes of a car with a GNSS receiver, through the agent's own code and into a lake."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.acquire.block import Frame
from edge_cloud.desk.cli import app
from edge_cloud.lake import Lake
from edge_cloud.records import Message
from tests.cloud.edge_cloud.desk.recorded_drive import LOGS, READER, as_candump, gnss_km, messages

pytestmark = [
    pytest.mark.skipif(not LOGS, reason="no recordings beside the repository"),
    pytest.mark.skipif(not READER.exists(), reason="the environment that reads MF4 is not here: make mf4"),
    pytest.mark.timeout(300),
]

POSITION = ["latitude,gnss_pos.Latitude,1", "longitude,gnss_pos.Longitude,1"]
RECEIVER = "speed,gnss_speed.Speed,3.6"
ODOMETER = "odometer,gnss_odo.DistanceTrip,0.001"
SPEEDOMETER = "speed,OBD_RX.S01PID0D_VehicleSpeed,1"


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Frame]:
    return as_candump(tmp_path_factory.mktemp("drive") / "drive.log")


@pytest.fixture(scope="module")
def sent(frames: list[Frame]) -> list[Message]:
    return messages(frames)


def lake_of(folder: Path, sent: list[Message], roles: list[str]) -> Lake:
    (folder / "roles.csv").write_text("\n".join(["role,signal,factor", *roles]))
    (folder / "drive.json.gz").write_bytes(b"".join(message.body for message in sent))
    for args in (["ingest", str(folder / "drive.json.gz")], ["gold", "--roles", str(folder / "roles.csv")]):
        result = CliRunner().invoke(app, [*args, "--lake", str(folder / "lake")])
        assert result.exit_code == 0, result.output
    return Lake.reading(folder / "lake")


@pytest.mark.parametrize(
    ("roles", "source"), [([RECEIVER, *POSITION], "speed"), ([SPEEDOMETER, ODOMETER, *POSITION], "odometer")]
)
def test_the_trip_and_the_day_are_as_long_as_the_receiver_says(
    tmp_path: Path, frames: list[Frame], sent: list[Message], roles: list[str], source: str
) -> None:
    lake = lake_of(tmp_path, sent, roles)
    (trip,), (day,) = lake.read("trips").to_pylist(), lake.read("daily").to_pylist()
    assert trip["km_source"] == source
    assert trip["km"] == pytest.approx(gnss_km(frames), rel=0.01)
    assert day["km"] == trip["km"]
    assert (trip["completeness"], day["completeness"], trip["lost"]) == (1, 1, 0)


def test_a_car_s_own_speed_reads_high_and_a_factor_sets_it_right(
    tmp_path: Path, frames: list[Frame], sent: list[Message]
) -> None:
    (trip,) = lake_of(tmp_path, sent, [SPEEDOMETER]).read("trips").to_pylist()
    assert 1.03 < trip["km"] / gnss_km(frames) < 1.07


def test_a_hole_shows_in_the_trip_and_in_the_day(tmp_path: Path, sent: list[Message]) -> None:
    lake = lake_of(tmp_path, [message for n, message in enumerate(sent) if not 40 <= n < 45], [RECEIVER])
    (trip,), (day,), (gap,) = (lake.read(name).to_pylist() for name in ("trips", "daily", "gaps"))
    assert (gap["from_seq"], gap["to_seq"], gap["place"], gap["why"]) == (40, 44, "middle", "unknown")
    assert trip["lost"] == day["lost"] == 5
    assert trip["completeness"] == pytest.approx(1 - 5 / (trip["got"] + 5))
    assert trip["completeness"] < 1
