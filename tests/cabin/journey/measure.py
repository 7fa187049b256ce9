"""`python -m tests.cabin.journey.measure`: what 50 signals at 10 Hz and three pages cost the cabin's process.

Without a hub, and connected to the local one, which is in this process. `--python` names an interpreter that has the
image's packages alone (modules/cabin/requirements.lock): some of these import what else they find. It is started as the
image does, without docstrings (`-OO`), its modules compiled by a start before.

Also how long a sample takes from the agent's publishing to the page's stream: each made signal changes with every tick,
and a View's tile of the speed says which tick it is of.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from bench.spool import free_address
from edge_agent.localhub.hub import LocalHub
from tests.cabin.journey.cabin_process import LOCK, ODOMETER, SPEED, cabin_process, played_agent, told_by, variables
from tests.cabin.journey.locks import ticking_of, transitions
from tests.cabin.page.browser import IS_THERE, connected, sitting, started
from tests.tap.broker import mosquitto

TILE = "#tiles [data-id=odometer] .value"
WATCH_PIXELS = f"""(() => {{
  window.pixels = [];
  const tile = document.querySelector("{TILE}");
  let last = tile.textContent;
  const drawn = (text) => requestAnimationFrame(() => window.pixels.push([Date.now(), text]));
  new MutationObserver(() => {{
    const text = tile.textContent;
    if (text === last) return;
    last = text;
    requestAnimationFrame(() => drawn(text.replaceAll(",", "")));
  }}).observe(tile, {{ subtree: true, childList: true, characterData: true }});
}})()"""
"""The frame that follows the one in which a number was laid out has it on the screen."""
SECONDS, PAGES, SIGNALS, CARS = 20, 3, 50, 10
TICK_S = os.sysconf("SC_CLK_TCK")


def used(pid: int) -> tuple[float, float]:
    """CPU seconds, and resident MiB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return (int(fields[11]) + int(fields[12])) / TICK_S, resident / 2**20


async def measured(folder: Path, interpreter: Sequence[str], hub: Mapping[str, str]) -> None:
    await asyncio.to_thread(folder.mkdir)
    sent: dict[float, float] = {}
    late_ms: list[float] = []
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(mosquitto(folder / "broker"))
        agent = await stack.enter_async_context(played_agent(broker, SIGNALS))
        own = variables(folder / "cabin", broker, **hub)
        async with cabin_process(folder / "cabin", own, interpreter):
            pass
        began = time.monotonic()
        cabin = await stack.enter_async_context(cabin_process(folder / "cabin", own, interpreter))
        print(f"start to the first byte of the page: {time.monotonic() - began:.2f} s")  # noqa: T201
        if hub:
            await told_by(cabin.events, "twin.hub_connected")
        pages = [await stack.enter_async_context(cabin.stream()) for _ in range(PAGES)]

        async def watch(number: int) -> None:
            async for view in pages[number]:
                speed = next((tile["value"] for tile in view["tiles"] if tile["id"] == "speed"), None)
                if not number and speed in sent:
                    late_ms.append((time.monotonic() - sent.pop(speed)) * 1000)

        watching = [asyncio.create_task(watch(number), name=f"page {number}") for number in range(PAGES)]
        agent.values[LOCK] = 1.0
        cpu, _ = used(cabin.process.pid)
        until = time.monotonic() + SECONDS
        number = 0
        while time.monotonic() < until:
            number += 1
            # Below what is taken for moving: a parked page redraws each 100 ms.
            agent.values[SPEED] = number % 900 / 1000
            sent[agent.values[SPEED]] = time.monotonic()
            await agent.tick()
            await asyncio.sleep(0.1)
        after, resident = used(cabin.process.pid)
        for task in watching:
            task.cancel()
    print(f"{SIGNALS} signals at 10 Hz, {PAGES} pages: {(after - cpu) / SECONDS:.1%} of a core, {resident:.1f} MiB")  # noqa: T201
    print(f"published to the page's stream: {_quantiles(late_ms)}")  # noqa: T201


def _quantiles(times_ms: list[float]) -> str:
    p99 = statistics.quantiles(times_ms, n=100)[98]
    most = max(times_ms)
    return f"p50 {statistics.median(times_ms):.0f} ms, p99 {p99:.0f} ms, max {most:.0f} ms of {len(times_ms)}"


async def drawn(folder: Path) -> None:
    """Published to drawn, in three pages of Chromium before a vehicle that stands still."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(mosquitto(folder / "broker"))
        agent = await stack.enter_async_context(played_agent(broker, SIGNALS))
        own = variables(folder / "cabin", broker)
        agent.values[ODOMETER] = 0.0
        cabin = await stack.enter_async_context(cabin_process(folder / "cabin", own))
        async with ticking_of(agent):
            await cabin.until_view(drive="parked")
        browser = await stack.enter_async_context(connected(stack.enter_context(started(folder / "chromium"))))
        seats = [await stack.enter_async_context(sitting(browser, cabin.served)) for _ in range(PAGES)]
        for seat in seats:
            await agent.tick()
            await seat.when(f"document.querySelector('{TILE}') !== null")
            await seat.ask(WATCH_PIXELS)
        sent_ms: dict[str, float] = {}
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            agent.values[ODOMETER] = len(sent_ms) + 1.0
            sent_ms[f"{len(sent_ms) + 1}"] = time.time() * 1000
            await agent.tick()
            await asyncio.sleep(0.1)
        seen = [one for seat in seats for one in await seat.ask("window.pixels")]
    late_ms = [at - sent_ms[text] for at, text in seen if text in sent_ms]
    print(f"published to drawn by {PAGES} pages: {_quantiles(late_ms)}, of {len(sent_ms) * PAGES} published")  # noqa: T201


async def locked(folder: Path, count: int) -> None:
    """So many transitions, shared by `CARS` cars at once."""
    starting = asyncio.Semaphore(2)  # imports are all that a start is

    async def one(number: int) -> tuple[list[float], list[float]]:
        async with AsyncExitStack() as stack:
            home = folder / str(number)
            home.mkdir()
            broker = await stack.enter_async_context(mosquitto(home / "broker"))
            agent = await stack.enter_async_context(played_agent(broker))
            async with starting:
                own = variables(home / "cabin", broker)
                cabin = await stack.enter_async_context(cabin_process(home / "cabin", own))
            async with ticking_of(agent):
                await cabin.until_view(within_s=20, drive="parked")
            return await transitions(cabin, agent, -(-count // CARS))

    seen = await asyncio.gather(*(one(number) for number in range(CARS)))
    opened = [wait for _, waits in seen for wait in waits]
    print(f"moving sample to locked View: {_quantiles([wait for waits, _ in seen for wait in waits])}")  # noqa: T201
    print(f"parked to open View: {min(opened):.2f} s to {max(opened):.2f} s")  # noqa: T201


async def main(folder: Path, interpreter: Sequence[str], locks: int) -> None:
    """What is asked for; without, all but the locks."""
    if locks:
        await locked(folder, locks)
        return
    if IS_THERE:
        await asyncio.to_thread((folder / "pages").mkdir)
        await drawn(folder / "pages")
    await measured(folder / "without", interpreter, {})
    hub = LocalHub(folder / "hub", address=free_address(), device="demo-vehicle", module="cabin")
    await hub.start()
    try:
        print("connected to a hub:")  # noqa: T201
        await measured(folder / "connected", interpreter, hub.environment("connection_string"))
    finally:
        await hub.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--locks", type=int, default=0)
    parser.add_argument("--python", default=sys.executable)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(main(Path(made), (chosen.python, "-OO"), chosen.locks))
