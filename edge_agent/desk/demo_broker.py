"""A local MQTT broker for the demo, as a process: mosquitto where it is installed, else amqtt from PyPI."""

import asyncio
import json
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

PATHS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
"""Debian has it where a user's PATH does not look."""
START_S = 10.0

Version = Literal["5", "3.1.1"]


@dataclass(frozen=True, slots=True)
class Running:
    """A broker, as TAP_BROKER and TAP_MQTT take it."""

    address: str
    version: Version


@asynccontextmanager
async def local_broker(folder: Path, address: str) -> AsyncIterator[Running | None]:
    """None where there is neither broker, or it does not start: the demo does without.

    It listens on a loopback address, lets everybody in, and ends with the block.
    """
    port = _free_port(address)
    found = None if port is None else _command(folder, address, port)
    if port is None or found is None:
        yield None
        return
    version, command = found
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield Running(f"{address}:{port}", version) if await _answers(process, address, port) else None
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _command(folder: Path, address: str, port: int) -> tuple[Version, tuple[str, ...]] | None:
    if program := shutil.which("mosquitto", path=PATHS):
        configuration = folder / "mosquitto.conf"
        configuration.write_text(f"listener {port} {address}\nallow_anonymous true\npersistence false\nlog_dest none\n")
        return "5", (program, "-c", str(configuration))
    if find_spec("amqtt") is None:
        return None
    configuration = folder / "amqtt.yaml"
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    listener = {"default": {"type": "tcp", "bind": f"{address}:{port}"}}
    configuration.write_text(json.dumps({"listeners": listener, "plugins": anonymous}))  # JSON is YAML
    return "3.1.1", (sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(configuration))


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
