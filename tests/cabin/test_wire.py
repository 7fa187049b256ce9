"""Every byte that leaves the head unit's server, whatever is in the calendar and however it drives.

`CABIN_WIRE=100000 pytest -s tests/cabin/test_wire.py` asks so many scenes of the application; of the sockets fewer.
"""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from cabin.web.actions import routes
from tests.cabin.vehicles import Vehicle
from tests.cabin.wire import (
    ACTS,
    READS,
    Doors,
    Scene,
    a_scene,
    by_application,
    by_sockets,
    every_request,
    guarded_vehicle,
    is_secret,
    judge,
    scenes,
)

SCENES = int(os.environ.get("CABIN_WIRE", "500"))
OF_SOCKETS = 60


@contextlib.contextmanager
def kept(opening: AbstractAsyncContextManager[Doors]) -> Iterator[tuple[asyncio.Runner, Doors]]:
    """Doors that stay open over many runs of an event loop."""
    ready: asyncio.Queue[Doors] = asyncio.Queue()
    stop = asyncio.Event()

    async def keep() -> None:
        async with opening as doors:
            ready.put_nowait(doors)
            await stop.wait()

    with asyncio.Runner() as runner:
        keeping = runner.get_loop().create_task(keep(), name="doors")
        try:
            yield runner, runner.run(ready.get())
        finally:
            stop.set()
            runner.run(asyncio.wait_for(keeping, 5))


@pytest.mark.timeout(30 + SCENES // 20)
async def test_no_byte_beyond_the_table_is_answered(tmp_path: Path) -> None:
    vehicle, began = guarded_vehicle(), time.monotonic()
    async with by_application(vehicle, tmp_path) as doors:
        for _ in range(SCENES):
            seed = secrets.randbits(32)
            try:
                await judge(vehicle, doors, a_scene(Random(seed)))  # noqa: S311  nothing is kept secret by it
            except AssertionError as error:
                error.add_note(f"the scene of seed {seed}")
                raise
    print(f"{SCENES} scenes of {len(every_request(['a', 'b']))} requests in {time.monotonic() - began:.0f} s")  # noqa: T201


@pytest.mark.timeout(60)
def test_no_byte_beyond_the_table_leaves_by_any_socket(tmp_path: Path) -> None:
    vehicle = guarded_vehicle()
    with kept(by_sockets(vehicle, tmp_path)) as (runner, doors):

        @settings(max_examples=OF_SOCKETS, suppress_health_check=[HealthCheck.too_slow])
        @given(scenes())
        def holds(scene: Scene) -> None:
            runner.run(judge(vehicle, doors, scene))

        holds()


async def test_all_that_is_hidden_while_driving_is_told_while_parked(tmp_path: Path) -> None:
    vehicle, scene = guarded_vehicle(), a_scene(Random(7))  # noqa: S311  it is always the same
    vehicle.meetings = scene.meetings
    vehicle.park()
    async with by_application(vehicle, tmp_path) as doors:
        assert is_secret((await doors.streamed()).decode())
        asked = [one for one in every_request([scene.meetings[0].key]) if one.body is None]
        told = await doors.answers(asked)
        telling = {one.path for one, answer in zip(asked, told, strict=True) if is_secret(answer.body.decode())}
        assert telling >= {
            "/api/v1/view",
            "/api/v1/trips",
            "/api/v1/trips/QXZtrip",
            "/api/v1/bridge",
            "/api/v1/export?format=csv",
        }


def test_every_door_is_tried() -> None:
    tried = {path.partition("?")[0].replace("QXZtrip", "{key}") for path in (*READS, *(path for path, _ in ACTS))}
    assert {route.path for route in routes(Vehicle().cockpit)} <= tried
