import asyncio
from pathlib import Path

import pytest

from edge_agent.desk.hub_process import HubProcess
from edge_agent.errors import LocalHubNotStarted
from edge_agent.localhub.admin_client import AdminClient

ADDRESS, ANOTHER = "127.0.0.70", "127.0.0.233"


async def test_a_killed_hub_goes_on_with_the_same_keys_and_twins(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path, ADDRESS)
    admin = AdminClient(tmp_path)
    try:
        await hub.start()
        before = dict(hub.environment)
        await asyncio.to_thread(admin.patch_desired, "demo-vehicle", "telematics", '{"a": 1}')
        await hub.kill()
        await hub.start()
        twin = await asyncio.to_thread(admin.twin, "demo-vehicle", "telematics")
    finally:
        await hub.kill()
    assert set(before) == {"EdgeHubConnectionString", "EdgeModuleCACertificateFile"}
    assert hub.environment == before
    assert '"a":1' in twin.replace(" ", "")


async def test_killing_a_hub_that_does_not_run_does_nothing(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path, ADDRESS)
    await hub.kill()
    assert hub.environment == {}


async def test_a_hub_that_does_not_start_says_why(tmp_path: Path) -> None:
    first, second = HubProcess(tmp_path, ADDRESS), HubProcess(tmp_path, ANOTHER)
    try:
        await first.start()
        with pytest.raises(LocalHubNotStarted, match=f"^the local hub cannot start: {tmp_path}: another hub runs"):
            await second.start()
    finally:
        await first.kill()
        await second.kill()


async def test_a_hub_whose_address_was_taken_meanwhile_says_it_once(tmp_path: Path) -> None:
    first, second = HubProcess(tmp_path / "first", ADDRESS), HubProcess(tmp_path / "second", ADDRESS)
    try:
        await first.start()
        with pytest.raises(LocalHubNotStarted, match=f"^the local hub cannot start: {ADDRESS}:8883 is in use"):
            await second.start()
    finally:
        await first.kill()
        await second.kill()
