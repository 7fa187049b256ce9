"""The server as a process of its own, with a cockpit that changes ten times a second: `python -m … FOLDER SIGNALS`.

Prints its port, then at SIGTERM the seconds of CPU it took and its greatest size in kB; exits 0.
"""

import asyncio
import resource
import signal
import sys
from pathlib import Path

import structlog

from cabin.web.launch import Launch
from cabin.web.server import listener, serve
from tests.cabin.web.fake_cockpit import FakeCockpit, Object


class Instruments(FakeCockpit):
    """As many tiles as are asked for."""

    def __init__(self, tiles: int) -> None:
        super().__init__()
        self.tiles = tiles

    def view(self) -> Object:
        tile = {"unit": "km/h", "age_ms": 40, "state": "live", "label": None}
        tiles = [{"id": f"signal_{n}", "value": n + self.seq / 10, **tile} for n in range(self.tiles)]
        return {**super().view(), "tiles": tiles}  # type: ignore[dict-item]  # a list of objects is JSON


async def turn(cockpit: FakeCockpit, stop: asyncio.Event) -> None:
    while not stop.is_set():
        cockpit.do(speed=float(cockpit.seq % 100))
        await asyncio.sleep(0.1)


async def run(folder: Path, tiles: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    opened = listener("127.0.0.1", 0)
    cockpit, launch = Instruments(tiles), Launch(folder)
    print(opened.getsockname()[1], flush=True)  # noqa: T201  for whoever started it
    async with asyncio.TaskGroup() as group:
        group.create_task(turn(cockpit, stop), name="turn")
        group.create_task(serve(cockpit, opened, launch, structlog.get_logger(), stop), name="web")


if __name__ == "__main__":
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss, flush=True)  # noqa: T201  for whoever started it
