"""A local MQTT broker for the demo's tap, where mosquitto is installed."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PATHS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
"""Debian has it where a user's PATH does not look."""
START_S = 5.0


@asynccontextmanager
async def local_broker(folder: Path, address: str) -> AsyncIterator[str]:
    """As TAP_BROKER takes it; empty where there is no mosquitto, or it does not start: the demo does without.

    It listens on a loopback address, lets everybody in, and ends with the block.
    """
    program = shutil.which("mosquitto", path=PATHS)
    port = _free_port(address)
    if program is None or port is None:
        yield ""
        return
    configuration = folder / "mosquitto.conf"
    configuration.write_text(f"listener {port} {address}\nallow_anonymous true\npersistence false\nlog_dest none\n")
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(configuration), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield f"{address}:{port}" if await _answers(process, address, port) else ""
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _free_port(address: str) -> int | None:
    """None where the address cannot be had; the hub, which needs it too, says so."""
    try:
        with socket.create_server((address, 0)) as free:
            port: int = free.getsockname()[1]
    except OSError:
        return None
    return port


async def _answers(process: asyncio.subprocess.Process, address: str, port: int) -> bool:
    """Whether it takes connections, within `START_S`."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + START_S
    while process.returncode is None and loop.time() < until_s:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return True
    return False
