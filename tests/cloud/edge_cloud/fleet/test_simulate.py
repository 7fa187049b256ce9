"""Real vehicles on a real hub: MQTT, TLS, keys; the hub in this process, so that its faults can be turned."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.localhub.hub import LocalHub
from edge_cloud.fleet.generator import Plan, vehicle
from edge_cloud.fleet.ledger import Ledger, arrived_at, judge
from edge_cloud.fleet.recorded import patterns
from edge_cloud.fleet.session import Credentials
from edge_cloud.fleet.simulate import NoHub, Run, credentials_of, hub_at, simulate
from edge_cloud.readers.arrivals import read_arrivals

pytestmark = pytest.mark.timeout(90)
DRIVE = patterns(vehicle(Plan(vehicles=1, seconds=60, boots=1, lost=0.0, doubled=0.0), 0).messages)


async def driven(
    folder: Path, address: str, run: Run, during: Callable[[LocalHub, Ledger], None] = lambda *_: None
) -> Ledger:
    ledger = Ledger()
    others = [(f"car-{n:06d}", "telematics") for n in range(run.vehicles)]
    hub = LocalHub(folder, address=address, identities=others)
    await hub.start()
    try:
        credentials = credentials_of(folder, run.vehicles)
        told = lambda: during(hub, ledger)  # noqa: E731  a call with what this test has
        await simulate(run, hub_at(folder, address), credentials, DRIVE, ledger=ledger, acknowledged=told)
    finally:
        await hub.stop()
    return ledger


async def test_every_message_of_every_vehicle_arrives_once(tmp_path: Path) -> None:
    ledger = await driven(tmp_path, "127.0.0.202", Run(vehicles=8, boot=5, rounds=2, rate=0.0))
    verdict = judge(ledger, arrived_at(tmp_path))

    assert (verdict.acknowledged, verdict.lost, verdict.duplicates, verdict.unknown) == (16 * len(DRIVE), (), 0, 0)
    assert {message.device for message in read_arrivals(tmp_path / "arrived.jsonl")} == {
        f"car-{n:06d}" for n in range(8)
    }


async def test_a_hub_that_drops_everybody_loses_nothing_and_each_goes_on_by_itself(tmp_path: Path) -> None:
    dropped: list[int] = []

    def drop(hub: LocalHub, ledger: Ledger) -> None:
        if len(ledger.acked_us) >= 2 * len(DRIVE) and not dropped:
            dropped.append(1)
            hub.drop_connections()

    ledger = await driven(tmp_path, "127.0.0.203", Run(vehicles=5, boot=5, rounds=2, rate=0.0), drop)
    verdict = judge(ledger, arrived_at(tmp_path))

    assert (verdict.acknowledged, verdict.lost) == (10 * len(DRIVE), ())
    assert ledger.disconnections >= 5
    assert verdict.duplicates <= ledger.again


async def test_the_pace_is_what_was_asked_for(tmp_path: Path) -> None:
    ledger = await driven(tmp_path, "127.0.0.204", Run(vehicles=4, boot=5, rounds=1, rate=20.0))
    total = 4 * len(DRIVE)

    assert max(ledger.acked_us.values()) / 1e6 >= (total - 1) / 20


async def test_a_vehicle_that_the_hub_does_not_know_ends_the_run_with_its_name(tmp_path: Path) -> None:
    hub = LocalHub(tmp_path, address="127.0.0.205")
    await hub.start()
    try:
        stranger = Credentials("car-000009", "telematics", "AAAA")
        run = Run(vehicles=1, boot=1, rounds=1, rate=0.0, patience_s=0.0)
        with pytest.raises(NoHub, match=r"car-000009 cannot send to 127\.0\.0\.205"):
            await simulate(run, hub_at(tmp_path, "127.0.0.205"), [stranger], DRIVE, ledger=Ledger())
    finally:
        await hub.stop()


def test_a_hub_without_vehicles_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(NoHub, match="--vehicles 3"):
        credentials_of(tmp_path, 3)


def test_the_command_starts_a_hub_by_itself_and_counts(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "fleet"), "simulate", "--vehicles", "3", "--address", "127.0.0.206"]
    words = [*command, "--json", "--ledger", str(tmp_path / "ledger.jsonl")]
    environment = {"PATH": str(Path(sys.executable).parent)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)  # noqa: S603

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["lost"], told["duplicates"]) == (0, 0)
    assert told["acknowledged"] == len((tmp_path / "ledger.jsonl").read_text().splitlines()) > 0
