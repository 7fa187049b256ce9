"""The whole agent at the vehicle's local broker: a drive is played, and read where a head unit would read it."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.tap.tick import SIGNALS, STATUS, TICK
from tests.journey.line import VEHICLE, agent_process, buses_variable
from tests.journey.recordings import write_drive
from tests.tap.broker import AGENT, HOST, PASSWORDS, Mosquitto, mosquitto

SPEED = "Motion.VehicleSpeed"
TAP = {"signals": ["Motion.*"], "topics": [SPEED]}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def variables(home: Path, broker: Mosquitto) -> dict[str, str]:
    """An agent in a tunnel, with what it was told before."""
    home.mkdir()
    (home / "data").mkdir()
    document = {"$version": 5, "schema_version": 1, "rules": {}, "tap": TAP}
    (home / "data" / "twin.json").write_text(json.dumps(document))
    (home / "password").write_text(f"{PASSWORDS[AGENT]}\n")
    return {
        "BUSES": buses_variable(VEHICLE),
        "REPLAY_LOG": str(write_drive(home / "drive.log", seed=5, seconds=40)),
        "REPLAY_SPEED": "1",
        "EdgeHubConnectionString": f"HostName=h;GatewayHostName={HOST};DeviceId=d;ModuleId=m;SharedAccessKey=AAEC",
        "EdgeModuleCACertificateFile": "absent.pem",
        "TAP_BROKER": f"{HOST}:{broker.port}",
        "TAP_USER": AGENT,
        "TAP_PASSWORD_FILE": str(home / "password"),
    }


@pytest.mark.timed
async def test_a_drive_is_told_ten_times_a_second_over_the_brokers_restart(tmp_path: Path) -> None:
    async with (
        mosquitto(tmp_path / "broker") as broker,
        agent_process(tmp_path / "home", variables(tmp_path / "home", broker)) as agent,
    ):
        async with broker.reader("tap/#") as reader:
            ticks: list[Any] = await reader.heard(TICK, 20)
            [*_, signals] = await reader.heard(SIGNALS)
            [status, *_] = await reader.heard(STATUS)
        await broker.kill()
        await agent.told("tap.bus_down")
        await broker.start()
        async with broker.reader("tap/#") as reader:
            again: list[Any] = await reader.heard(TICK, 20)
        agent.terminate()
        assert await agent.ended() == 0
        async with broker.reader(STATUS) as later:
            left = await later.heard(STATUS)
        said = agent.text()

    assert [tick["seq"] for tick in again] == list(range(again[0]["seq"], again[0]["seq"] + 20))
    assert (again[0]["full"], again[0]["seq"] > ticks[-1]["seq"] + 1) == (True, True)
    for some in (ticks, again):
        lasted_s = (some[-1]["t"] - some[0]["t"]) / 1000
        assert 1.5 <= lasted_s <= 4
        speeds = [tick["v"][SPEED] for tick in some if SPEED in tick["v"]]
        assert len(speeds) >= 4
        assert all(0 <= age_ms < 1_500 for _, age_ms in speeds)
    assert SPEED in signals["signals"]  # type: ignore[operator]  # JSON
    assert signals["config_version"] == 5
    assert (status["online"], status["link_up"], left) == (True, False, [{"online": False}])
    assert PASSWORDS[AGENT] not in said
